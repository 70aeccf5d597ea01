//! `valetkey get`

use std::fs;

use crate::support::{Dev, names, photo};

#[test]
fn every_file_comes_back_as_it_was() {
    let dev = Dev::start();
    for (name, size) in [
        ("empty", 0),
        ("a 'b' \"c\" 😀.jpg", 4 << 20),
        ("large", 40 << 20),
    ] {
        let content = photo(size);
        let id = dev.put(name, &content);
        let printed = dev.run("get", &[&id, "back"]).well();
        assert_eq!(printed, "back\n");
        assert!(dev.read("back") == content, "{name} differs");
        fs::remove_file(dev.folder.path().join("home/back")).unwrap();
    }
}

#[test]
fn a_folder_gets_the_file_under_its_own_name_and_nothing_else() {
    let dev = Dev::start();
    let id = dev.put("photo.jpg", photo(1000));
    let out = dev.folder.path().join("home/out");
    fs::create_dir(&out).unwrap();
    dev.run("get", &[&id, "out"]).well();
    assert_eq!(names(&out), ["photo.jpg"]);
}

#[test]
fn a_dash_is_the_output() {
    let dev = Dev::start();
    let id = dev.put("a.txt", "hello");
    assert_eq!(dev.run("get", &[&id, "-"]).well(), "hello");
}

#[test]
fn a_file_in_the_way_stays_unless_it_is_forced() {
    let dev = Dev::start();
    let id = dev.put("a.txt", "theirs");
    dev.write("a.txt", "mine");

    let kept = dev.run("get", &[&id]);
    assert_eq!(kept.code, Some(1));
    assert!(kept.stderr.contains("--force"), "{kept:?}");
    assert_eq!(dev.read("a.txt"), b"mine");

    dev.run("get", &[&id, "--force"]).well();
    assert_eq!(dev.read("a.txt"), b"theirs");
}

#[test]
fn what_is_no_file_is_told() {
    let dev = Dev::start();
    for id in ["nonsense", "01936f3e-8b7a-7c3d-9e4f-0123456789ab"] {
        let ran = dev.run("get", &[id, "out"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    }
    assert!(names(&dev.folder.path().join("home")).is_empty());
}
