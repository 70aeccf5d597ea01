//! `valetkey demo`

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ran, names, signal, valetkey};

/// A demonstration that is over soon, with its temporary files in a folder of the test's own.
fn tiny(temporary: &Path, more: &[&str]) -> Command {
    let mut command = valetkey();
    command
        .arg("demo")
        .args([
            "--photos",
            "2",
            "--photo-size",
            "600kB",
            "--large-size",
            "6MB",
        ])
        .args(["--clients", "1,2", "--rounds", "1", "--link", "1gbit"])
        .args(more)
        .env("TMPDIR", temporary);
    command
}

/// The processes whose arguments or files name a folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let named = |entry: fs::DirEntry| {
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let environment = String::from_utf8_lossy(&environment).into_owned();
        environment
            .contains(folder.to_str()?)
            .then(|| entry.file_name().to_string_lossy().into_owned())
    };
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries.filter_map(|entry| named(entry.ok()?)).collect()
}

#[test]
fn each_way_is_measured_and_nothing_is_left() {
    let temporary = TempDir::new().unwrap();
    let ran = Ran::of(&mut tiny(temporary.path(), &["--json"]));
    let report: Value = serde_json::from_str(&ran.well()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let loads: Vec<_> = rows
        .iter()
        .map(|row| {
            let number = |name: &str| row[name].as_u64().unwrap();
            (
                number("clients"),
                number("files"),
                number("bytes_each"),
                row["link"].as_u64(),
            )
        })
        .collect();
    let link = Some(1_000_000_000);
    let expected = [
        (1, 2, 600_000, None),
        (2, 2, 600_000, None),
        (1, 1, 6_000_000, None),
        (1, 1, 600_000, link),
        (2, 1, 600_000, link),
        (1, 1, 1_500_000, link),
    ];
    assert_eq!(loads, expected);
    for row in rows {
        let ways = row["ways"].as_array().unwrap();
        let told: Vec<_> = ways
            .iter()
            .map(|way| way["way"].as_str().unwrap())
            .collect();
        assert_eq!(told, ["receive_then_send", "streaming_proxy", "direct"]);
        assert!(
            ways.iter()
                .all(|way| way["seconds"].as_f64().unwrap() > 0.0)
        );
        assert_eq!(ways[2]["times_direct"], 1.0);
        if cfg!(target_os = "linux") {
            let used = |way: &Value| way["server_peak_bytes"].as_u64().unwrap();
            assert!(ways.iter().all(|way| used(way) > 1 << 20), "{row}");
            assert!(ways[0]["server_cpu_seconds_per_gb"].as_f64().unwrap() > 0.0);
        }
    }
    assert_eq!(names(temporary.path()), [""; 0]);
    assert_eq!(processes_of(temporary.path()), [""; 0]);
}

#[test]
fn people_get_a_table_and_a_picture() {
    let temporary = TempDir::new().unwrap();
    let picture = temporary.path().join("demo.svg");
    let arguments = [
        "--svg",
        picture.to_str().unwrap(),
        "--link",
        "none",
        "--clients",
        "2",
    ];
    let mut command = valetkey();
    command
        .args([
            "demo",
            "--photos",
            "2",
            "--photo-size",
            "600kB",
            "--large-size",
            "6MB",
            "--rounds",
            "1",
        ])
        .args(arguments)
        .env("TMPDIR", temporary.path());
    let table = Ran::of(&mut command).well();
    assert!(
        table.contains("2 clients, each: 2 photos of 600 kB"),
        "{table}"
    );
    assert!(table.contains("1 client: 1 file of 6 MB"), "{table}");
    for way in ["receive, then send", "streaming proxy", "direct (Valetkey)"] {
        assert_eq!(table.matches(way).count(), 2, "{table}");
    }
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<rect").count(), 6);
    assert_eq!(names(temporary.path()), ["demo.svg"]);
}

#[test]
fn who_interrupts_it_is_left_with_nothing_to_clean_up() {
    for name in ["INT", "TERM"] {
        let temporary = TempDir::new().unwrap();
        let mut child = tiny(temporary.path(), &[])
            .args(["--json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Until all of its servers run, or it is over.
        while processes_of(temporary.path()).len() < 8 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(names(temporary.path()), [""; 0]);
        assert_eq!(processes_of(temporary.path()), [""; 0]);
    }
}

#[test]
fn what_it_cannot_do_is_refused_with_what_to_change() {
    let run = |arguments: &[&str]| Ran::of(valetkey().arg("demo").args(arguments));
    let large = run(&["--photos", "10000"]);
    assert!(
        large.stderr.contains("give fewer or smaller --photos"),
        "{large:?}"
    );
    let rate = run(&["--link", "fast"]);
    assert!(rate.stderr.contains("such as 100mbit, or none"), "{rate:?}");
    let nowhere = Ran::of(valetkey().arg("demo").env("TMPDIR", "/nowhere/at/all"));
    assert!(nowhere.stderr.contains("as TMPDIR"), "{nowhere:?}");
}
