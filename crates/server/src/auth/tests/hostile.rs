//! Tokens of attackers. The tests are named for the rows of the list of threats that they stand for.

use super::*;

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

/// A17: algorithm `none`, however it is written.
#[test]
fn a17_none_is_no_algorithm() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&good()).unwrap());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{payload}.{signature}");
            let problem = check(&token).expect_err(alg);
            assert_eq!(problem.code, Code::Unauthenticated, "{alg}");
        }
        let signed = sign(json!({ "alg": alg }), &good(), &config());
        assert!(check(&signed).is_err(), "{alg}");
    }
}

/// A18: what has to be there is there, and is what it should be.
#[test]
fn a18_times_issuer_and_audience_are_there_and_of_their_type() {
    for name in ["exp", "iat", "aud", "iss"] {
        for value in [json!(null), json!({}), json!([]), json!(true), json!("x")] {
            let changed = claims(json!({ name: value }));
            assert!(check(&hs256(&changed)).is_err(), "{name}: {value}");
        }
    }
    for number in [
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(0),
        json!(-1),
    ] {
        let changed = claims(json!({ "exp": number }));
        assert!(check(&hs256(&changed)).is_err(), "{number}");
    }
}

/// A19: nothing in the header chooses where a key comes from.
#[test]
fn a19_a_kid_is_a_name_and_no_path_address_or_query() {
    let headed = |kid: &str| sign(json!({"alg": "HS256", "kid": kid}), &good(), &config());
    for kid in ["key-1", "1K3mXz+rjzNc0LQjJe5xIYrZ1nWXxF1Ql/8x8kA7s3U="] {
        assert!(check(&headed(kid)).is_ok(), "{kid}");
    }
    let long = "a".repeat(65);
    for kid in [
        "",
        "../../../../dev/null",
        "..",
        "a b",
        "key\0",
        "k' OR '1'='1",
        "http://evil.example/jwks",
        "file:///etc/passwd",
        "key\nkey",
        "é",
        "%2e%2e%2f",
        "|whoami",
        &long,
    ] {
        let problem = check(&headed(kid)).expect_err(kid);
        assert!(
            problem.detail.contains("`kid`"),
            "{kid}: {}",
            problem.detail
        );
    }
    let odd = sign(json!({"alg": "HS256", "kid": 7}), &good(), &config());
    assert!(check(&odd).is_err());
}

#[test]
fn a_huge_token_is_refused_unread() {
    let filled = |bytes: usize| hs256(&claims(json!({"filler": "x".repeat(bytes)})));
    assert!(check(&filled(8_000)).is_ok());
    let problem = check(&filled(LONGEST_TOKEN)).unwrap_err();
    assert!(problem.detail.contains("longer than"), "{}", problem.detail);
}

/// What stands there twice means two things to two readers.
#[test]
fn an_issuer_that_is_there_twice_is_refused() {
    let payload = serde_json::to_string(&good()).unwrap();
    let payload = payload.replacen('{', r#"{"iss":"https://evil.example","#, 1);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(config().secret.expose().as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    assert!(check(&format!("{message}.{signature}")).is_err());
}
