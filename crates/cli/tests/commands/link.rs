//! `valetkey link` and `valetkey drop`

use crate::support::{Dev, Ran, valetkey};

#[test]
fn links_both_ways_are_made_listed_and_revoked() {
    let dev = Dev::start();
    let (api, token) = (dev.api(), dev.run("token", &["--sub", "alice"]).well());
    let link = |arguments: &[&str]| {
        let mut command = valetkey();
        command.arg("link").args(arguments);
        Ran::of(command.args(["--url", &api, "--token", token.trim_end()]))
    };
    dev.write("a.txt", "a");
    let put = dev
        .run("put", &["--token", token.trim_end(), "--json", "a.txt"])
        .well();
    let file: serde_json::Value = serde_json::from_str(put.trim_end()).unwrap();
    let file = file["id"].as_str().unwrap();
    let create = [
        "create",
        file,
        "--name",
        "for Bob",
        "--expires-in",
        "2d",
        "--max-downloads",
        "5",
    ];
    let url = link(&create).well();
    let secret = url.trim_end().rsplit("/l/").next().unwrap();
    assert!(url.starts_with(&api) && secret.len() == 40, "{url}");
    let list = link(&["list", "--file", file]).well();
    assert!(list.contains("0/5") && list.contains("for Bob"), "{list}");
    assert!(!list.contains(secret), "{list}");
    let id = list.split(' ').next().unwrap();
    link(&["revoke", id]).well();
    let shown = link(&["show", id]).well();
    assert!(shown.contains("revoked"), "{shown}");
    let dropped = |arguments: &[&str]| {
        let mut command = valetkey();
        command.arg("drop").args(arguments);
        Ran::of(command.args(["--url", &api, "--token", token.trim_end()]))
    };
    let url = dropped(&["create", "from/bob", "--max-files", "3"]).well();
    assert!(url.starts_with(&format!("{api}/d/")), "{url}");
    let list = dropped(&["list"]).well();
    assert!(
        list.contains("0/3") && list.contains("files/from/bob"),
        "{list}"
    );
    dropped(&["revoke", list.split(' ').next().unwrap()]).well();
    assert!(dropped(&["list"]).well().contains("revoked"));
    let wrong = link(&["create", file, "--network", "home"]);
    assert!(
        wrong.code == Some(1) && wrong.stderr.contains("192.0.2.0/24"),
        "{wrong:?}"
    );
}
