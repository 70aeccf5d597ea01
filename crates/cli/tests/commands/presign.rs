//! `valetkey presign`

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Ran, valetkey};

/// The example of the S3 API reference, as a line.
fn example() -> Value {
    json!({
        "provider": "s3", "method": "GET", "region": "us-east-1", "bucket": "examplebucket",
        "key": "test.txt", "style": "virtual", "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "session_token": null,
        "at": "20130524T000000Z", "expires_in": 86_400, "headers": [], "query": [],
    })
}

const SIGNATURE: &str = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

/// Without what the developer's own environment says of AWS.
fn presign(arguments: &[&str]) -> Command {
    let mut command = valetkey();
    for name in [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        command.env_remove(name);
    }
    command.arg("presign").args(arguments);
    command
}

#[test]
fn each_line_is_answered_before_the_next_one_is_asked_for() {
    let mut command = presign(&["--jsonl"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut asks = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |line: &str| {
        writeln!(asks, "{line}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let line = example().to_string();
    let first = ask(&line);
    assert!(first["url"].as_str().unwrap().ends_with(SIGNATURE));
    let mut slip = example();
    slip["expires"] = json!(1);
    for (bad, says) in [
        ("", "malformed"),
        ("[]", "malformed"),
        ("{}", "provider"),
        (
            &line.replace("\"bucket\"", "\"key\":\"b\",\"bucket\""),
            "duplicate",
        ),
        (&slip.to_string(), "expires"),
        (&line.replace("test.txt", "../x"), "segment"),
        (&line.replace("20130524T000000Z", "2013-05-24"), "at"),
    ] {
        let answer = ask(bad);
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(says), "{error}");
        assert!(!error.contains("wJalr"), "{error}");
    }
    assert_eq!(ask(&line), first);
    drop(asks);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_line_without_end_is_refused_and_the_next_one_read() {
    let mut command = presign(&["--jsonl"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut asks = child.stdin.take().unwrap();
    asks.write_all(&vec![b'x'; 3 * 1024 * 1024]).unwrap();
    write!(asks, "\n{}", example()).unwrap();
    drop(asks);
    let output = child.wait_with_output().unwrap();
    let lines: Vec<&[u8]> = output.stdout.split_inclusive(|b| *b == b'\n').collect();
    assert_eq!(lines.len(), 2);
    assert!(str::from_utf8(lines[0]).unwrap().contains("longer"));
    assert!(str::from_utf8(lines[1]).unwrap().contains(SIGNATURE));
}

#[test]
fn flags_make_one_url() {
    let url = Ran::of(
        presign(&[
            "a b/é.txt",
            "--method",
            "PUT",
            "--bucket",
            "photos",
            "--region",
            "auto",
        ])
        .args(["--endpoint", "http://127.0.0.1:9000/base", "--path-style"])
        .args([
            "--header",
            "Content-Type: image/png",
            "--query",
            "versionId=1",
        ])
        .args(["--expires-in", "1h", "--access-key", "AKID"])
        .env("AWS_SECRET_ACCESS_KEY", "secret"),
    )
    .well();
    assert!(url.starts_with("http://127.0.0.1:9000/base/photos/a%20b/%C3%A9.txt?X-Amz-Algorithm="));
    assert!(
        url.contains("&X-Amz-Expires=3600&X-Amz-SignedHeaders=content-type%3Bhost&versionId=1&")
    );
}

#[test]
fn a_stable_window_makes_the_same_url_for_a_while() {
    let ask = |window: &str| {
        let mut command = presign(&["k", "--bucket", "b", "--region", "eu-west-1"]);
        command.args([
            "--access-key",
            "AKID",
            "--secret-key",
            "s",
            "--stable-window",
            window,
        ]);
        Ran::of(&mut command).well()
    };
    let url = ask("6d");
    // Six days and the fifteen minutes that are always left.
    assert!(url.contains("&X-Amz-Expires=519300&"), "{url}");
    assert_eq!(url, ask("6d"));
}

#[test]
fn a_configured_bucket_is_signed_for_the_address_that_clients_use() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("valetkey.toml");
    let config = r#"
        public_url = "https://files.example.com"
        default_bucket = "photos"
        [auth]
        secret = "q8Zr4vN1xT7mKc2LbW9pHs6DfJ3gYe5A"
        issuer = "app"
        audience = "valetkey"
        [buckets.photos]
        provider = "s3"
        bucket = "their-name"
        endpoint = "http://inside:9000"
        public_endpoint = "https://s3.example.com"
        access_key_id = "AKID"
        secret_access_key = "secret"
        [buckets.local]
        provider = "embedded"
    "#;
    std::fs::write(&path, config).unwrap();
    let config = path.to_str().unwrap();
    let url = Ran::of(&mut presign(&["k", "--config", config])).well();
    assert!(
        url.starts_with("https://s3.example.com/their-name/k?"),
        "{url}"
    );
    for (bucket, says) in [("local", "embedded store"), ("other", "no bucket")] {
        let ran = Ran::of(&mut presign(&["k", "--config", config, "--bucket", bucket]));
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let ran = Ran::of(&mut presign(&["k", "--bucket", "b", "--region", "r"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("AWS_ACCESS_KEY_ID"), "{ran:?}");
    assert_eq!(Ran::of(&mut presign(&[])).code, Some(2));
}
