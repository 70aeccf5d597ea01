//! `valetkey key`

use crate::support::{Dev, Ran, valetkey};

#[test]
fn a_key_is_made_used_rotated_and_revoked() {
    let dev = Dev::start();
    let admin = ["--sub", "root", "--role", "admin"];
    let admin = dev.run("token", &admin).well().trim_end().to_owned();
    let api = dev.api();
    let as_somebody = |token: &str, arguments: &[&str]| {
        let mut command = valetkey();
        command.arg("key").args(arguments);
        Ran::of(command.args(["--url", &api, "--token", token]))
    };
    let key = |arguments: &[&str]| as_somebody(&admin, arguments);
    let create = [
        "create", "--name", "the shop", "--sub", "shop", "--scope", "upload",
    ];
    let made = key(&create).well();
    let secret = made.trim_end();
    assert!(secret.starts_with("vk_"), "{secret}");
    let id = secret.split('_').nth(1).unwrap();

    dev.write("a.txt", "a");
    dev.run("put", &["--token", secret, "a.txt"]).well();
    let refused = dev.run("ls", &["--token", secret]);
    assert!(refused.stderr.contains("`read`"), "{refused:?}");

    let list = key(&["list"]).well();
    assert!(list.contains(id) && list.contains("the shop"), "{list}");
    assert!(!list.contains("vk_"), "{list}");
    let rotated = key(&["rotate", id, "--overlap", "0"]).well();
    let old = dev.run("put", &["--token", secret, "a.txt"]);
    assert_eq!(old.code, Some(1), "{old:?}");
    dev.run("put", &["--token", rotated.trim_end(), "a.txt"])
        .well();
    key(&["revoke", id]).well();
    let gone = dev.run("put", &["--token", rotated.trim_end(), "a.txt"]);
    assert!(gone.stderr.contains("does not hold"), "{gone:?}");
    assert_eq!(key(&["list"]).well(), "");
    // It takes an administrator.
    let nobody = dev.run("token", &["--sub", "alice"]).well();
    let nobody = as_somebody(nobody.trim_end(), &["list"]);
    assert!(nobody.stderr.contains("admin"), "{nobody:?}");
    assert_ne!(
        key(&["create", "--name", "x", "--sub", "x", "--scope", "all"]).code,
        Some(0)
    );
}
