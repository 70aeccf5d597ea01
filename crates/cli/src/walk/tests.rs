use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder `photos` with a file, a folder with a file, and names that are no names for shells.
fn tree() -> TempDir {
    let top = TempDir::new().unwrap();
    let photos = top.path().join("photos");
    fs::create_dir_all(photos.join("2026/may day")).unwrap();
    for name in ["b.jpg", "a [1].jpg", "2026/c.png", "2026/may day/d.jpg"] {
        fs::write(photos.join(name), name).unwrap();
    }
    top
}

fn found(top: &TempDir, arguments: &[&str]) -> Vec<String> {
    let arguments: Vec<_> = arguments.iter().map(|it| top.path().join(it)).collect();
    let shown = |it: Result<Found, Error>| match it {
        Ok(found) => {
            let file = found.file.strip_prefix(top.path()).unwrap();
            format!("{} in '{}'", file.display(), found.folder)
        }
        Err(error) => error.told().replace(&top.path().display().to_string(), ""),
    };
    find(&arguments).into_iter().map(shown).collect()
}

#[test]
fn a_folder_is_walked_by_name_and_its_folders_are_kept() {
    let top = tree();
    let expected = [
        "photos/2026/c.png in 'photos/2026'",
        "photos/2026/may day/d.jpg in 'photos/2026/may day'",
        "photos/a [1].jpg in 'photos'",
        "photos/b.jpg in 'photos'",
    ];
    assert_eq!(found(&top, &["photos"]), expected);
    assert_eq!(found(&top, &["photos/"]), expected);
}

#[test]
fn a_file_that_is_named_lies_at_the_top_even_if_its_name_looks_like_a_pattern() {
    let top = tree();
    assert_eq!(
        found(&top, &["photos/a [1].jpg"]),
        ["photos/a [1].jpg in ''"]
    );
}

#[test]
fn a_pattern_is_what_the_shell_would_have_made_of_it() {
    let top = tree();
    assert_eq!(
        found(&top, &["photos/*.jpg"]),
        ["photos/a [1].jpg in ''", "photos/b.jpg in ''"]
    );
    assert_eq!(
        found(&top, &["photos/**/*.png"]),
        ["photos/2026/c.png in ''"]
    );
}

#[test]
fn what_is_not_there_is_an_error_in_its_place() {
    let top = tree();
    let found = found(&top, &["none.jpg", "photos/b.jpg", "*.none"]);
    assert!(found[0].starts_with("/none.jpg: no such file"), "{found:?}");
    assert_eq!(found[1], "photos/b.jpg in ''");
    assert!(found[2].starts_with("/*.none: no such file"), "{found:?}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_never_in_a_circle() {
    let top = tree();
    let link = |to: &str, at: &str| {
        std::os::unix::fs::symlink(top.path().join(to), top.path().join(at)).unwrap();
    };
    link("photos", "photos/2026/again");
    link("photos/b.jpg", "photos/2026/linked.jpg");
    link("nowhere", "photos/2026/zz");
    let found = found(&top, &["photos/2026"]);
    assert_eq!(
        found,
        [
            // The folder above is entered once, and not again from within.
            "photos/2026/again/a [1].jpg in '2026/again'",
            "photos/2026/again/b.jpg in '2026/again'",
            "photos/2026/c.png in '2026'",
            "photos/2026/linked.jpg in '2026'",
            "photos/2026/may day/d.jpg in '2026/may day'",
            "/photos/2026/zz: No such file or directory (os error 2)",
        ]
    );
}
