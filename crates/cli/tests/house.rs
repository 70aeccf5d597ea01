//! The rules of the house, checked rather than wished: who may import whom, what a room must never
//! contain, how long a file may grow, and which words have no place in a finished tree.
#![expect(
    clippy::expect_used,
    reason = "a check that cannot read the tree should say so at once"
)]

#[path = "house/security.rs"]
mod security;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// One room of the workspace: what it may import of ours, and what must never come with it.
struct Room {
    name: &'static str,
    may_import: &'static [&'static str],
    /// Third-party crates it must not bring in, whether it names them or they come along.
    never: &'static [&'static [&'static str]],
}

const SQL: &[&str] = &[
    "rusqlite",
    "libsqlite3-sys",
    "refinery",
    "sqlx",
    "tokio-postgres",
    "postgres",
];
const HTTP_SERVER: &[&str] = &["axum", "axum-core", "utoipa-axum", "tower-http"];
const HTTP_CLIENT: &[&str] = &["reqwest", "hyper-rustls"];
const HTTP: &[&str] = &["hyper", "hyper-util", "h2"];
const ASYNC: &[&str] = &["tokio", "mio", "futures-executor", "async-trait"];
const RANDOM: &[&str] = &["getrandom", "rand"];
const STORE_ENGINE: &[&str] = &["s3s", "redb"];
const SIGNING: &[&str] = &["hmac", "s3s"];
const AXUM: &[&str] = &["axum", "axum-core", "utoipa-axum"];

/// The import table of ARCHITECTURE.md. A room without a row here does not pass.
const HOUSE: &[Room] = &[
    Room {
        name: "sign",
        may_import: &[],
        never: &[ASYNC, HTTP, HTTP_CLIENT, HTTP_SERVER, SQL, RANDOM],
    },
    Room {
        name: "protocol",
        may_import: &[],
        never: &[ASYNC, HTTP, HTTP_CLIENT, HTTP_SERVER, SQL],
    },
    Room {
        name: "store",
        may_import: &["sign", "protocol"],
        never: &[SQL, AXUM, STORE_ENGINE],
    },
    Room {
        name: "catalog",
        may_import: &["protocol"],
        never: &[HTTP, HTTP_CLIENT, HTTP_SERVER, STORE_ENGINE],
    },
    Room {
        name: "engine",
        may_import: &["protocol", "store", "catalog"],
        never: &[SQL, HTTP, HTTP_CLIENT, HTTP_SERVER, STORE_ENGINE],
    },
    Room {
        name: "embedded",
        may_import: &["sign", "protocol"],
        never: &[SQL, HTTP_SERVER, HTTP_CLIENT],
    },
    Room {
        name: "server",
        may_import: &["engine", "protocol", "store", "catalog", "embedded"],
        never: &[SQL, SIGNING, STORE_ENGINE],
    },
    Room {
        name: "client",
        may_import: &["protocol"],
        never: &[SQL, AXUM, STORE_ENGINE],
    },
    Room {
        name: "cli",
        may_import: &[
            "sign", "protocol", "store", "catalog", "engine", "embedded", "server", "client",
        ],
        never: &[SQL, HTTP_SERVER, HTTP_CLIENT, STORE_ENGINE],
    },
];

/// Source files stay readable in one sitting; tests do not count.
const LONGEST_FILE: usize = 400;

const OURS: &str = "valetkey-";

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let metadata = metadata();
    for room in HOUSE {
        let imported = direct(&metadata, room.name)
            .into_iter()
            .filter_map(|id| {
                name_of(&metadata, &id)
                    .strip_prefix(OURS)
                    .map(str::to_owned)
            })
            .collect::<BTreeSet<_>>();
        let allowed = room.may_import.iter().map(|name| (*name).to_owned());
        let strangers: Vec<_> = imported.difference(&allowed.collect()).cloned().collect();
        assert!(
            strangers.is_empty(),
            "`{}` must not import {strangers:?}: see the import table in ARCHITECTURE.md",
            room.name
        );
    }
}

#[test]
fn no_room_brings_in_what_it_must_never_contain() {
    let metadata = metadata();
    for room in HOUSE {
        let paths = reached_without_our_other_rooms(&metadata, room.name);
        for forbidden in room.never.iter().copied().flatten() {
            let path = paths.get(*forbidden);
            assert!(
                path.is_none(),
                "`{}` must never contain `{forbidden}`, which came by {path:?}",
                room.name
            );
        }
    }
}

#[test]
fn every_room_has_a_row_in_the_table() {
    let rooms: BTreeSet<_> = fs::read_dir(root().join("crates"))
        .expect("crates/ is readable")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let rows: BTreeSet<_> = HOUSE.iter().map(|room| room.name.to_owned()).collect();
    assert_eq!(rooms, rows);
}

