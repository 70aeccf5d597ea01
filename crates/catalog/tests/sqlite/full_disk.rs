//! A disk that is really full: the catalog in a file system of 32 MiB, mounted by and for this test alone.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use valetkey_catalog::sqlite::SqliteCatalog;
use valetkey_catalog::{CatalogError, Edge, Insertion, Step};
use valetkey_protocol::upload::State;

use crate::conformance::sample::{
    self, Shared, at, delete, facts, found, go, id, step, unlimited, upload, verify,
};

const DISK: &str = "VALETKEY_TEST_DISK";

/// Runs the test below in a mount namespace of its own, where the folder is a small file system.
#[test]
fn on_a_full_disk_reads_and_removals_go_on_and_writes_come_back_with_room() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=32m none \"$VALETKEY_TEST_DISK\" && exec \"$0\" --ignored --exact full_disk::a_full_disk";
    let ran = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
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

#[tokio::test]
#[ignore = "it needs a file system of its own, which the test above gives it"]
async fn a_full_disk() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test above says where the disk is"
    )]
    let disk = std::env::var(DISK).unwrap();
    let disk = Path::new(&disk);
    let catalog: Shared = Arc::new(SqliteCatalog::open(&disk.join("catalog.db")).unwrap());
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
    let mut filling = File::create(disk.join("filling")).unwrap();
    for size in [1 << 20, 4096, 1] {
        while filling.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Inserts until there is no room left: the log has some of its own.
async fn fill_catalog(catalog: &Shared) -> CatalogError {
    let mut number = 10;
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
