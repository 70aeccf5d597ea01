//! `valetkey health`

use crate::support::{Dev, Ran, valetkey};

fn health(url: &str) -> Ran {
    Ran::of(valetkey().args(["health", url]))
}

#[test]
fn what_answers_is_well_and_what_does_not_is_not() {
    let mut dev = Dev::start();
    let api = dev.api();
    let store = dev.info()["store"]["endpoint"].as_str().unwrap().to_owned();
    for url in [
        format!("{api}/healthz"),
        format!("{api}/readyz"),
        format!("{store}/"),
    ] {
        assert_eq!(health(&url).well(), "", "{url}");
    }
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
    for url in [&*format!("{api}/healthz"), "localhost", "file:///etc"] {
        let ran = health(url);
        assert!(
            ran.code == Some(1) && ran.stderr.starts_with("error: "),
            "{ran:?}"
        );
    }
}
