//! What cannot be seen from outside: settings, plans, and what happens inside one transaction.

use std::sync::{Arc, mpsc};

use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Builder;
use valetkey_protocol::file::Order;
use valetkey_protocol::{FileId, Metadata, Tenant};

use super::{SqliteCatalog, change, delivery, due, late, list};
use crate::{
    Catalog as _, CatalogError, Due, FileList, Insertion, Intent, Limits, NewUpload, Transfer,
};

fn opened() -> (Arc<SqliteCatalog>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = SqliteCatalog::open(&folder.path().join("catalog.db")).unwrap();
    (Arc::new(catalog), folder)
}

fn id(number: u64) -> FileId {
    FileId::from_uuid(Builder::from_unix_timestamp_millis(number, &[7; 10]).into_uuid()).unwrap()
}

fn upload(number: u64) -> NewUpload {
    NewUpload {
        id: id(number),
        bucket: "photos".to_owned(),
        key: format!("alice/{}", id(number)).parse().unwrap(),
        tenant: Tenant::default(),
        owner: "alice".parse().unwrap(),
        filename: "cat.jpg".parse().unwrap(),
        path: "".parse().unwrap(),
        content_type: "image/jpeg".parse().unwrap(),
        size: 5,
        checksum: None,
        metadata: Metadata::default(),
        transfer: Transfer::Single,
        created_at: Timestamp::UNIX_EPOCH,
        session_ends_at: Timestamp::UNIX_EPOCH,
        urls_end_at: Timestamp::UNIX_EPOCH,
        retain_for: None,
        look_at: None,
    }
}

fn unlimited(uploads: Vec<NewUpload>) -> Vec<Intent> {
    let intent = |upload| Intent {
        upload,
        limits: Limits::default(),
        ticket: None,
    };
    uploads.into_iter().map(intent).collect()
}

fn pragma(connection: &Connection, name: &str) -> String {
    let value =
        connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
    format!("{:?}", value.unwrap())
}

#[tokio::test]
async fn the_writer_flushes_every_commit_and_readers_cannot_write() {
    let (catalog, _folder) = opened();
    for (name, expected) in [
        ("journal_mode", "Text(\"wal\")"),
        ("synchronous", "Integer(2)"),
        ("foreign_keys", "Integer(1)"),
        ("busy_timeout", "Integer(5000)"),
    ] {
        let found = catalog.write("pragma", move |connection| Ok(pragma(connection, name)));
        assert_eq!(found.await.unwrap(), expected, "{name}");
    }
    let written = catalog.read(|connection| {
        let written = connection.execute("DELETE FROM upload", []);
        Ok(written.map_err(|error| error.sqlite_error_code()))
    });
    let refused = written.await.unwrap().unwrap_err();
    assert_eq!(refused, Some(rusqlite::ErrorCode::ReadOnly));
}

fn plan(connection: &Connection, sql: &str, values: Vec<rusqlite::types::Value>) -> String {
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3));
    steps
        .unwrap()
        .map(Result::unwrap)
        .collect::<Vec<_>>()
        .join("; ")
}

/// How a list is found.
async fn walk(catalog: &SqliteCatalog, list: FileList) -> String {
    let query = list::query(&list);
    let found = catalog.read(move |connection| Ok(plan(connection, &query.sql, query.values)));
    found.await.unwrap()
}

