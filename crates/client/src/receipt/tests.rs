use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use valetkey_protocol::Jwk;

use super::*;

/// The keys of RFC 8037, appendix A, and of RFC 8032, §7.1 test 2: seed and public key.
const ONE: (&str, &str) = (
    "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
);
const TWO: (&str, &str) = (
    "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oztX9PUwHA",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0ZgY",
);

fn public(key: (&str, &str)) -> Jwk {
    let bytes = URL_SAFE_NO_PAD.decode(key.1).unwrap();
    Jwk::ed25519(&bytes.try_into().unwrap())
}

fn keys(of: &[(&str, &str)]) -> ReceiptKeys {
    let keys: Vec<_> = of.iter().map(|key| public(*key)).collect();
    ReceiptKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "https://files.example.com", "sub": "alice", "iat": 1_767_225_600,
        "id": "01a20a4e-c940-73fb-b415-1a1280a1e929", "bucket": "files", "key": "files/alice/x/a.txt", "size": 5,
        "checksum": {"algorithm": "crc64nvme", "value": "rosUhgp5mIg="}, "integrity": "checksum",
        "content_type": "text/plain", "etag": "\"e\"", "verified_at": "2026-01-01T00:00:00Z",
    })
}

fn header(kid: &str) -> Value {
    json!({"alg": "EdDSA", "typ": "receipt+jwt", "kid": kid})
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A JWS as anybody could write it.
fn signed(header: &Value, claims: &Value, key: (&str, &str)) -> String {
    let prefix = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    let seed = URL_SAFE_NO_PAD.decode(key.0).unwrap();
    let key = EncodingKey::from_ed_der(&[&prefix[..], &seed].concat());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn good(key: (&str, &str)) -> String {
    signed(&header(&public(key).kid), &claims(), key)
}

fn why(keys: &ReceiptKeys, receipt: &str) -> String {
    keys.verify(receipt).unwrap_err().to_string()
}

#[test]
fn a_good_receipt_says_what_was_signed() {
    let receipt = keys(&[TWO, ONE]).verify(&good(ONE)).unwrap();
    assert_eq!(serde_json::to_value(&receipt).unwrap(), claims());
    check_issuer(&receipt, "https://files.example.com/").unwrap();
    let other = check_issuer(&receipt, "https://files.example.org").unwrap_err();
    assert!(matches!(other, ReceiptError::Issuer { .. }), "{other}");
}

#[test]
fn a_changed_claim_a_changed_header_and_a_changed_signature_are_noticed() {
    let receipt = good(ONE);
    let parts: Vec<_> = receipt.split('.').collect();
    let mut changed = claims();
    changed["size"] = 6.into();
    let first = match parts[2].starts_with('A') {
        true => 'B',
        false => 'A',
    };
    for forged in [
        format!("{}.{}.{}", parts[0], encode(&changed), parts[2]),
        format!(
            "{}.{}.{}",
            parts[0],
            parts[1],
            good(TWO).rsplit('.').next().unwrap()
        ),
        format!(
            "{}.{}.{}",
            encode(&header(&public(TWO).kid)),
            parts[1],
            parts[2]
        ),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{first}{}", parts[0], parts[1], &parts[2][1..]),
    ] {
        let refused = keys(&[ONE, TWO]).verify(&forged).unwrap_err();
        assert!(
            matches!(refused, ReceiptError::Signature),
            "{forged}: {refused}"
        );
    }
}

#[test]
fn a_key_that_is_not_published_signs_nothing_whatever_it_is_called() {
    let unknown = keys(&[ONE]).verify(&good(TWO)).unwrap_err();
    assert!(matches!(&unknown, ReceiptError::UnknownKey { kid } if *kid == public(TWO).kid));
    let borrowed = signed(&header(&public(ONE).kid), &claims(), TWO);
    let refused = keys(&[ONE]).verify(&borrowed).unwrap_err();
    assert!(matches!(refused, ReceiptError::Signature), "{refused}");
    let nameless = signed(
        &json!({"alg": "EdDSA", "typ": "receipt+jwt"}),
        &claims(),
        ONE,
    );
    assert!(keys(&[ONE]).verify(&nameless).is_err());
}

#[test]
fn no_other_algorithm_is_taken() {
    let kid = public(ONE).kid;
    let known = keys(&[ONE]);
    for alg in ["none", "None", "HS256", "RS256", "ES256"] {
        let header = json!({"alg": alg, "typ": "receipt+jwt", "kid": kid});
        let unsigned = format!("{}.{}.", encode(&header), encode(&claims()));
        assert!(why(&known, &unsigned).contains("no receipt"), "{alg}");
    }
    // The public key, which everybody has, as the secret of an HMAC.
    let secret = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(ONE.1).unwrap());
    let header = json!({"alg": "HS256", "typ": "receipt+jwt", "kid": kid});
    let message = format!("{}.{}", encode(&header), encode(&claims()));
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
    assert!(why(&known, &format!("{message}.{mac}")).contains("not signed with EdDSA"));
}

#[test]
fn what_was_signed_for_something_else_is_no_receipt() {
    let kid = public(ONE).kid;
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("crit", json!(["b64"])),
    ] {
        let mut header = header(&kid);
        header[name] = value;
        let refused = keys(&[ONE])
            .verify(&signed(&header, &claims(), ONE))
            .unwrap_err();
        assert!(
            matches!(refused, ReceiptError::Other(_)),
            "{name}: {refused}"
        );
    }
    for name in ["iss", "sub", "id", "size", "verified_at"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        let message = why(&keys(&[ONE]), &signed(&header(&kid), &claims, ONE));
        assert!(message.contains(name), "{message}");
    }
    for text in ["", "a.b", "not a receipt", "a.b.c.d", "e30.e30.e30"] {
        assert!(why(&keys(&[ONE]), text).contains("no receipt"), "{text}");
    }
}

