//! `valetkey token`

use crate::support::{Dev, Ran, valetkey};

#[test]
fn a_token_is_somebody_who_sees_only_their_own() {
    let dev = Dev::start();
    let mine = dev.put("mine.txt", "mine");
    let token = dev
        .run("token", &["--sub", "alice", "--expires-in", "5m"])
        .well();
    let alice = |command: &str, arguments: &[&str]| {
        let mut all = vec!["--token", token.trim_end()];
        all.extend(arguments);
        dev.run(command, &all)
    };
    assert_eq!(alice("ls", &[]).well(), "");
    assert_eq!(alice("get", &[&mine, "-"]).code, Some(1));
    alice("put", &["mine.txt"]).well();
    assert_eq!(alice("ls", &[]).well().lines().count(), 1);
}

#[test]
fn a_folder_without_a_service_makes_no_token() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut command = valetkey();
    let ran = Ran::of(
        command
            .args(["token", "--sub", "alice", "--data-dir"])
            .arg(folder.path()),
    );
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("valetkey dev"), "{ran:?}");
}
