//! `valetkey put`

use serde_json::{Value, json};

use crate::support::{Dev, Ran, photo, valetkey};

#[test]
fn a_file_gets_a_line_with_its_id_size_and_name() {
    let dev = Dev::start();
    dev.write("notes.txt", "hello");
    let line = dev.run("put", &["notes.txt", "--path", "my/notes"]).well();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[1..], ["5", "B", "my/notes/notes.txt"]);
    assert_eq!(words[0].len(), 36);
}

#[test]
fn names_and_sizes_people_really_have_go_up() {
    let dev = Dev::start();
    let odd = "my \"best\" photo's 😀.jpg";
    dev.write("empty", "");
    dev.write(odd, photo(4 << 20));
    dev.write("large.bin", photo(40 << 20));
    let put = dev.run("put", &["--json", "empty", odd, "large.bin"]);
    let mut told: Vec<_> = put
        .objects()
        .iter()
        .map(|file| {
            json!([
                file["size"],
                file["filename"],
                file["integrity"],
                file["content_type"]
            ])
        })
        .collect();
    told.sort_by_key(|it| it[0].as_u64());
    put.well();
    assert_eq!(
        told,
        [
            json!([0, "empty", "checksum", "application/octet-stream"]),
            json!([4 << 20, odd, "checksum", "image/jpeg"]),
            json!([
                40 << 20,
                "large.bin",
                "checksum",
                "application/octet-stream"
            ]),
        ]
    );
}

#[test]
fn a_folder_keeps_its_folders_and_a_pattern_is_expanded() {
    let dev = Dev::start();
    dev.write("photos/2026/a.txt", "a");
    dev.write("photos/b.txt", "b");
    dev.write("c.txt", "c");
    let put = dev.run("put", &["--json", "--path", "mine", "photos", "c.*"]);
    let mut places: Vec<_> = put
        .objects()
        .iter()
        .map(|file| {
            format!(
                "{}/{}",
                file["path"].as_str().unwrap(),
                file["filename"].as_str().unwrap()
            )
        })
        .collect();
    places.sort();
    put.well();
    assert_eq!(
        places,
        ["mine/c.txt", "mine/photos/2026/a.txt", "mine/photos/b.txt"]
    );
}

#[test]
fn what_fails_is_told_and_the_others_go_on() {
    let dev = Dev::start();
    dev.write("good.txt", "good");

    let put = dev.run("put", &["none.txt", "good.txt"]);
    assert_eq!(put.code, Some(1));
    assert!(put.stdout.ends_with("good.txt\n"), "{put:?}");
    assert!(
        put.stderr.contains("error: none.txt: no such file"),
        "{put:?}"
    );
    assert!(put.stderr.contains("error: 1 of 2 failed"), "{put:?}");

    let put = dev.run("put", &["--json", "--bucket", "nowhere", "good.txt"]);
    assert_eq!(put.code, Some(1));
    let told: Vec<Value> = put.objects();
    assert_eq!(told[0]["path"], "good.txt");
    assert_eq!(
        told[0]["problem"]["type"],
        json!(format!(
            "/problems/{}",
            told[0]["problem"]["code"].as_str().unwrap()
        ))
    );
}

#[test]
fn who_talks_to_nobody_is_told_what_to_do() {
    let folder = tempfile::TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = valetkey();
        Ran::of(command.current_dir(&folder).arg("put").args(arguments))
    };
    std::fs::write(folder.path().join("a"), "a").unwrap();

    let nowhere = run(&["a"]);
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.stderr.contains("--url"), "{nowhere:?}");

    let nobody = run(&["a", "--url", "http://127.0.0.1:1", "--token", "t"]);
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("is it running"), "{nobody:?}");
}
