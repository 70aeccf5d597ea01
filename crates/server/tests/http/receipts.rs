//! Receipts, and `/.well-known/jwks.json`

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::world::{World, crc64nvme, id};

const JWKS: &str = "/.well-known/jwks.json";

/// Checks a receipt as somebody else's program would, against these keys alone.
fn verified(receipt: &Value, keys: &Value) -> Option<Value> {
    let receipt = receipt.as_str().unwrap();
    let keys: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let header = jsonwebtoken::decode_header(receipt).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap())?).unwrap();
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_required_spec_claims(&["iss", "sub"]);
    rules.validate_exp = false;
    let data = jsonwebtoken::decode::<Value>(receipt, &key, &rules);
    Some(data.unwrap().claims)
}

#[tokio::test]
async fn a_completed_file_carries_the_proof_of_what_was_verified() {
    let world =
        World::with(|config| config.public_url = "https://files.example.com".to_owned()).await;
    let alice = world.user("alice");
    let body = json!({"filename": "a b.txt", "content_type": "text/plain", "size": 3, "checksum": crc64nvme(b"abc")});
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    let file = alice.complete(&upload).await.ok(200);
    let keys = world.nobody().get(JWKS).await.ok(200);
    let claims = verified(&file["receipt"], &keys).unwrap();
    for name in [
        "id",
        "bucket",
        "key",
        "size",
        "checksum",
        "integrity",
        "content_type",
        "etag",
    ] {
        assert_eq!(claims[name], file[name], "{name}");
    }
    assert_eq!(claims["sub"], file["owner"]);
    assert_eq!(claims["iss"], "https://files.example.com");
    assert_eq!(claims["integrity"], "checksum");
    let at: jiff::Timestamp = claims["verified_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(claims["iat"], at.as_second());
    // What people may change afterwards is not in it.
    for name in [
        "filename",
        "path",
        "metadata",
        "expires_at",
        "download_count",
    ] {
        assert_eq!(claims.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_file_has_one_receipt_whatever_is_changed_and_lists_leave_it_out() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    let receipt = file["receipt"].clone();
    assert!(receipt.is_string());
    let path = format!("/v1/files/{}", id(&file));
    let patch = json!({"filename": "b.txt", "path": "x", "metadata": {"k": "v"}, "retain_for": 60});
    assert_eq!(alice.patch(&path, &patch).await.ok(200)["receipt"], receipt);
    assert_eq!(alice.get(&path).await.ok(200)["receipt"], receipt);
    assert_eq!(alice.complete(&file).await.ok(200)["receipt"], receipt);
    let batch = json!({"ids": [id(&file)]});
    let batch = alice.post("/v1/uploads/complete", &batch).await.ok(200);
    assert_eq!(batch["results"][0]["file"]["receipt"], receipt);
    let listed = alice.get("/v1/files").await.ok(200);
    assert_eq!(listed["files"][0].get("receipt"), None);
    // It says what was true then, also when the file is gone.
    assert_eq!(alice.delete(&path).await.status, 204);
    let keys = world.nobody().get(JWKS).await.ok(200);
    assert_eq!(verified(&receipt, &keys).unwrap()["id"], file["id"]);
}

#[tokio::test]
async fn the_keys_are_public_may_be_kept_for_a_while_and_have_no_private_half() {
    let world = World::start().await;
    let reply = world.nobody().get(JWKS).await;
    let keys = reply.ok(200);
    assert_eq!(reply.header("cache-control"), "public, max-age=300");
    let mut members: Vec<_> = keys["keys"][0].as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(keys["keys"][0]["alg"], "EdDSA");
    let pem = std::fs::read_to_string(world.folder.path().join("receipt-key.pem")).unwrap();
    let private = pem.lines().nth(1).unwrap();
    assert!(!reply.text().contains(private));
}

#[tokio::test]
async fn receipts_of_a_retired_key_hold_for_as_long_as_it_is_published() {
    let old = World::start().await;
    let file = old.user("alice").upload("a.txt", b"abc").await;
    let key: PathBuf = old.folder.path().join("receipt-key.pem");
    let retired = World::with(|config| config.receipts.retired_key_files = vec![key.clone()]).await;
    let keys = retired.nobody().get(JWKS).await.ok(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(verified(&file["receipt"], &keys).is_some());
    let new = retired.user("alice").upload("a.txt", b"abc").await;
    let header = |receipt: &Value| {
        receipt
            .as_str()
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_ne!(header(&new["receipt"]), header(&file["receipt"]));
    let forgotten = World::start().await;
    let keys = forgotten.nobody().get(JWKS).await.ok(200);
    assert!(verified(&file["receipt"], &keys).is_none());
}

#[tokio::test]
async fn servers_with_the_same_key_make_the_same_receipts() {
    let one = World::start().await;
    let key = one.folder.path().join("receipt-key.pem");
    let two = World::with(|config| {
        // A server on PostgreSQL was given one of its own.
        let _: Result<(), _> = std::fs::remove_file(&config.receipts.key_file);
        config.receipts.key_file = key.clone();
    })
    .await;
    let (keys, others) = (one.nobody().get(JWKS).await, two.nobody().get(JWKS).await);
    assert_eq!(keys.ok(200), others.ok(200));
    assert!(!two.folder.path().join("receipt-key.pem").exists());
}

#[tokio::test]
async fn a_receipt_is_no_token() {
    let world = World::start().await;
    let file = world.user("alice").upload("a.txt", b"abc").await;
    let mut thief = world.nobody();
    thief.token = file["receipt"].as_str().unwrap().to_owned();
    thief.get("/v1/files").await.problem(401, "unauthenticated");
    // Nor is the public key a secret to sign tokens with.
    let keys = world.nobody().get(JWKS).await.ok(200);
    let x = URL_SAFE_NO_PAD
        .decode(keys["keys"][0]["x"].as_str().unwrap())
        .unwrap();
    let header = jsonwebtoken::Header::new(Algorithm::HS256);
    let secret = jsonwebtoken::EncodingKey::from_secret(&x);
    let claims = crate::world::claims(json!({}));
    thief.token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
    thief.get("/v1/files").await.problem(401, "unauthenticated");
}
