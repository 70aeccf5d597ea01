//! `valetkey ls`

use crate::support::Dev;

#[test]
fn files_are_listed_newest_first_in_columns() {
    let dev = Dev::start();
    let first = dev.put("first.txt", "1");
    let second = dev.put("second.txt", "22".repeat(1024));

    let listed = dev.run("ls", &[]).well();
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with(&second) && lines[0].ends_with("Z  second.txt"));
    assert!(lines[0].contains("     2.0 KiB  20"), "{listed}");
    assert!(lines[1].starts_with(&first) && lines[1].ends_with("Z  first.txt"));
    assert!(lines[1].contains("         1 B  20"), "{listed}");
}

#[test]
fn a_listing_can_be_narrowed() {
    let dev = Dev::start();
    for (name, path) in [("a.txt", "x"), ("b.txt", "x/y"), ("c.png", "x")] {
        dev.write(name, "text");
        dev.run("put", &[name, "--path", path]).well();
    }
    let listed = |arguments: &[&str]| -> Vec<String> {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let objects = dev.run("ls", &all).objects();
        let names = objects.iter().map(|it| it["filename"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    assert_eq!(listed(&[]), ["c.png", "b.txt", "a.txt"]);
    assert_eq!(listed(&["--path", "x"]), ["c.png", "a.txt"]);
    assert_eq!(listed(&["--content-type", "text/*"]), ["b.txt", "a.txt"]);
    assert_eq!(listed(&["--limit", "1"]), ["c.png"]);
    assert_eq!(listed(&["--limit", "0"]), [""; 0]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let dev = Dev::start();
    dev.put("a.txt", "a");
    let script = format!(
        "'{}' ls --data-dir '{}' | true; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_valetkey"),
        dev.data().display()
    );
    let ran = crate::support::Ran::of(std::process::Command::new("bash").args(["-c", &script]));
    assert_eq!(ran.stderr, "");
}
