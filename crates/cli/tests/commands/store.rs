//! `valetkey store`

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::{Ran, signal, valetkey};

/// A running `valetkey store`, ended with the test however that ends.
struct Store {
    child: Child,
    url: String,
    /// What it said before it served.
    said: String,
}

impl Store {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = command(folder, more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut said, mut url) = (String::new(), None);
        for line in lines.by_ref() {
            let line = line.unwrap();
            url = line
                .strip_prefix("valetkey store serves ")
                .map(str::to_owned);
            if url.is_some() {
                break;
            }
            said.push_str(&line);
        }
        Self {
            child,
            url: url.unwrap(),
            said,
        }
    }

    /// Sends an unsigned request and gives the whole answer.
    fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends it with a signal; whether it ended well, and its log.
    fn end(mut self, name: &str) -> (bool, String) {
        signal(&self.child, name);
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().success(), log)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn command(folder: &Path, more: &[&str]) -> Command {
    let mut command = valetkey();
    command
        .args(["store", "--listen", "127.0.0.1:0", "--bucket", "files"])
        .arg("--data-dir")
        .arg(folder.join("data"))
        .arg("--access-key-file")
        .arg(folder.join("key.json"))
        .args(more);
    command
}

#[test]
fn it_makes_its_key_says_so_serves_and_ends_on_a_signal() {
    let folder = TempDir::new().unwrap();
    for name in ["TERM", "INT"] {
        let store = Store::start(folder.path(), &["--cors-origin", "https://app.example"]);
        let refusal = store.ask("GET", "/files/x", "");
        assert!(refusal.contains("<Code>AccessDenied</Code>"), "{refusal}");
        let page = "origin: https://app.example\r\naccess-control-request-method: PUT\r\n";
        let preflight = store.ask("OPTIONS", "/files/x", page);
        assert!(preflight.starts_with("HTTP/1.1 200"), "{preflight}");
        assert_eq!(store.said.starts_with("made a key: VK"), name == "TERM");
        let key = fs::read_to_string(folder.path().join("key.json")).unwrap();
        let secret = key.split('"').nth(7).unwrap().to_owned();
        assert_eq!(secret.len(), 64);
        assert!(!store.said.contains(&secret));
        let (well, log) = store.end(name);
        assert!(well && !log.contains(&secret), "{log}");
    }
}

#[test]
fn a_second_one_on_the_same_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let _first = Store::start(folder.path(), &[]);
    let second = Ran::of(&mut command(folder.path(), &[]));
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains("is in use by another process"),
        "{second:?}"
    );
}

#[test]
fn a_key_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key.json");
    fs::write(&key, r#"{"access_key":"a","secret_key":"hunter2"}"#).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o604)).unwrap();
    let refused = Ran::of(&mut command(folder.path(), &[]));
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("chmod o= "), "{refused:?}");
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
}

#[test]
fn faults_come_from_a_file_and_are_loudly_told() {
    let folder = TempDir::new().unwrap();
    let faults = folder.path().join("faults.toml");
    let rule =
        "[[rules]]\noperation = 'GetObject'\nkey_prefix = 'x'\nfault = { kind = 'slow-down' }\n";
    fs::write(&faults, rule).unwrap();
    let store = Store::start(folder.path(), &["--faults", faults.to_str().unwrap()]);
    assert!(store.ask("GET", "/files/x", "").contains("SlowDown"));
    assert!(store.ask("GET", "/files/y", "").contains("AccessDenied"));
    let (well, log) = store.end("TERM");
    assert!(well && log.contains("THIS STORE HAS FAULTS"), "{log}");

    fs::write(&faults, "[[rules]]\nfault = { kind = 'no-such-fault' }\n").unwrap();
    let arguments = ["--faults", faults.to_str().unwrap()];
    let refused = Ran::of(&mut command(folder.path(), &arguments));
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("no-such-fault"), "{refused:?}");
}
