//! Several servers on the same tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use valetkey_catalog::{Claim, Edge, EventList, Insertion, Intent, Limits, NewUpload, Once, Whose};
use valetkey_protocol::upload::State;

use super::conformance::sample::{
    SESSION, Shared, at, delete, facts, file, found, id, insert, issue, problem, step, unlimited,
    upload, verify,
};
use super::support::{home, open, schema};

/// Two servers, and the one the tables belong to.
async fn two() -> [Shared; 2] {
    let home = home().await;
    [open(&home.url).await, home.catalog]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn servers_that_start_together_bring_the_tables_up_to_date_once() {
    let url = schema().await;
    let servers = join_all((0..6).map(|_| open(&url))).await;
    insert(&servers[0], upload(1)).await;
    for server in servers {
        assert_eq!(found(&server, id(1)).await.upload, upload(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn of_fifty_with_one_key_on_two_servers_one_is_created() {
    let servers = two().await;
    let tries = (1..=50_u64).map(|number| {
        let once = Once {
            key: "key".to_owned(),
            request: [7; 32],
            upload: id(number),
            valid_for: 900,
        };
        let intent = unlimited(upload(number));
        servers[usize::try_from(number).unwrap() % 2].insert_once(intent, once, at(-1))
    });
    let answers: Vec<_> = join_all(tries)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let new = answers.iter().filter(|answer| **answer == Insertion::New);
    assert_eq!(new.count(), 1);
    let winner = answers.iter().position(|answer| *answer == Insertion::New);
    let winner = id(u64::try_from(winner.unwrap()).unwrap() + 1);
    for answer in answers {
        if let Insertion::Known(once) = answer {
            assert_eq!(once.upload, winner);
        }
    }
    assert_eq!(servers[0].scan(None, 100).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn on_two_servers_as_many_get_in_as_there_is_room_for() {
    let servers = two().await;
    let limits = Limits {
        bucket_bytes: Some(5 * 33),
        ..Limits::default()
    };
    let tries = (0..100_u64).map(|number| {
        let owner = format!("user{}", number % 7).parse().unwrap();
        let upload = NewUpload {
            owner,
            ..upload(number)
        };
        let server = Arc::clone(&servers[usize::try_from(number).unwrap() % 2]);
        tokio::spawn(async move {
            server
                .insert_uploads(vec![Intent {
                    upload,
                    limits,
                    ticket: None,
                }])
                .await
        })
    });
    let answers = join_all(tries)
        .await
        .into_iter()
        .map(|one| one.unwrap().unwrap());
    let new = answers
        .filter(|answer| answer[..] == [Insertion::New])
        .count();
    assert_eq!(new, 33);
    let usage = servers[0].usage(Whose::Everybody).await.unwrap();
    assert_eq!(
        (usage[0].1.open_uploads, usage[0].1.reserved_bytes),
        (33, 165)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn a_record_goes_to_one_of_two_servers_that_claim_at_once() {
    let servers = two().await;
    for number in 0..60 {
        insert(&servers[0], upload(number)).await;
    }
    let claim = Claim {
        bucket: "photos".to_owned(),
        now: at(SESSION),
        until: at(SESSION + 60),
        limit: 7,
    };
    let claims = (0..20).map(|number| servers[number % 2].claim_due(claim.clone()));
    let claimed: Vec<_> = join_all(claims)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    let ids: BTreeSet<_> = claimed.iter().map(|(_, record)| record.upload.id).collect();
    assert_eq!((ids.len(), claimed.len()), (60, 60));
    assert!(claimed.iter().all(|(_, record)| record.attempts == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn one_upload_that_cannot_be_written_harms_none_that_is_written_with_it() {
    let [server, _] = two().await;
    insert(&server, upload(13)).await;
    let tries = (0..64).map(|number| server.insert_uploads(vec![unlimited(upload(number))]));
    let answers = join_all(tries).await;
    let failed: Vec<_> = (0..)
        .zip(&answers)
        .filter(|(_, one)| one.is_err())
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, 13);
    let usage = server.usage(Whose::Everybody).await.unwrap();
    assert_eq!(usage[0].1.open_uploads, 64);
}

/// Positions are what readers go on from: one that is seen must never be followed by a smaller one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn no_event_of_two_servers_is_missed_by_whoever_reads_along() {
    const EVENTS: u64 = 600;
    let servers = two().await;
    for number in 0..EVENTS {
        insert(&servers[0], upload(number)).await;
    }
    let reader = Arc::clone(&servers[0]);
    let reading = tokio::spawn(async move {
        let (mut position, mut seen) = (0, Vec::new());
        while seen.len() < usize::try_from(EVENTS).unwrap() {
            for event in reader.events(EventList::after(position, 50)).await.unwrap() {
                position = event.position;
                seen.push(event.id);
            }
        }
        seen
    });
    let writing = (0..EVENTS).map(|number| {
        let server = Arc::clone(&servers[usize::try_from(number).unwrap() % 2]);
        tokio::spawn(async move { step(&server, id(number), 0, Edge::Abort, at(1)).await })
    });
    for written in join_all(writing).await {
        assert!(written.unwrap().is_some());
    }
    let reading = tokio::time::timeout(std::time::Duration::from_secs(20), reading).await;
    let seen = reading.expect("an event was passed over").unwrap();
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len());
}

/// Everything at once on the same few uploads, from both sides: nobody waits in a circle, and the accounts add up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn two_servers_that_do_everything_at_once_leave_exact_accounts() {
    const UPLOADS: u64 = 40;
    let servers = two().await;
    for number in 0..UPLOADS {
        insert(&servers[0], upload(number)).await;
    }
    let workers = (0..8_usize).map(|worker| {
        let server = Arc::clone(&servers[worker % 2]);
        tokio::spawn(async move {
            for turn in 0..UPLOADS * 6 {
                // Forwards on one side, backwards on the other.
                let number = match worker % 2 {
                    0 => turn % UPLOADS,
                    _ => UPLOADS - 1 - turn % UPLOADS,
                };
                walk(&server, number, worker).await;
            }
        })
    });
    for worker in join_all(workers).await {
        worker.unwrap();
    }
    let mut expected: BTreeMap<bool, u64> = BTreeMap::new();
    for record in servers[0].scan(None, 1000).await.unwrap() {
        match record.state {
            State::Pending | State::Verifying => *expected.entry(false).or_default() += 1,
            State::Available | State::Deleting => *expected.entry(true).or_default() += 1,
            _ => {}
        }
        let lines = servers[1].history(record.upload.id).await.unwrap();
        let sequence: Vec<_> = lines.iter().map(|line| line.seq).collect();
        assert_eq!(sequence, (0..=record.epoch).collect::<Vec<_>>());
        assert_eq!(lines.last().unwrap().to, record.state);
    }
    let count = |files: bool| expected.get(&files).copied().unwrap_or_default();
    let usage = servers[1].usage(Whose::Everybody).await.unwrap()[0].1;
    assert_eq!(
        (usage.open_uploads, usage.files),
        (count(false), count(true))
    );
    assert_eq!(usage.bytes(), 5 * (count(false) + count(true)));
}

/// One more step of an upload, from wherever it stands.
async fn walk(server: &Shared, number: u64, worker: usize) {
    let Some(record) = server.find(id(number)).await.unwrap() else {
        return;
    };
    let edge = match (record.state, worker % 3) {
        (State::Pending, _) => verify(at(0)),
        (State::Verifying, 0) => Edge::Retry,
        (State::Verifying, 1) => Edge::Finish(facts()),
        (State::Verifying, _) if record.epoch > 6 => Edge::Fail(problem()),
        (State::Verifying, _) => Edge::Retry,
        (State::Available, 0) => {
            server
                .count_downloads([number, (number + 1) % 40].map(issue).to_vec())
                .await
                .unwrap();
            return;
        }
        (State::Available, _) => delete(at(0)),
        (State::Deleting, _) => Edge::Deleted,
        _ => return,
    };
    step(server, id(number), record.epoch, edge, at(1)).await;
    let more = NewUpload {
        owner: format!("user{worker}").parse().unwrap(),
        ..upload(1000 + number * 8 + worker as u64)
    };
    // Of the second time round it is refused.
    let _ = server.insert_uploads(vec![unlimited(more)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn downloads_counted_on_two_servers_are_all_counted() {
    let servers = two().await;
    let record = file(&servers[0], upload(1)).await;
    let counts =
        (0..200).map(|number| servers[number % 2].count_downloads([1, 1].map(issue).to_vec()));
    for counted in join_all(counts).await {
        counted.unwrap();
    }
    assert_eq!(
        found(&servers[1], record.upload.id).await.download_count,
        400
    );
}
