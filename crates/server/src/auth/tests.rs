mod hostile;
mod keys;

pub(super) use keys::Signer;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;

use super::*;

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
    // Nothing that is fetched is asked for here, so nothing waits.
    let verifier = verifier(config);
    let known = verifier.authenticate(bearer(&headers)?).now_or_never();
    known.unwrap().map(|(principal, _)| principal)
}

fn verifier(config: &AuthConfig) -> Verifier {
    Verifier::new(config, Arc::new(Noon), &Arc::default()).unwrap()
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
    for tenant in ["", "acme"] {
        let alice = Principal::new("alice".parse().unwrap(), vec!["admin".to_owned()]);
        let alice = alice.of_tenant(tenant.parse().unwrap());
        let token = mint(&config(), &alice, Noon.now(), 60).unwrap();
        assert_eq!(check(token.expose()).unwrap(), alice);
    }
}

#[test]
fn claim_names_are_those_of_the_configuration() {
    let claims_config = ClaimsConfig {
        subject: "user_id".to_owned(),
        roles: "groups".to_owned(),
        tenant: "org.id".to_owned(),
    };
    let config = AuthConfig {
        claims: claims_config,
        ..config()
    };
    let token = hs256(&claims(
        json!({"sub": null, "user_id": "u-7", "groups": ["admin"], "org": {"id": "acme"}}),
    ));
    let principal = present(&[&format!("bearer {token}")], &config).unwrap();
    assert_eq!(principal.subject.as_str(), "u-7");
    assert_eq!(principal.roles, ["admin"]);
    assert_eq!(principal.tenant.as_str(), "acme");
    assert!(present(&[&format!("Bearer {}", hs256(&good()))], &config).is_err());
}

#[test]
fn a_token_says_in_which_tenant_it_is_or_is_of_the_default_one() {
    let ticket = |tenant: Value| json!({"tenant": tenant, "jti": "1", "valetkey": {}});
    let longest = "x".repeat(255);
    for (tenant, expected) in [
        (json!("acme"), "acme"),
        (json!(longest), longest.as_str()),
        (json!(""), ""),
        (json!(null), ""),
    ] {
        let token = hs256(&claims(json!({"tenant": tenant})));
        assert_eq!(check(&token).unwrap().tenant.as_str(), expected);
        let holder = check(&hs256(&claims(ticket(tenant)))).unwrap();
        assert_eq!(
            (holder.tenant.as_str(), holder.ticket.is_some()),
            (expected, true)
        );
    }
    let too_long = "x".repeat(256);
    for tenant in [
        json!(7),
        json!(["acme"]),
        json!({}),
        json!(true),
        json!("é"),
        json!("a\nb"),
        json!(too_long),
    ] {
        for claims in [json!({"tenant": tenant}), ticket(tenant.clone())] {
            let problem = check(&hs256(&super::tests::claims(claims))).unwrap_err();
            assert_eq!(problem.code, Code::Unauthenticated);
            assert!(problem.detail.contains("`tenant`"), "{}", problem.detail);
        }
    }
    let mut without = config();
    without.claims.tenant = String::new();
    let token = format!("Bearer {}", hs256(&claims(json!({"tenant": "acme"}))));
    assert!(present(&[&token], &without).unwrap().tenant.is_default());
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
    let alice = Principal::new("alice".parse().unwrap(), Vec::new());
    let token = mint(&config(), &alice, Noon.now(), 60).unwrap();
    assert_eq!(format!("{token:?}"), "[redacted]");
}
