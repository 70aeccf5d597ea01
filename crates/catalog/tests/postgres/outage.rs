//! A database of one's own that is killed, stopped and promoted, by `scripts/postgres`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use valetkey_catalog::{CatalogError, Edge, EventList, Step, Whose};
use valetkey_protocol::upload::State;

use super::conformance::sample::{Shared, at, facts, id, unlimited, upload, verify};
use super::support::{open, raw};

/// In how long everybody has an answer, and in how long the catalog is back.
const ANSWERED: Duration = Duration::from_secs(5);
const HEALED: Duration = Duration::from_secs(10);

/// A server of PostgreSQL in a folder.
struct Database {
    folder: PathBuf,
    url: String,
}

impl Database {
    fn start(folder: &Path, settings: &[&str]) -> Self {
        let arguments: Vec<_> = ["start"]
            .into_iter()
            .chain(settings.iter().copied())
            .collect();
        let url = script(folder, &arguments);
        let folder = folder.to_owned();
        Self { folder, url }
    }

    fn again(&self) {
        script(&self.folder, &["start"]);
    }

    fn crash(&self) {
        script(&self.folder, &["stop", "immediate"]);
    }

    fn kill(&self) {
        script(&self.folder, &["kill"]);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = Command::new(PROGRAM)
            .arg("stop")
            .arg(&self.folder)
            .arg("immediate")
            .output();
    }
}

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres");

