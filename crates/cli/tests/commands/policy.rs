//! `valetkey policy`

use std::path::Path;

use crate::support::{Dev, Ran, valetkey};

fn check(arguments: &[&str]) -> Ran {
    Ran::of(valetkey().args(["policy", "check"]).args(arguments))
}

#[test]
fn policies_are_checked_without_a_service() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policies");
    let example = |name: &str| examples.join(name).display().to_string();
    let held = check(&[&example("per-user-paths.cedar")]).well();
    assert_eq!(held, "6 policies hold\n");
    check(&["--include-default", &example("licences.cedar")]).well();

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let policies = write(
        "mine.cedar",
        "permit (principal, action, resource)\nwhen { principal.claims has plan };",
    );
    // What claims there are, the configuration says.
    let refused = check(&[&policies]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("mine.cedar:1:"), "{refused:?}");
    let config = write(
        "valetkey.toml",
        "[policy.claims]\nplan = { from = \"app.plan\", type = \"text\" }\n",
    );
    let held = check(&["--config", &config, &policies]).well();
    assert_eq!(held, "1 policy holds\n");
    // Without a file to check there is nothing to do.
    assert_ne!(check(&[]).code, Some(0));
    let absent = check(&["absent.cedar"]);
    assert!(absent.stderr.contains("absent.cedar"), "{absent:?}");
}

#[test]
fn a_service_explains_what_decides() {
    let dev = Dev::start();
    let id = dev.put("a.txt", "a");
    let token = dev.run("token", &["--sub", "root", "--role", "admin"]);
    let (token, api) = (token.well().trim_end().to_owned(), dev.api());
    let explain = |arguments: &[&str]| {
        let mut command = valetkey();
        command.args(["policy", "explain"]).args(arguments);
        Ran::of(command.args(["--url", &api, "--token", &token]))
    };
    let download = ["--action", "download", "--file", &id];
    let admin = explain(&[&["--as", "bob", "--role", "admin"], &download[..]].concat()).well();
    assert_eq!(
        admin,
        "allowed: permitted by administrators-do-everything\n"
    );
    let stranger = explain(&[&["--as", "stranger"], &download[..]].concat()).well();
    assert!(
        stranger.starts_with("refused: nothing permits it"),
        "{stranger}"
    );
    assert!(
        stranger.contains("owners-manage-their-own fails of:\n"),
        "{stranger}"
    );
    let json = explain(&[
        "--as",
        "x",
        "--action",
        "create_upload",
        "--size",
        "5",
        "--json",
    ]);
    assert!(json.well().contains(r#""allowed":true"#));
    let wrong = explain(&["--as", "x", "--action", "write"]);
    assert!(wrong.stderr.contains("create_upload, read"), "{wrong:?}");
}
