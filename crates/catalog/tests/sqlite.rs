//! The SQLite catalog: the suite every catalog passes, and what is true of a file alone.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

mod conformance;
#[path = "sqlite/forgetting.rs"]
mod forgetting;
#[path = "sqlite/full_disk.rs"]
mod full_disk;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use conformance::sample::{Shared, facts, file, found, id, in_state, multipart, owner, upload};
use jiff::Timestamp;
use refinery::{Migration, Runner};
use tempfile::TempDir;
use valetkey_catalog::sqlite::SqliteCatalog;
use valetkey_catalog::{Catalog as _, CatalogError, EventList, Usage, Whose};
use valetkey_protocol::upload::State;

/// A catalog in a folder of its own, which goes with it.
struct Home {
    catalog: Shared,
    folder: TempDir,
}

fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Arc::new(SqliteCatalog::open(&folder.path().join("catalog.db")).unwrap());
    Home { catalog, folder }
}

impl Home {
    fn path(&self) -> PathBuf {
        self.folder.path().join("catalog.db")
    }

    fn reopened(self) -> Self {
        drop(self.catalog);
        let catalog =
            Arc::new(SqliteCatalog::open(&self.folder.path().join("catalog.db")).unwrap());
        Self {
            catalog,
            folder: self.folder,
        }
    }
}

conformance::conformance!([] home());

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let mut home = home();
    let mut records = Vec::new();
    for (number, state) in (1..).zip(State::ALL) {
        records.push(in_state(&home.catalog, upload(number), state).await);
        records.push(in_state(&home.catalog, multipart(100 + number), state).await);
    }
    for _ in 0..2 {
        home = home.reopened();
        for record in &mut records {
            // Whoever held a lease is gone.
            record.lease_until = record.lease_until.map(|_| Timestamp::UNIX_EPOCH);
            record.postponed_until = None;
            assert_eq!(found(&home.catalog, record.upload.id).await, *record);
        }
    }
    assert_eq!(records[4].file, Some(facts()));
}

