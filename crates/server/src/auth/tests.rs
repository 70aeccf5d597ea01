use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::config::ClaimsConfig;

const NOW: i64 = 1_800_000_000;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }
}

fn config() -> AuthConfig {
    AuthConfig {
        secret: Secret::new("a-rather-long-secret-of-the-tests-1"),
        issuer: "https://app.example".to_owned(),
        audience: "valetkey".to_owned(),
        ..AuthConfig::default()
    }
}

fn good() -> Claims {
    let claims = json!({
        "iss": "https://app.example", "aud": "valetkey", "sub": "alice", "iat": NOW - 10, "exp": NOW + 60,
    });
    claims.as_object().unwrap().clone()
}

/// The good claims with some changed, or with null taken away.
fn claims(changes: Value) -> Claims {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn sign(header: Value, claims: &Claims, config: &AuthConfig) -> String {
    let part = |json: &[u8]| URL_SAFE_NO_PAD.encode(json);
    let header = part(header.to_string().as_bytes());
    let message = format!("{header}.{}", part(&serde_json::to_vec(claims).unwrap()));
    let key = EncodingKey::from_secret(config.secret.expose().as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn hs256(claims: &Claims) -> String {
    sign(json!({"alg": "HS256", "typ": "JWT"}), claims, &config())
}

fn present(authorization: &[&str], config: &AuthConfig) -> Result<Principal, Problem> {
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    let known = Verifier::new(config, Arc::new(Noon)).authenticate(&headers);
    known.map(|(principal, _)| principal)
}

fn check(token: &str) -> Result<Principal, Problem> {
    present(&[&format!("Bearer {token}")], &config())
}

#[test]
fn a_good_token_says_who_it_is() {
    let principal = check(&hs256(&claims(json!({"roles": ["admin", "editor"]})))).unwrap();
    assert_eq!(principal.subject.as_str(), "alice");
    assert_eq!(principal.roles, ["admin", "editor"]);
    let one = check(&hs256(&claims(json!({"roles": "admin"})))).unwrap();
    assert_eq!(one.roles, ["admin"]);
    assert!(check(&hs256(&good())).unwrap().roles.is_empty());
    assert!(check(&hs256(&claims(json!({"aud": ["other", "valetkey"]})))).is_ok());
}

#[test]
fn a_minted_token_is_a_good_token() {
    let (config, alice) = (config(), Subject::parse("alice").unwrap());
    let token = mint(&config, &alice, &["admin".to_owned()], Noon.now(), 60).unwrap();
    let principal = check(token.expose()).unwrap();
    assert_eq!(
        (principal.subject, principal.roles),
        (alice, vec!["admin".to_owned()])
    );
}

#[test]
fn claim_names_are_those_of_the_configuration() {
    let claims_config = ClaimsConfig {
        subject: "user_id".to_owned(),
        roles: "groups".to_owned(),
    };
    let config = AuthConfig {
        claims: claims_config,
        ..config()
    };
    let token = hs256(&claims(
        json!({"sub": null, "user_id": "u-7", "groups": ["admin"]}),
    ));
    let principal = present(&[&format!("bearer {token}")], &config).unwrap();
    assert_eq!(principal.subject.as_str(), "u-7");
    assert_eq!(principal.roles, ["admin"]);
    assert!(present(&[&format!("Bearer {}", hs256(&good()))], &config).is_err());
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn what_does_not_hold_is_refused() {
    let changed = |changes: Value| hs256(&claims(changes));
    let headed = |header: Value| sign(header, &good(), &config());
    let other_key = AuthConfig {
        secret: Secret::new("b".repeat(40)),
        ..config()
    };
    let good_token = hs256(&good());
    let (message, signature) = good_token.rsplit_once('.').unwrap();
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&good()).unwrap())
    );
    let cases = [
        ("no signature", unsigned),
        ("cut signature", format!("{message}.{}", &signature[..10])),
        ("empty signature", format!("{message}.")),
        (
            "other key",
            sign(json!({"alg": "HS256"}), &good(), &other_key),
        ),
        ("HS512 in the header", headed(json!({"alg": "HS512"}))),
        ("RS256 in the header", headed(json!({"alg": "RS256"}))),
        ("no alg", headed(json!({"typ": "JWT"}))),
        (
            "jku",
            headed(json!({"alg": "HS256", "jku": "https://evil.example"})),
        ),
        (
            "x5u",
            headed(json!({"alg": "HS256", "x5u": "https://evil.example"})),
        ),
        ("x5c", headed(json!({"alg": "HS256", "x5c": ["AAAA"]}))),
        (
            "jwk",
            headed(json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}})),
        ),
        ("crit", headed(json!({"alg": "HS256", "crit": ["exp"]}))),
        ("no exp", changed(json!({"exp": null}))),
        ("no iat", changed(json!({"iat": null}))),
        ("no aud", changed(json!({"aud": null}))),
        ("no iss", changed(json!({"iss": null}))),
        ("no sub", changed(json!({"sub": null}))),
        (
            "exp as text",
            changed(json!({"exp": (NOW + 60).to_string()})),
        ),
        ("iat as text", changed(json!({"iat": NOW.to_string()}))),
        ("nbf as text", changed(json!({"nbf": "0"}))),
        ("other aud", changed(json!({"aud": "other"}))),
        ("other iss", changed(json!({"iss": "https://evil.example"}))),
        (
            "a list of iss",
            changed(json!({"iss": ["https://app.example"]})),
        ),
        ("sub no text", changed(json!({"sub": 7}))),
        ("sub empty", changed(json!({"sub": ""}))),
        ("sub not ASCII", changed(json!({"sub": "é"}))),
        ("roles no text", changed(json!({"roles": [7]}))),
        ("nbf to come", changed(json!({"nbf": NOW + 31}))),
        (
            "iat to come",
            changed(json!({"iat": NOW + 31, "exp": NOW + 60})),
        ),
        (
            "too long a life",
            changed(json!({"iat": NOW, "exp": NOW + 86_401})),
        ),
        ("no token", String::new()),
        ("words", "a.b.c".to_owned()),
    ];
    for (name, token) in cases {
        let problem = check(&token).expect_err(name);
        assert_eq!(
            problem.code,
            Code::Unauthenticated,
            "{name}: {}",
            problem.detail
        );
        assert!(
            token.is_empty() || !problem.detail.contains(&token),
            "{name}"
        );
    }
}