fn newest() -> FileList {
    FileList {
        tenant: None,
        owner: None,
        bucket: None,
        path: Some("2026".parse().unwrap()),
        content_type: Some("image/*".to_owned()),
        checksum: None,
        order: Order::Newest,
        after: None,
        limit: 10,
        now: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn lists_walk_along_an_index_and_never_sort() {
    let (catalog, _folder) = opened();
    let (alice, photos) = (Some("alice".parse().unwrap()), Some("photos".to_owned()));
    let default = Some(Tenant::default());
    for (list, expected) in [
        (
            FileList {
                tenant: default,
                owner: alice.clone(),
                ..newest()
            },
            "upload_by_owner (owner=?",
        ),
        (
            FileList {
                owner: alice,
                bucket: photos.clone(),
                ..newest()
            },
            "upload_by_owner (owner=?",
        ),
        (
            FileList {
                bucket: photos,
                ..newest()
            },
            "upload_by_bucket (bucket=?",
        ),
    ] {
        let found = walk(&catalog, list.clone()).await;
        assert_eq!(found, format!("SEARCH upload USING INDEX {expected})"));
        let after = Some(id(1));
        let found = walk(&catalog, FileList { after, ..list }).await;
        assert_eq!(
            found,
            format!("SEARCH upload USING INDEX {expected} AND id<?)")
        );
    }
    assert_eq!(walk(&catalog, newest()).await, "SCAN upload");
    let after = Some(id(1));
    let found = walk(&catalog, FileList { after, ..newest() }).await;
    assert_eq!(found, "SEARCH upload USING PRIMARY KEY (id<?)");
}

#[tokio::test]
async fn lists_of_a_tenant_walk_along_indexes_of_their_own() {
    let (catalog, _folder) = opened();
    for (owner, expected) in [
        (
            Some("alice".parse().unwrap()),
            "upload_by_tenant_owner (tenant=? AND owner=? AND id<?)",
        ),
        (None, "upload_by_tenant (tenant=? AND id<?)"),
    ] {
        let list = FileList {
            tenant: Some(Tenant::parse("acme").unwrap()),
            owner,
            bucket: Some("photos".to_owned()),
            after: Some(id(1)),
            ..newest()
        };
        let found = walk(&catalog, list).await;
        assert_eq!(found, format!("SEARCH upload USING INDEX {expected}"));
    }
}

#[tokio::test]
async fn what_is_due_is_found_by_its_own_index() {
    let (catalog, _folder) = opened();
    for (reason, index) in Due::ALL.into_iter().zip([
        "upload_by_look",
        "upload_by_session_end",
        "upload_by_verify_lease",
        "upload_by_retention_end",
        "upload_by_delete_lease",
        "upload_by_urls_end",
    ]) {
        let list = due::sql(reason);
        let values = vec![
            "b".to_owned().into(),
            1.into(),
            1.into(),
            0.into(),
            0.into(),
        ];
        let found = catalog.read(move |connection| Ok(plan(connection, &list, values)));
        let range = "(bucket=? AND <expr>>? AND <expr><?)";
        assert_eq!(
            found.await.unwrap(),
            format!("SEARCH upload USING INDEX {index} {range}")
        );
        let count = due::count_sql(reason);
        let found = catalog.read(move |connection| Ok(plan(connection, &count, vec![1.into()])));
        let found = found.await.unwrap();
        let range = "(bucket=? AND <expr><?)";
        assert!(found.contains(&format!("{index} {range}")), "{found}");
    }
}

#[tokio::test]
async fn what_an_owner_waits_for_is_found_without_sorting() {
    let (catalog, _folder) = opened();
    let [a, b, c] = ["a", "b", "c"].map(|text| text.to_owned().into());
    let values = vec![a, b, 1.into(), c];
    let found = catalog.read(move |connection| Ok(plan(connection, late::AWAITED, values)));
    let expected = "SEARCH upload USING INDEX upload_awaited (owner=? AND bucket=?)";
    assert_eq!(found.await.unwrap(), expected);
}

#[tokio::test]
async fn opening_reads_no_more_than_what_was_under_way() {
    let (catalog, _folder) = opened();
    for (sql, index) in [
        (change::END_LEASES[0], "upload_by_verify_lease"),
        (change::END_LEASES[1], "upload_by_delete_lease"),
        (change::END_LEASES[2], "webhook_delivery_by_lease"),
        (due::HASTEN, "upload_by_postponement"),
    ] {
        let values = Vec::from_iter(sql.contains("?1").then(|| 1.into()));
        let found = catalog.write("plan", move |connection| Ok(plan(connection, sql, values)));
        let found = found.await.unwrap();
        assert!(found.contains(index), "{found}");
        assert!(!found.ends_with("SCAN upload"), "{found}");
    }
}

#[tokio::test]
async fn deliveries_are_found_by_their_indexes_however_many_wait() {
    let (catalog, _folder) = opened();
    for (sql, count, index) in [
        (
            delivery::TAKE,
            4,
            "webhook_delivery_by_due (endpoint_id=? AND due_at>? AND due_at<?)",
        ),
        (
            delivery::RELEASE,
            3,
            "webhook_delivery_by_file (endpoint_id=? AND upload_id=?)",
        ),
        (
            delivery::OWE,
            10,
            "webhook_delivery_by_file (endpoint_id=? AND upload_id=? AND position<?)",
        ),
    ] {
        let values = vec![1.into(); count];
        let found = catalog.write("plan", move |connection| Ok(plan(connection, sql, values)));
        let found = found.await.unwrap();
        assert!(found.contains(index), "{found}");
        assert!(
            !found.contains("SCAN webhook") && !found.contains("TEMP"),
            "{found}"
        );
    }
}

/// Keeps the writer busy until the sender is dropped: what is asked meanwhile waits for one transaction.
async fn held(catalog: &Arc<SqliteCatalog>) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (begun, begins) = oneshot::channel();
    let catalog = Arc::clone(catalog);
    tokio::spawn(async move {
        let hold = move |_: &Connection| {
            let _ = begun.send(());
            let _ = held.recv();
            Ok(())
        };
        catalog.write("hold", hold).await
    });
    begins.await.unwrap();
    release
}

/// Waits until so many jobs wait for the writer.
async fn waiting(catalog: &SqliteCatalog, count: usize) {
    while catalog.writes.len() < count {
        tokio::task::yield_now().await;
    }
}

type Inserted = Result<Vec<Insertion>, CatalogError>;

fn inserting(catalog: &Arc<SqliteCatalog>, uploads: Vec<NewUpload>) -> JoinHandle<Inserted> {
    let catalog = Arc::clone(catalog);
    tokio::spawn(async move { catalog.insert_uploads(unlimited(uploads)).await })
}

/// Inserts each of these in one shared transaction, and gives each its answer.
async fn together(catalog: &Arc<SqliteCatalog>, calls: Vec<Vec<NewUpload>>) -> Vec<Inserted> {
    let release = held(catalog).await;
    let calls: Vec<_> = calls
        .into_iter()
        .map(|call| inserting(catalog, call))
        .collect();
    waiting(catalog, calls.len()).await;
    drop(release);
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn nobody_is_answered_before_the_shared_commit() {
    let (catalog, _folder) = opened();
    let first = held(&catalog).await;
    let insert = inserting(&catalog, vec![upload(1)]);
    waiting(&catalog, 1).await;
    // This one joins the insert's transaction and holds it open.
    let (begun, begins) = oneshot::channel();
    let (second, held) = mpsc::channel::<()>();
    let hold = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move {
            let hold = catalog.write("hold", move |_| {
                let _ = begun.send(());
                let _ = held.recv();
                Ok(())
            });
            hold.await
        }
    });
    waiting(&catalog, 2).await;
    drop(first);
    begins.await.unwrap();
    assert!(!insert.is_finished());
    assert_eq!(catalog.find(id(1)).await.unwrap(), None);
    drop(second);
    hold.await.unwrap().unwrap();
    insert.await.unwrap().unwrap();
    assert!(catalog.find(id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_refused_insert_harms_none_of_those_that_share_its_transaction() {
    let (catalog, _folder) = opened();
    let calls = vec![
        vec![upload(1)],
        vec![upload(1)],
        vec![upload(2), upload(1)],
        vec![upload(2)],
        vec![upload(3), upload(4)],
    ];
    let answers = together(&catalog, calls).await;
    let kept: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(kept, [true, false, false, true, true], "{answers:?}");
    for number in 1..=4 {
        assert!(
            catalog.find(id(number)).await.unwrap().is_some(),
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_full_disk_undoes_what_shared_the_transaction_and_says_so_to_each() {
    let (catalog, _folder) = opened();
    catalog
        .insert_uploads(unlimited(vec![upload(1)]))
        .await
        .unwrap();
    let limit = |pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        catalog.write("limit", move |connection| {
            connection
                .query_row(&sql, [], |_| Ok(()))
                .map_err(super::error::from_sqlite)
        })
    };
    limit(1).await.unwrap();
    let large = |number| NewUpload {
        bucket: "x".repeat(100_000),
        ..upload(number)
    };
    for calls in [
        vec![vec![upload(2)], vec![large(3)], vec![upload(4)]],
        vec![vec![upload(2)], vec![upload(3), large(4)], vec![upload(5)]],
    ] {
        for answer in together(&catalog, calls).await {
            let full = answer.unwrap_err();
            assert!(matches!(full, CatalogError::Full(_)), "{full:?}");
        }
        for number in 2..=5 {
            assert_eq!(catalog.find(id(number)).await.unwrap(), None);
        }
    }
    // Reads went on, and once there is room, so do writes.
    limit(100_000).await.unwrap();
    catalog
        .insert_uploads(unlimited(vec![upload(2), large(3)]))
        .await
        .unwrap();
    assert!(catalog.find(id(3)).await.unwrap().is_some());
}

#[tokio::test]
async fn after_a_panic_everybody_is_answered_and_nobody_waits() {
    let (catalog, _folder) = opened();
    let release = held(&catalog).await;
    let before = inserting(&catalog, vec![upload(1)]);
    waiting(&catalog, 1).await;
    let panicking = tokio::spawn({
        let catalog = Arc::clone(&catalog);
        async move {
            catalog
                .write::<()>("panic", |_| panic!("a test of what a panic does"))
                .await
        }
    });
    waiting(&catalog, 2).await;
    drop(release);
    let before = before.await.unwrap().map(|_| ());
    let panicking = panicking.await.unwrap();
    for answer in [before, panicking, catalog.ping().await] {
        assert!(
            matches!(answer, Err(CatalogError::Unavailable(_))),
            "{answer:?}"
        );
    }
    // What was not answered was not kept, and reads go on.
    assert_eq!(catalog.find(id(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_named() {
    let (catalog, _folder) = opened();
    catalog
        .insert_uploads(unlimited(vec![upload(1)]))
        .await
        .unwrap();
    let broken = catalog.write("break", |connection| {
        connection
            .execute("UPDATE upload SET state = 'melted'", [])
            .unwrap();
        Ok(())
    });
    broken.await.unwrap();
    let error = catalog.find(id(1)).await.unwrap_err();
    assert!(matches!(error, CatalogError::Corrupt { .. }));
    assert!(error.to_string().contains("state: 'melted'"), "{error}");
}
