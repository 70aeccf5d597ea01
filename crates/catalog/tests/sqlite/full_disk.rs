//! A disk that is really full: the catalog in a file system of 32 MiB, mounted by and for this test alone.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use valetkey_catalog::sqlite::SqliteCatalog;
use valetkey_catalog::{CatalogError, Edge, Insertion, NewUpload, Step};
use valetkey_protocol::upload::State;

use crate::conformance::sample::{
    self, Shared, at, delete, facts, found, go, id, step, unlimited, upload, verify,
};

const DISK: &str = "VALETKEY_TEST_DISK";

/// How many files are removed on the full disk.
const MANY: u64 = 3000;

#[test]
fn on_a_full_disk_reads_and_removals_go_on_and_writes_come_back_with_room() {
    on_a_disk("a_full_disk");
}

#[test]
fn on_a_full_disk_everything_can_be_removed() {
    on_a_disk("many_removals");
}

#[test]
fn what_waits_in_a_long_log_does_not_use_up_the_room_for_removals() {
    on_a_disk("a_long_log");
}

#[test]
fn on_a_full_disk_the_catalog_can_be_closed_and_opened_again() {
    on_a_disk("restarts");
}

/// Runs a test from below in a mount namespace of its own, where the folder is a small file system.
fn on_a_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=32m none \"$VALETKEY_TEST_DISK\" && exec \"$0\" --ignored --exact full_disk::\"$1\"";
    let ran = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(DISK, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "`on_a_disk` says where the disk is"
)]
fn disk() -> PathBuf {
    PathBuf::from(std::env::var(DISK).unwrap())
}

fn open(disk: &Path) -> Shared {
    Arc::new(SqliteCatalog::open(&disk.join("catalog.db")).unwrap())
}

#[tokio::test]
#[ignore = "it needs a file system of its own, which a test above gives it"]
async fn many_removals() {
    let disk = disk();
    let catalog = open(&disk);
    let files = (1..=MANY).map(|number| sample::file(&catalog, upload(number)));
    let files = futures_util::future::join_all(files).await;
    fill(&disk);
    fill_catalog(&catalog).await;
    // One after the other, so that each is a transaction of its own.
    for file in &files {
        let deleting = go(&catalog, file, delete(at(0))).await;
        go(&catalog, &deleting, Edge::Deleted).await;
    }
    assert!(insert(&catalog, 9999).await.is_err());
}

#[tokio::test]
#[ignore = "it needs a file system of its own, which a test above gives it"]
async fn a_long_log() {
    let disk = disk();
    let catalog = open(&disk);
    // More than is held, and less than after which the log is folded in where there is room.
    for fifty in 0..42 {
        let uploads = (1..=50).map(|number| NewUpload {
            metadata: sample::metadata("notes", &"x".repeat(2000)),
            ..upload(50 * fifty + number)
        });
        let inserted = catalog.insert_uploads(uploads.map(unlimited).collect());
        inserted.await.unwrap();
    }
    fill(&disk);
    for number in 1..=600 {
        let pending = found(&catalog, id(number)).await;
        go(&catalog, &pending, Edge::Abort).await;
    }
}

#[tokio::test]
#[ignore = "it needs a file system of its own, which a test above gives it"]
async fn restarts() {
    let disk = disk();
    let catalog = open(&disk);
    let file = sample::file(&catalog, upload(1)).await;
    drop(catalog);
    // The room is held when it is closed, then given up, and both times somebody takes every byte that is free.
    for deleted in [false, true] {
        fill(&disk);
        let catalog = open(&disk);
        let found = found(&catalog, id(1)).await;
        assert_eq!(found.state == State::Deleted, deleted);
        let full = insert(&catalog, 2).await.unwrap_err();
        assert!(matches!(full, CatalogError::Full(_)), "{full:?}");
        if !deleted {
            let deleting = go(&catalog, &file, delete(at(0))).await;
            go(&catalog, &deleting, Edge::Deleted).await;
        }
        drop(catalog);
    }
    fs::remove_file(disk.join("filling")).unwrap();
    let catalog = open(&disk);
    assert_eq!(insert(&catalog, 2).await.unwrap(), [Insertion::New]);
}

#[tokio::test]
#[ignore = "it needs a file system of its own, which a test above gives it"]
async fn a_full_disk() {
    let disk = disk();
    let disk = disk.as_path();
    let catalog = open(disk);
    let pending = sample::insert(&catalog, upload(1)).await;
    let file = sample::file(&catalog, upload(2)).await;
    let verifying = sample::insert(&catalog, upload(3)).await;
    let verifying = go(&catalog, &verifying, verify(at(0))).await;

    fill(disk);
    let refused = fill_catalog(&catalog).await;
    assert!(matches!(refused, CatalogError::Full(_)), "{refused:?}");

    // What is there is read, and what makes room is done.
    assert_eq!(found(&catalog, id(2)).await, file);
    assert_eq!(
        go(&catalog, &pending, Edge::Abort).await.state,
        State::Aborted
    );
    let deleting = go(&catalog, &file, delete(at(0))).await;
    go(&catalog, &deleting, Edge::Deleted).await;
    for number in 1000..1100 {
        catalog.forget_keys_until(at(number)).await.unwrap();
    }
    // What takes room is not, although some was made.
    assert!(insert(&catalog, 4).await.is_err());
    let finish = Step {
        id: id(3),
        epoch: verifying.epoch,
        edge: Edge::Finish(facts()),
        at: at(1),
        by: None,
    };
    let full = catalog.advance(finish).await.unwrap_err();
    assert!(matches!(full, CatalogError::Full(_)), "{full:?}");
    assert_eq!(found(&catalog, id(3)).await, verifying);

    // Nobody restarts anything: there is room again.
    fs::remove_file(disk.join("filling")).unwrap();
    assert_eq!(insert(&catalog, 4).await.unwrap(), [Insertion::New]);
    let finished = step(
        &catalog,
        id(3),
        verifying.epoch,
        Edge::Finish(facts()),
        at(2),
    )
    .await;
    assert_eq!(finished.unwrap().state, State::Available);
}

/// Leaves less than a page free.
fn fill(disk: &Path) {
    let mut options = File::options();
    let filling = options.append(true).create(true);
    let mut filling = filling.open(disk.join("filling")).unwrap();
    for size in [1 << 20, 4096, 1] {
        while filling.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Inserts until there is no room left: the log has some of its own.
async fn fill_catalog(catalog: &Shared) -> CatalogError {
    let mut number = 10 * MANY;
    loop {
        number += 1;
        if let Err(error) = insert(catalog, number).await {
            return error;
        }
    }
}

async fn insert(catalog: &Shared, number: u64) -> Result<Vec<Insertion>, CatalogError> {
    catalog
        .insert_uploads(vec![unlimited(upload(number))])
        .await
}
