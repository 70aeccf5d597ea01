//! `valetkey serve`

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ran, signal, valetkey};

const SECRET: &str = "b1946ac92492d2347c6235b4d2611184";

/// A running `valetkey serve`, ended with the test however that ends.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Any port, JSON lines, and the issuer and audience of `valetkey token`, so that it can make tokens for it.
fn configuration(folder: &TempDir) -> String {
    let path = |name: &str| folder.path().join(name);
    format!(
        "listen = '127.0.0.1:0'\nmetrics_listen = ''\nlog_format = 'json'\n\
         catalog = 'sqlite:{catalog}'\n\
         [auth]\nsecret_file = '{secret}'\nissuer = 'valetkey-dev'\naudience = 'valetkey'\n\
         [embedded]\ndata_dir = '{data}'\nlisten = '127.0.0.1:0'\n",
        secret = path("secret").display(),
        catalog = path("catalog.sqlite").display(),
        data = path("store").display(),
    )
}

/// The first URL of a text.
fn first_url(text: &str) -> String {
    let (_, rest) = text.split_once("http://").unwrap();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
    format!("http://{}", &rest[..end.unwrap_or(rest.len())])
}

#[test]
fn a_configured_service_takes_a_file_and_ends_on_sigterm() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("valetkey.toml"), configuration(&folder)).unwrap();
    fs::write(path("secret"), SECRET).unwrap();
    fs::write(path("a.txt"), "hello").unwrap();
    // A collector that is not there holds nothing up.
    let child = valetkey()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/")
        .env("RUST_LOG", "info,valetkey_server::door=debug")
        .args(["serve", "--config"])
        .arg(path("valetkey.toml"))
        .stderr(Stdio::piped())
        .spawn();
    let mut serving = Serving(child.unwrap());
    let mut log = BufReader::new(serving.0.stderr.take().unwrap()).lines();
    let url = log
        .by_ref()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find(|line| line["fields"]["message"] == "serving")
        .map(|line| first_url(&line["fields"].to_string()))
        .unwrap();
    let rest = std::thread::spawn(move || log.map(Result::unwrap).collect::<Vec<_>>());

    let mut token = valetkey();
    let token = token
        .args(["token", "--sub", "alice", "--data-dir"])
        .arg(folder.path());
    let token = Ran::of(token).well();
    let put = Ran::of(
        valetkey()
            .env("VALETKEY_URL", url)
            .env("VALETKEY_TOKEN", token.trim_end())
            .arg("put")
            .arg(path("a.txt")),
    );
    signal(&serving.0, "TERM");

    assert!(put.well().ends_with("a.txt\n"));
    assert!(serving.0.wait().unwrap().success());
    let lines = rest.join().unwrap();
    let lines = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answered: Vec<_> = lines
        .filter(|line| line["fields"]["message"] == "answered")
        .collect();
    assert!(answered.len() >= 2, "create and complete at least");
    for line in answered {
        let request = &line["spans"][0];
        assert!(request["request_id"].as_str().unwrap().len() >= 8, "{line}");
        let route = request["route"].as_str().unwrap();
        assert!(route.starts_with("/v1/"), "{line}");
    }
}

#[test]
fn a_configuration_that_is_wrong_is_refused_by_its_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("valetkey.toml");
    fs::write(&path, "lisen = '127.0.0.1:0'\n").unwrap();
    let ran = Ran::of(valetkey().args(["serve", "--config"]).arg(&path));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("lisen"), "{ran:?}");
}