#[test]
fn claims_of_a_later_version_do_no_harm() {
    let mut claims = claims();
    claims["colour"] = "green".into();
    let later = signed(&header(&public(ONE).kid), &claims, ONE);
    keys(&[ONE]).verify(&later).unwrap();
}

#[test]
fn keys_of_other_kinds_are_left_out() {
    let ours = public(ONE);
    let mixed = json!({"keys": [
        {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"},
        {"kty": "oct", "kid": ours.kid, "k": ours.x, "x": ours.x, "crv": "Ed25519"},
        {"kty": "OKP", "crv": "X25519", "kid": ours.kid, "x": ours.x},
        ours,
    ]});
    let known = ReceiptKeys::parse(mixed.to_string().as_bytes()).unwrap();
    assert_eq!(known.0.len(), 1);
    known.verify(&good(ONE)).unwrap();
    for none in [
        "",
        "{}",
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"RSA"}]}"#,
        "<html>",
    ] {
        assert!(ReceiptKeys::parse(none.as_bytes()).is_err(), "{none}");
    }
}

#[test]
fn keys_are_not_trusted_from_everywhere() {
    let trusted = |text: &str| is_trusted(&Url::parse(text).unwrap());
    for good in [
        "https://h.example/k",
        "http://127.0.0.1:1/k",
        "http://[::1]/k",
        "http://localhost/k",
    ] {
        assert!(trusted(good), "{good}");
    }
    for bad in [
        "http://h.example/k",
        "http://10.0.0.1/k",
        "ftp://localhost/k",
        "http://localhost.example/",
    ] {
        assert!(!trusted(bad), "{bad}");
    }
}

#[tokio::test]
async fn a_file_is_held_against_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let mut receipt = keys(&[ONE]).verify(&good(ONE)).unwrap();
    receipt.checksum = Some(valetkey_protocol::Hasher::digest(
        valetkey_protocol::Algorithm::Sha256,
        b"hello",
    ));
    let mut outcomes = Vec::new();
    for bytes in ["hello", "hellO", "hello!"] {
        std::fs::write(&path, bytes).unwrap();
        outcomes.push(
            check_file(&receipt, &path)
                .await
                .map_err(|error| error.to_string()),
        );
    }
    assert!(outcomes[0].is_ok());
    assert!(outcomes[1].as_ref().unwrap_err().contains("its sha256"));
    assert!(
        outcomes[2]
            .as_ref()
            .unwrap_err()
            .contains("6 bytes instead of 5")
    );
    receipt.checksum = None;
    std::fs::write(&path, "hellO").unwrap();
    assert!(check_file(&receipt, &path).await.is_err());
}