#[test]
fn every_package_obeys_the_workspace_lints_and_unsafe_is_forbidden() {
    let root_manifest = read(&root().join("Cargo.toml"));
    assert!(root_manifest.contains("unsafe_code = \"forbid\""));
    for package in metadata().workspace_packages() {
        let manifest = read(package.manifest_path.as_std_path());
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} needs `[lints] workspace = true`",
            package.manifest_path
        );
    }
}

#[test]
fn every_dependency_version_is_set_in_the_workspace_manifest() {
    for package in metadata().workspace_packages() {
        let manifest = read(package.manifest_path.as_std_path());
        let own = manifest
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            .find(|line| line.contains("version = \"") || line.contains("path = \"../"));
        assert_eq!(
            own, None,
            "{}: use `workspace = true`",
            package.manifest_path
        );
    }
}

#[test]
fn no_source_file_grows_past_the_limit() {
    let mut long = Vec::new();
    for path in files() {
        let is_source = path.extension().is_some_and(|end| end == "rs");
        let is_test = path.components().any(|part| part.as_os_str() == "tests")
            || path.file_stem().is_some_and(|stem| stem == "tests");
        if !is_source || is_test {
            continue;
        }
        let lines = lines_before_tests(&read(&path));
        if lines > LONGEST_FILE {
            long.push(format!("{} ({lines})", path.display()));
        }
    }
    assert!(
        long.is_empty(),
        "split what is longer than {LONGEST_FILE} lines: {long:#?}"
    );
}

#[test]
fn nothing_is_left_for_later_and_nothing_points_outside_the_tree() {
    // Written in pieces, so that this file passes its own check.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("for", " now"),
        concat!("coming", " soon"),
        concat!("not yet", " implemented"),
        concat!("will be", " implemented"),
        concat!("/wo", "rk/"),
        concat!("../sha", "red"),
    ];
    let mut found = Vec::new();
    for path in files() {
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // Not text.
        };
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| has_word(line, word)) {
                found.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    assert!(
        found.is_empty(),
        "say it, do it or leave it out: {found:#?}"
    );
}

#[test]
fn a_word_is_found_only_on_its_own() {
    assert!(has_word("wait for it.", "it"));
    assert!(has_word("(it)", "it"));
    assert!(!has_word("with items", "it"));
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .expect("cargo metadata runs")
}

/// The packages a room names under `[dependencies]`, by id.
fn direct(metadata: &Metadata, room: &str) -> Vec<PackageId> {
    let package = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == format!("{OURS}{room}"))
        .expect("a package for every row of the table");
    normal_dependencies(metadata, &package.id)
}

/// Every third-party crate in the room's tree, with the way it came; what another room of ours
/// brings in is that room's affair.
fn reached_without_our_other_rooms(
    metadata: &Metadata,
    room: &str,
) -> BTreeMap<String, Vec<String>> {
    let mut paths = BTreeMap::new();
    let start = direct(metadata, room)
        .into_iter()
        .map(|id| (id, Vec::new()));
    let mut waiting: Vec<(PackageId, Vec<String>)> = start.collect();
    while let Some((id, mut path)) = waiting.pop() {
        let name = name_of(metadata, &id);
        if name.starts_with(OURS) || paths.contains_key(&name) {
            continue;
        }
        path.push(name.clone());
        for next in normal_dependencies(metadata, &id) {
            waiting.push((next, path.clone()));
        }
        paths.insert(name, path);
    }
    paths
}

fn normal_dependencies(metadata: &Metadata, id: &PackageId) -> Vec<PackageId> {
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let node = resolve
        .nodes
        .iter()
        .find(|node| node.id == *id)
        .expect("a node");
    node.deps
        .iter()
        .filter(|dependency| {
            let mut kinds = dependency.dep_kinds.iter();
            kinds.any(|kind| kind.kind == DependencyKind::Normal)
        })
        .map(|dependency| dependency.pkg.clone())
        .collect()
}

fn name_of(metadata: &Metadata, id: &PackageId) -> String {
    metadata[id].name.to_string()
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("crates/cli is two below the root")
        .to_owned()
}

/// Every file of the tree but what tools make.
fn files() -> Vec<PathBuf> {
    const MADE: &[&str] = &[
        ".git",
        "target",
        "node_modules",
        "valetkey-data",
        ".venv",
        "__pycache__",
        ".pytest_cache",
        ".hypothesis",
    ];
    let mut found = Vec::new();
    let mut waiting = vec![root()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if MADE.iter().any(|made| path.ends_with(made)) {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

fn lines_before_tests(text: &str) -> usize {
    let end = text.find("\n#[cfg(test)]\nmod tests {");
    text[..end.unwrap_or(text.len())].lines().count()
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |found: Option<char>| found.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts_with_letter = word.starts_with(char::is_alphanumeric);
        let ends_with_letter = word.ends_with(char::is_alphanumeric);
        !(starts_with_letter && is_letter(before) || ends_with_letter && is_letter(after))
    })
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a readable text file")
}
