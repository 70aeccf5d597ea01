//! `valetkey receipt`

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;

use crate::support::{Dev, Ran, valetkey};

#[expect(
    dead_code,
    unreachable_pub,
    reason = "it is a program of its own, and one function of it is tested here"
)]
#[path = "../../../../examples/receipts/verify.rs"]
mod example;

/// A file with its receipt, and the service's keys as somebody saved them.
struct Saved {
    receipt: PathBuf,
    jwks: PathBuf,
    bytes: PathBuf,
    file: Value,
}

fn save(dev: &Dev) -> Saved {
    let bytes = dev.write("a.txt", "hello");
    let put = dev.run("put", &["--json", "a.txt"]).well();
    let file: Value = serde_json::from_str(&put).unwrap();
    let receipt = file["receipt"].as_str().unwrap();
    Saved {
        receipt: dev.write("receipt", format!("{receipt}\n")),
        jwks: dev.write("jwks.json", dev.get("/.well-known/jwks.json")),
        bytes,
        file,
    }
}

impl Saved {
    fn verify(&self, more: &[&str]) -> Ran {
        let mut command = valetkey();
        command.args(["receipt", "verify"]).arg(&self.receipt);
        Ran::of(command.arg("--jwks").arg(&self.jwks).args(more))
    }
}

#[test]
fn a_receipt_is_verified_with_the_service_gone() {
    let mut dev = Dev::start();
    let api = dev.api();
    let saved = save(&dev);
    // From the address first, while somebody answers there.
    let url = format!("{api}/.well-known/jwks.json");
    let mut asked = valetkey();
    asked.args(["receipt", "verify"]).arg(&saved.receipt);
    let asked = Ran::of(asked.args(["--jwks", &url])).well();
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();

    let bytes = saved.bytes.to_str().unwrap();
    let told = saved.verify(&["--issuer", &api, "--file", bytes]).well();
    assert!(told.starts_with(asked.trim_end()), "{told}");
    assert!(
        told.starts_with(&format!("good: a receipt of {api}\n")),
        "{told}"
    );
    assert!(told.contains("a.txt has these bytes"), "{told}");
    let claims = saved.verify(&["--json"]).objects().remove(0);
    for name in ["id", "key", "size", "checksum"] {
        assert_eq!(claims[name], saved.file[name], "{name}");
    }
}

#[test]
fn a_receipt_comes_from_a_pipe_too() {
    let dev = Dev::start();
    let saved = save(&dev);
    let mut piped = valetkey();
    piped.args(["receipt", "verify", "--jwks"]).arg(&saved.jwks);
    let output = piped
        .stdin(fs::File::open(&saved.receipt).unwrap())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"good: "));
}

#[test]
fn what_does_not_hold_fails_and_says_why() {
    let dev = Dev::start();
    let saved = save(&dev);
    let other = dev.write("other.txt", "hellO");
    let refused = |more: &[&str], why: &str| {
        let ran = saved.verify(more);
        assert!(ran.code == Some(1) && ran.stderr.contains(why), "{ran:?}");
        assert_eq!(ran.stdout, "");
    };
    refused(
        &["--issuer", "https://files.example.com"],
        "not of 'https://files.example.com'",
    );
    refused(
        &["--file", other.to_str().unwrap()],
        "its crc64nvme is another one",
    );
    refused(&["--file", "nowhere.txt"], "nowhere.txt");
    let receipt = fs::read_to_string(&saved.receipt).unwrap();
    let (body, _) = receipt.rsplit_once('.').unwrap();
    fs::write(&saved.receipt, format!("{body}.{}", "A".repeat(86))).unwrap();
    refused(&[], "the signature does not hold");
    fs::write(&saved.receipt, "hello").unwrap();
    refused(&[], "no receipt");
    fs::write(&saved.jwks, r#"{"keys":[]}"#).unwrap();
    refused(&[], "no Ed25519 key");
}

#[test]
fn a_fresh_key_is_printed_and_taken() {
    let new = || Ran::of(valetkey().args(["receipt", "key", "new"])).well();
    let (one, other) = (new(), new());
    assert!(one.starts_with("-----BEGIN PRIVATE KEY-----\n") && one != other);
    let mut openssl = std::process::Command::new("openssl");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key.pem"), one).unwrap();
    let read = Ran::of(
        openssl
            .args(["pkey", "-noout", "-text", "-in"])
            .arg(folder.path().join("key.pem")),
    );
    assert!(read.stdout.contains("ED25519"), "{read:?}");
}

#[test]
fn the_example_verifies_a_receipt_and_refuses_another() {
    let dev = Dev::start();
    let saved = save(&dev);
    let receipt = fs::read_to_string(&saved.receipt).unwrap();
    let keys: JwkSet = serde_json::from_slice(&fs::read(&saved.jwks).unwrap()).unwrap();
    let claims = example::verify(receipt.trim(), &keys, &dev.api()).unwrap();
    assert_eq!(claims["id"], saved.file["id"]);
    assert!(example::verify(receipt.trim(), &keys, "https://files.example.com").is_err());
    let token = dev.info()["token"].as_str().unwrap().to_owned();
    assert!(example::verify(&token, &keys, &dev.api()).is_err());
}
