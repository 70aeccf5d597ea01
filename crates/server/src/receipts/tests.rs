use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::*;

fn claims() -> Receipt {
    serde_json::from_value(json!({
        "iss": "https://files.example.com", "sub": "alice", "iat": 1_767_225_600,
        "id": "01a20a4e-c940-73fb-b415-1a1280a1e929", "bucket": "files", "key": "files/alice/x/a.txt", "size": 5,
        "integrity": "size", "content_type": "text/plain", "etag": "\"e\"", "verified_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn open(folder: &Path, key: &str, retired: &[&str]) -> Result<ReceiptKeys, ServeError> {
    let config = ReceiptsConfig {
        key_file: match key {
            "" => PathBuf::new(),
            key => folder.join(key),
        },
        retired_key_files: retired.iter().map(|name| folder.join(name)).collect(),
    };
    ReceiptKeys::open(&config, folder)
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_key_is_made_once_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let one = open(folder.path(), "", &[]).unwrap();
    let other = open(folder.path(), "", &[]).unwrap();
    assert_eq!(one.sign(&claims()), other.sign(&claims()));
    let path = folder.path().join(FILE_NAME);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_ne!(new_key().unwrap(), new_key().unwrap());
}

#[test]
fn a_receipt_is_a_jws_that_names_its_key_and_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path(), "", &[]).unwrap();
    let receipt = keys.sign(&claims()).unwrap();
    assert_eq!(receipt, keys.sign(&claims()).unwrap());
    let parts: Vec<_> = receipt.split('.').collect();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let header: Value = serde_json::from_slice(&decode(parts[0])).unwrap();
    let kid = &keys.keys().keys[0].kid;
    assert_eq!(
        header,
        json!({"alg": "EdDSA", "kid": kid, "typ": "receipt+jwt"})
    );
    let said: Receipt = serde_json::from_slice(&decode(parts[1])).unwrap();
    assert_eq!(said, claims());
    let public = decode(&keys.keys().keys[0].x);
    let verifier =
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
    let message = format!("{}.{}", parts[0], parts[1]);
    verifier
        .verify(message.as_bytes(), &decode(parts[2]))
        .unwrap();
}

#[test]
fn keys_of_before_are_published_by_either_half_and_never_twice() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["new.pem", "old.pem"] {
        write(folder, name, new_key().unwrap().expose());
    }
    let old = open(folder, "old.pem", &[]).unwrap();
    let old_key = &old.keys().keys[0];
    let der = [
        &PUBLIC_PREFIX[..],
        &URL_SAFE_NO_PAD.decode(&old_key.x).unwrap(),
    ]
    .concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(der)
    );
    write(folder, "old.pub", &pem);
    let rotated = open(folder, "new.pem", &["old.pub", "old.pem", "new.pem"]).unwrap();
    let published = &rotated.keys().keys;
    assert_eq!(published.len(), 2);
    assert_eq!(&published[1], old_key);
    assert_ne!(rotated.sign(&claims()), old.sign(&claims()));
    let text = json!(rotated.keys()).to_string();
    assert!(!text.contains("\"d\""), "{text}");
}

#[test]
fn what_is_no_key_is_named_with_a_remedy_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = new_key().unwrap();
    write(folder, "good.pem", key.expose());
    write(folder, "text.pem", "hunter2");
    // An RSA or EC key would have another identifier than that of Ed25519 (1.3.101.112).
    let body = STANDARD.encode(
        [
            &PRIVATE_PREFIX[..9],
            &[0x2b, 0x65, 0x6f, 4, 0x22, 4, 0x20],
            &[7; 32],
        ]
        .concat(),
    );
    let other = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    write(folder, "other.pem", &other);
    for (key, retired) in [
        ("text.pem", &[][..]),
        ("other.pem", &[]),
        ("missing.pem", &[]),
        ("good.pem", &["text.pem"]),
        ("good.pem", &["other.pem"]),
    ] {
        let Err(refused) = open(folder, key, retired) else {
            panic!("{key} {retired:?} was taken");
        };
        let message = refused.to_string();
        let named = retired.first().unwrap_or(&key);
        assert!(message.contains(named), "{message}");
        assert!(
            !message.contains("hunter2") && !message.contains(&body),
            "{message}"
        );
    }
}
