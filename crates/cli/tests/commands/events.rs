//! `valetkey events`

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Dev, valetkey};

#[test]
fn what_happened_is_shown_in_order_and_can_be_narrowed() {
    let dev = Dev::start();
    let id = dev.put("a.txt", "a");
    dev.run("rm", &[&id]).well();
    let shown = dev.run("events", &[]).well();
    let lines: Vec<_> = shown.lines().collect();
    assert!(
        lines[0].ends_with(&format!("Z  upload.completed  {id}  a.txt")),
        "{shown}"
    );
    assert!(
        lines[1].ends_with(&format!("Z  file.deleted      {id}  a.txt")),
        "{shown}"
    );
    let deleted = dev
        .run("events", &["--json", "--type", "file.deleted"])
        .objects();
    assert_eq!(deleted.len(), 1);
    assert_eq!(
        (&deleted[0]["type"], &deleted[0]["data"]["id"]),
        (&"file.deleted".into(), &id.as_str().into())
    );
    let refused = dev.run("events", &["--type", "deleted"]);
    assert!(refused.stderr.contains("upload.completed"), "{refused:?}");
}

#[test]
fn what_happens_is_shown_as_it_happens() {
    let dev = Dev::start();
    let mut following = valetkey()
        .args([
            "events",
            "--follow",
            "--from",
            "oldest",
            "--json",
            "--data-dir",
        ])
        .arg(dev.data())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    for name in ["a.txt", "b.txt"] {
        let id = dev.put(name, name);
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(event["data"]["id"], id.as_str());
        assert_eq!(event["data"]["filename"], name);
    }
    following.kill().unwrap();
    following.wait().unwrap();
}
