//! The tables themselves: weeks that come and go, and what newer programs leave.

use tokio_postgres::Client;
use valetkey_catalog::postgres::{PostgresCatalog, Settings};
use valetkey_catalog::{CatalogError, Edge, EventList};
use valetkey_protocol::upload::State;

use super::conformance::sample::{at, forget_leftovers, id, in_state, insert, step, upload};
use super::support::{home, raw, schema};

const WEEK: i64 = 7 * 24 * 60 * 60;

/// How many weeks each of the two tables has.
async fn weeks(client: &Client) -> [i64; 2] {
    let sql = "SELECT count(*) FILTER (WHERE inhparent = 'audit'::regclass), \
         count(*) FILTER (WHERE inhparent = 'outbox'::regclass) FROM pg_inherits";
    let row = client.query_one(sql, &[]).await.unwrap();
    [row.get(0), row.get(1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn weeks_are_made_ahead_and_dropped_when_they_are_old_enough() {
    let home = home().await;
    let client = raw(&home.url).await;
    assert_eq!(weeks(&client).await, [0, 0]);
    for number in [1_u64, 2, 3] {
        let pending = insert(&home.catalog, upload(number)).await;
        let when = at(i64::try_from(number).unwrap() * 10 * WEEK);
        let aborted = step(&home.catalog, id(number), pending.epoch, Edge::Abort, when).await;
        assert!(aborted.is_some());
    }
    assert_eq!(weeks(&client).await, [6, 6]);
    let forget = |weeks| home.catalog.forget_history_until(at(weeks * WEEK), 100);
    assert_eq!(forget(10).await.unwrap(), 0);
    assert_eq!(weeks(&client).await, [6, 6]);
    assert_eq!(forget(12).await.unwrap(), 0);
    assert_eq!(weeks(&client).await, [4, 4]);
    let events = home.catalog.events(EventList::after(0, 100)).await.unwrap();
    let left: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(left, [id(2), id(3)]);
    // A week that is needed again, by a server that made it once, is made again.
    let pending = insert(&home.catalog, upload(4)).await;
    let again = step(
        &home.catalog,
        id(4),
        pending.epoch,
        Edge::Abort,
        at(10 * WEEK),
    )
    .await;
    assert!(again.is_some());
    assert_eq!(home.catalog.history(id(4)).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn what_is_forgotten_is_gone_and_a_file_keeps_its_row_when_its_weeks_go() {
    let home = home().await;
    in_state(&home.catalog, upload(1), State::Available).await;
    in_state(&home.catalog, upload(2), State::Failed).await;
    forget_leftovers(&home.catalog, id(2)).await;
    let forgotten = home.catalog.forget_history_until(at(3 * WEEK), 100).await;
    assert_eq!(forgotten.unwrap(), 1);
    assert!(home.catalog.find(id(1)).await.unwrap().is_some());
    assert_eq!(home.catalog.history(id(1)).await.unwrap().len(), 1);
    assert_eq!(home.catalog.history(id(2)).await.unwrap(), []);
}

async fn open(url: &str) -> Result<PostgresCatalog, CatalogError> {
    PostgresCatalog::open(&Settings::parse(url, None).unwrap(), 7).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_server_lives_with_what_a_newer_one_added_and_not_with_what_it_took_away() {
    let home = home().await;
    let client = raw(&home.url).await;
    let note = async |version: i32, name: &str| {
        let sql =
            "INSERT INTO refinery_schema_history VALUES ($1, $2, '2026-01-01T00:00:00Z', '1')";
        client.execute(sql, &[&version, &name]).await.unwrap();
    };
    note(90, "links").await;
    open(&home.url).await.unwrap();
    note(91, "contract_90_links").await;
    let refused = open(&home.url).await.unwrap_err();
    assert!(refused.to_string().contains("newer version"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn an_event_of_a_server_of_before_is_its_owners_all_the_same() {
    let home = home().await;
    for number in 1..=3 {
        in_state(&home.catalog, upload(number), State::Deleted).await;
    }
    let list = EventList {
        owner: Some("alice".parse().unwrap()),
        bucket: Some("photos".to_owned()),
        ..EventList::after(0, 100)
    };
    let events = home.catalog.events(list.clone()).await.unwrap();
    assert_eq!(events.len(), 6);
    // It does not write these down.
    let before = "UPDATE outbox SET owner = NULL, bucket = NULL, tenant = NULL WHERE seq = 2";
    let changed = raw(&home.url).await.execute(before, &[]).await.unwrap();
    assert_eq!(changed, 3);
    assert_eq!(home.catalog.events(list.clone()).await.unwrap(), events);
    let every = EventList::after(0, 100);
    assert_eq!(home.catalog.events(every).await.unwrap(), events);
    let bob = Some("bob".parse().unwrap());
    let others = EventList { owner: bob, ..list };
    assert_eq!(home.catalog.events(others).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn what_is_missing_is_told_before_it_is_made_and_not_after() {
    let url = schema().await;
    let settings = Settings::parse(&url, None).unwrap();
    let before = PostgresCatalog::migrations(&settings).await.unwrap();
    assert!(before.made.is_empty() && before.missing.len() >= 4);
    assert_eq!(PostgresCatalog::migrate(&settings).await.unwrap(), before);
    let after = PostgresCatalog::migrations(&settings).await.unwrap();
    assert_eq!((after.made, after.missing.len()), (before.missing, 0));
}