#[tokio::test]
async fn a_copy_of_the_files_taken_at_any_moment_has_all_that_was_answered() {
    let home = home();
    let record = file(&home.catalog, upload(1)).await;
    // What a killed server leaves behind: the file and its log, not closed.
    let copy = tempfile::tempdir().unwrap();
    for name in ["catalog.db", "catalog.db-wal"] {
        std::fs::copy(home.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let catalog = SqliteCatalog::open(&copy.path().join("catalog.db")).unwrap();
    assert_eq!(catalog.find(id(1)).await.unwrap(), Some(record));
}

#[tokio::test]
async fn closing_leaves_one_file_that_nobody_else_may_read() {
    let home = home();
    file(&home.catalog, upload(1)).await;
    for name in [
        "catalog.db",
        "catalog.db-wal",
        "catalog.db-shm",
        "catalog.db.ballast",
        "catalog.db.lock",
    ] {
        let found = std::fs::metadata(home.folder.path().join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    drop(home.catalog);
    let mut left: Vec<_> = std::fs::read_dir(home.folder.path())
        .unwrap()
        .map(|one| one.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["catalog.db", "catalog.db.ballast", "catalog.db.lock"]
    );
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused() {
    let home = home();
    let refused = SqliteCatalog::open(&home.path()).unwrap_err();
    assert!(
        refused.to_string().contains("another server has it open"),
        "{refused}"
    );
    file(&home.catalog, upload(1)).await;
    home.reopened().catalog.ping().await.unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let home = home();
    let path = home.path();
    drop(home.catalog);
    let newer =
        "INSERT INTO refinery_schema_history VALUES (1000, 'links', '2026-01-01T00:00:00Z', '1')";
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute(newer, []).unwrap();
    drop(raw);
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteCatalog::open(&path).unwrap_err();
    assert!(refused.to_string().contains("newer version"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date_and_its_accounts_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let mut raw = rusqlite::Connection::open(&path).unwrap();
    let older = [
        (
            "V1__catalog",
            include_str!("../migrations/sqlite/V1__catalog.sql"),
        ),
        (
            "V2__idempotency",
            include_str!("../migrations/sqlite/V2__idempotency.sql"),
        ),
    ];
    let older = older.map(|(name, sql)| Migration::unapplied(name, sql).unwrap());
    Runner::new(&older).run(&mut raw).unwrap();
    for (number, state) in (1..).zip(State::ALL) {
        let insert = "INSERT INTO upload (id, bucket, key, owner, filename, path, content_type, size, \
             metadata, created_at, session_ends_at, urls_end_at, state, epoch, download_count, quarantined) \
             VALUES (?1, 'photos', 'k', 'alice', 'a', '', 'text/plain', 5, '{}', 0, 0, 0, ?2, 1, 0, 1)";
        raw.execute(insert, (id(number).as_bytes(), state.as_str()))
            .unwrap();
    }
    drop(raw);
    let catalog = SqliteCatalog::open(&path).unwrap();
    let expected = Usage {
        open_uploads: 2,
        reserved_bytes: 10,
        files: 2,
        stored_bytes: 10,
    };
    for whose in [Whose::Everybody, Whose::Owner(owner("", "alice"))] {
        let usage = catalog.usage(whose).await.unwrap();
        assert_eq!(usage, [("photos".to_owned(), expected)]);
    }
    let records = catalog.scan(None, 100).await.unwrap();
    assert!(records.len() == 8 && records.iter().all(|record| record.leftovers));
}

#[tokio::test]
async fn files_of_before_learn_when_they_were_verified_and_events_whose_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = SqliteCatalog::open(&path).unwrap();
    drop(catalog);
    let raw = rusqlite::Connection::open(&path).unwrap();
    let undo = "DROP TABLE link_use; DROP TABLE link; DROP TABLE drop_link; \
         DROP INDEX upload_by_tenant; DROP INDEX upload_by_tenant_owner; ALTER TABLE upload DROP COLUMN tenant; \
         DROP INDEX usage_by_tenant; ALTER TABLE usage DROP COLUMN tenant; \
         DROP INDEX outbox_by_tenant; DROP INDEX outbox_by_tenant_owner; ALTER TABLE outbox DROP COLUMN tenant; \
         DROP INDEX outbox_by_owner; ALTER TABLE outbox DROP COLUMN owner; \
         ALTER TABLE outbox DROP COLUMN bucket; ALTER TABLE upload DROP COLUMN verified_at; \
         DROP TABLE webhook_endpoint; DROP TABLE webhook_delivery; DROP TABLE ticket_upload; \
         DROP TABLE api_key; \
         DROP INDEX upload_by_look; DROP INDEX upload_awaited; ALTER TABLE upload DROP COLUMN look_at; \
         DELETE FROM refinery_schema_history WHERE version >= 5";
    raw.execute_batch(undo).unwrap();
    for number in 1..=2 {
        let insert = "INSERT INTO upload (id, bucket, key, owner, filename, path, content_type, size, metadata, \
             created_at, session_ends_at, urls_end_at, state, epoch, download_count, leftovers, etag, integrity) \
             VALUES (?1, 'b', 'k', 'alice', 'a', '', 'text/plain', 5, '{}', 0, 0, 0, 'available', 3, 0, 0, 'e', 'size')";
        raw.execute(insert, [id(number).as_bytes()]).unwrap();
    }
    let audit = "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
    for (seq, from, to, at) in [
        (1, "pending", "verifying", 10),
        (2, "verifying", "available", 20),
        (3, "available", "available", 30),
    ] {
        raw.execute(audit, (id(1).as_bytes(), seq, from, to, at))
            .unwrap();
    }
    for number in [1, 3] {
        let event =
            "INSERT INTO outbox (upload_id, seq, kind, at) VALUES (?1, 2, 'upload.completed', 20)";
        raw.execute(event, [id(number).as_bytes()]).unwrap();
    }
    drop(raw);
    let catalog = SqliteCatalog::open(&path).unwrap();
    let events = catalog.events(EventList::after(0, 9)).await.unwrap();
    let buckets: Vec<_> = events.iter().map(|event| event.bucket.as_deref()).collect();
    // Of the second, nothing else is remembered.
    assert_eq!(buckets, [Some("b"), None]);
    assert_eq!(events[0].owner, Some("alice".parse().unwrap()));
    let records = catalog.scan(None, 9).await.unwrap();
    let verified: Vec<_> = records.iter().map(|record| record.verified_at).collect();
    let known = jiff::Timestamp::from_millisecond(20).unwrap();
    assert_eq!(verified, [Some(known), None]);
}

#[test]
fn what_is_no_catalog_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to be read as one").unwrap();
    for path in [
        path,
        folder.path().join("missing/catalog.db"),
        folder.path().to_owned(),
    ] {
        let refused = SqliteCatalog::open(&path).unwrap_err();
        assert!(matches!(refused, CatalogError::Open { .. }), "{refused}");
        assert!(
            refused.to_string().contains(path.to_str().unwrap()),
            "{refused}"
        );
    }
}
