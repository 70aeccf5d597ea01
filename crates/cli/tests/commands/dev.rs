//! `valetkey dev`

use std::process::Command;

use serde_json::Value;

use crate::support::{Dev, Ran, names, signal};

#[test]
fn what_it_says_to_paste_uploads_a_file() {
    let dev = Dev::start();
    let (_, rest) = dev.banner.split_once("terminal):\n\n").unwrap();
    let (paste, _) = rest.split_once("\n\n").unwrap();
    let home = dev.folder.path().join("home");
    std::fs::create_dir(&home).unwrap();

    let mut bash = Command::new("bash");
    let pasted = Ran::of(bash.current_dir(&home).args(["-c", paste])).well();

    assert!(pasted.ends_with("hello from valetkey\n"), "{pasted}");
    assert_eq!(names(&home), ["hello.headers", "hello.txt"]);
    assert!(dev.run("ls", &[]).well().ends_with("hello.txt\n"));
}

#[test]
fn scripts_find_everything_in_a_file_nobody_else_can_read() {
    let dev = Dev::start();
    let path = dev.data().join("dev.json");
    let info: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(dev.banner.contains(info["api"].as_str().unwrap()));
    assert!(dev.banner.contains(info["token"].as_str().unwrap()));
    for name in ["endpoint", "region", "bucket", "access_key", "secret_key"] {
        assert!(info["store"][name].is_string(), "{name}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_end_it_cleanly() {
    for name in ["INT", "TERM"] {
        let mut dev = Dev::start();
        dev.put("a.txt", "a");
        signal(&dev.child, name);
        assert!(dev.child.wait().unwrap().success(), "{name}");
    }
}

#[test]
fn an_address_that_is_taken_is_told_with_its_remedy() {
    let dev = Dev::start();
    let info = std::fs::read(dev.data().join("dev.json")).unwrap();
    let info: Value = serde_json::from_slice(&info).unwrap();
    let taken = info["api"].as_str().unwrap().trim_start_matches("http://");
    let other = tempfile::TempDir::new().unwrap();
    let mut command = crate::support::valetkey();
    let ran = Ran::of(
        command
            .args(["dev", "--listen", taken, "--data-dir"])
            .arg(other.path()),
    );
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("--listen"), "{ran:?}");
}