#[test]
fn a_token_that_was_good_once_is_told_apart() {
    let problem = check(&hs256(&claims(json!({"iat": NOW - 90, "exp": NOW - 30})))).unwrap_err();
    assert_eq!(problem.code, Code::TokenExpired);
}

#[test]
fn clocks_may_differ_by_half_a_minute() {
    for changes in [
        json!({"iat": NOW - 90, "exp": NOW - 29}),
        json!({"nbf": NOW + 30}),
        json!({"iat": NOW + 30}),
        json!({"exp": NOW as f64 + 0.5}),
    ] {
        assert!(check(&hs256(&claims(changes.clone()))).is_ok(), "{changes}");
    }
}

#[test]
fn exactly_one_bearer_is_asked_for() {
    let token = hs256(&good());
    let bearer = format!("Bearer {token}");
    assert!(present(&[], &config()).is_err());
    assert!(present(&[&bearer, &bearer], &config()).is_err());
    assert!(present(&[&format!("Basic {token}")], &config()).is_err());
    assert!(present(&[&token], &config()).is_err());
}

#[test]
fn a_token_is_never_printed() {
    let token = mint(
        &config(),
        &Subject::parse("alice").unwrap(),
        &[],
        Noon.now(),
        60,
    )
    .unwrap();
    assert_eq!(format!("{token:?}"), "[redacted]");
}