fn script(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    let output = command
        .arg(arguments[0])
        .arg(folder)
        .args(&arguments[1..])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What was answered to somebody who goes on and on making files, and for how long each answer took.
#[derive(Default)]
struct Answers {
    /// The state that was confirmed last, by number.
    confirmed: BTreeMap<u64, State>,
    failures: u64,
}

/// Makes one file after the other until it is told to stop.
fn make_files(
    catalog: &Shared,
    next: &Arc<AtomicU64>,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<Answers> {
    let (catalog, next, stop) = (Arc::clone(catalog), Arc::clone(next), Arc::clone(stop));
    tokio::spawn(async move {
        let mut answers = Answers::default();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if make_file(&catalog, number, &mut answers).await.is_err() {
                answers.failures += 1;
            }
        }
        answers
    })
}

async fn make_file(catalog: &Shared, number: u64, answers: &mut Answers) -> Result<(), ()> {
    let intents = vec![unlimited(upload(number))];
    answered(catalog.insert_uploads(intents)).await?;
    answers.confirmed.insert(number, State::Pending);
    for (epoch, edge) in [(0, verify(at(0))), (1, Edge::Finish(facts()))] {
        let step = Step {
            id: id(number),
            epoch,
            edge,
            at: at(1),
            by: None,
        };
        let record = answered(catalog.advance(step)).await?;
        // Nobody else is at it.
        let record = record.expect("an edge was taken before it was asked for");
        answers.confirmed.insert(number, record.state);
    }
    Ok(())
}

/// An answer in time: a success, or that the catalog is not there.
async fn answered<T>(work: impl Future<Output = Result<T, CatalogError>>) -> Result<T, ()> {
    let answer = timeout(ANSWERED, work).await.expect("no answer in time");
    match answer {
        Ok(done) => Ok(done),
        Err(CatalogError::Unavailable(_)) => Err(()),
        Err(error) => panic!("{error:?}"),
    }
}

/// Every confirmed state is there, or a later one: what nobody answered may have happened. The log of each is whole.
async fn check(catalog: &Shared, confirmed: &BTreeMap<u64, State>) {
    let mut files = 0;
    for (number, state) in confirmed {
        let found = catalog.find(id(*number)).await.unwrap();
        let found = found.unwrap_or_else(|| panic!("{number} is lost"));
        let rank = |state| State::ALL.iter().position(|one| *one == state);
        assert!(
            rank(found.state) >= rank(*state),
            "{number}: {state:?} is lost"
        );
        let lines = catalog.history(id(*number)).await.unwrap();
        assert_eq!(lines.last().unwrap().seq, found.epoch);
        assert_eq!(lines.len() as u64, found.epoch + 1);
        files += u64::from(found.state == State::Available);
    }
    let usage = catalog.usage(Whose::Everybody).await.unwrap()[0].1;
    assert!(usage.files >= files);
    let all = catalog.scan(None, 1_000_000).await.unwrap();
    let count = |state| all.iter().filter(|record| record.state == state).count() as u64;
    assert_eq!(usage.files, count(State::Available));
    assert_eq!(
        usage.open_uploads,
        count(State::Pending) + count(State::Verifying)
    );
    let events = catalog
        .events(EventList::after(0, 1_000_000))
        .await
        .unwrap();
    assert_eq!(events.len() as u64, usage.files);
}

async fn healed(catalog: &Shared) {
    let healing = async {
        while catalog.ping().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(HEALED, healing).await.expect("not healed in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_database_that_crashes_again_and_again_loses_nothing_that_was_answered() {
    let folder = folder();
    let database = Database::start(folder.path(), &[]);
    let catalogs = [open(&database.url).await, open(&database.url).await];
    let (next, stop) = (Arc::default(), Arc::default());
    let makers = (0..12).map(|number| make_files(&catalogs[number % 2], &next, &stop));
    let makers: Vec<_> = makers.collect();
    for round in 0..5 {
        sleep(Duration::from_millis(300 + 170 * round)).await;
        match round % 2 {
            0 => database.crash(),
            _ => database.kill(),
        }
        sleep(Duration::from_millis(200 * round)).await;
        restart(&database).await;
        healed(&catalogs[0]).await;
        healed(&catalogs[1]).await;
    }
    sleep(Duration::from_millis(500)).await;
    let confirmed = end(&stop, makers).await;
    assert!(confirmed.len() > 50, "only {} uploads", confirmed.len());
    check(&catalogs[1], &confirmed).await;
}

/// Starts it again; what a killed first process left behind ends a moment later.
async fn restart(database: &Database) {
    let mut command = Command::new(PROGRAM);
    command.arg("start").arg(&database.folder);
    for _ in 0..20 {
        if command.output().unwrap().status.success() {
            return;
        }
        sleep(Duration::from_millis(250)).await;
    }
    database.again();
}

async fn end(stop: &Arc<AtomicBool>, makers: Vec<JoinHandle<Answers>>) -> BTreeMap<u64, State> {
    stop.store(true, Ordering::Relaxed);
    let mut confirmed = BTreeMap::new();
    for maker in makers {
        confirmed.extend(maker.await.unwrap().confirmed);
    }
    confirmed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_database_that_is_away_is_told_in_time_and_one_that_comes_back_is_used() {
    let folder = folder();
    let database = Database::start(folder.path(), &[]);
    let catalog = open(&database.url).await;
    let mut answers = Answers::default();
    make_file(&catalog, 1, &mut answers).await.unwrap();
    database.crash();
    answered(catalog.insert_uploads(vec![unlimited(upload(2))]))
        .await
        .unwrap_err();
    answered(catalog.find(id(1))).await.unwrap_err();
    answered(catalog.ping()).await.unwrap_err();
    database.again();
    healed(&catalog).await;
    check(&catalog, &answers.confirmed).await;
    // What was told to be impossible was not done behind anybody's back.
    assert_eq!(catalog.find(id(2)).await.unwrap(), None);
}

/// `synchronous_commit = on` with a standby that must confirm: the standby has all that was answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_standby_that_takes_over_has_all_that_was_answered() {
    let (first, second) = (folder(), folder());
    let primary = Database::start(first.path(), &[]);
    let url = script(second.path(), &["standby", first.path().to_str().unwrap()]);
    let standby = Database {
        folder: second.path().to_owned(),
        url,
    };
    let admin = raw(&primary.url).await;
    for sql in [
        "ALTER SYSTEM SET synchronous_standby_names = 'standby'",
        "SELECT pg_reload_conf()",
    ] {
        admin.batch_execute(sql).await.unwrap();
    }
    let sql = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
    while admin.query(sql, &[]).await.unwrap().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    let (user, host) = primary.url.split_once("127.0.0.1").unwrap();
    let (_, other) = standby.url.split_once("127.0.0.1").unwrap();
    let (port, _) = host.split_once('/').unwrap();
    let catalog = open(&format!("{user}127.0.0.1{port},127.0.0.1{other}")).await;
    let (next, stop) = (Arc::default(), Arc::default());
    let makers: Vec<_> = (0..8).map(|_| make_files(&catalog, &next, &stop)).collect();
    sleep(Duration::from_millis(1500)).await;
    primary.kill();
    sleep(Duration::from_millis(300)).await;
    script(&standby.folder, &["promote"]);
    healed(&catalog).await;
    sleep(Duration::from_millis(500)).await;
    let confirmed = end(&stop, makers).await;
    assert!(confirmed.len() > 30, "only {} uploads", confirmed.len());
    check(&catalog, &confirmed).await;
}
