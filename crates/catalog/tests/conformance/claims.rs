//! Who takes up what is due, and when it is tried again.

use jiff::Timestamp;
use valetkey_catalog::{Claim, Due, Edge, FileFacts, NewUpload, Postponement, Record};
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use super::sample::{
    BUCKET, LEASE, SESSION, Shared, at, delete, facts, file, forget_leftovers, found, go, id,
    in_state, insert, just_before, multipart, problem, step, upload, verify,
};

/// How long a claim lasts here, in seconds.
const CLAIM: i64 = 60;

async fn claim(catalog: &Shared, now: i64, limit: u32) -> Vec<(Due, Record)> {
    let claim = Claim {
        bucket: BUCKET.to_owned(),
        now: at(now),
        until: at(now + CLAIM),
        limit,
    };
    catalog.claim_due(claim).await.unwrap()
}

async fn claimed(catalog: &Shared, now: i64, limit: u32) -> Vec<FileId> {
    let claimed = claim(catalog, now, limit).await.into_iter();
    claimed.map(|(_, record)| record.upload.id).collect()
}

async fn postpone(catalog: &Shared, record: &Record, until: Timestamp) {
    let postponement = Postponement {
        id: record.upload.id,
        attempt: record.attempts,
        until,
    };
    catalog.postpone(vec![postponement]).await.unwrap();
}

fn postponement(record: &Record) -> (u64, Option<Timestamp>) {
    (record.attempts, record.postponed_until)
}

pub(crate) async fn the_longest_due_is_claimed_first_and_the_limit_holds(catalog: &Shared) {
    // Ids run against the instants, so that their order cannot pass for the right one.
    for number in 1..=9 {
        let mut new = multipart(10 - number);
        new.session_ends_at = at(SESSION + 10 * i64::try_from(number).unwrap());
        insert(catalog, new).await;
    }
    let lost = insert(catalog, multipart(20)).await;
    go(catalog, &lost, verify(at(SESSION + 15 - LEASE))).await;
    assert_eq!(claim(catalog, SESSION + 9, 100).await, []);
    let mut expected = [9, 20, 8, 7, 6, 5, 4, 3, 2, 1].map(id).to_vec();
    for (step, limit) in (0..).zip([0, 1, 3, 2, 100]) {
        let rest = expected.split_off(expected.len().min(limit as usize));
        assert_eq!(claimed(catalog, 2 * SESSION + step, limit).await, expected);
        expected = rest;
    }
}

pub(crate) async fn a_claim_is_left_alone_until_its_time_and_counted(catalog: &Shared) {
    let pending = insert(catalog, multipart(1)).await;
    assert_eq!(postponement(&pending), (0, None));
    for attempt in 1..4 {
        let now = SESSION + CLAIM * i64::try_from(attempt).unwrap();
        let taken = claim(catalog, now, 10).await;
        let record = Record {
            attempts: attempt,
            postponed_until: Some(at(now + CLAIM)),
            ..pending.clone()
        };
        assert_eq!(taken, [(Due::SessionEnded, record.clone())]);
        assert_eq!(found(catalog, id(1)).await, record);
        assert_eq!(claim(catalog, now + CLAIM - 1, 10).await, []);
    }
}

pub(crate) async fn of_fifty_who_claim_at_once_each_record_goes_to_one(catalog: &Shared) {
    for number in 1..=100 {
        insert(catalog, multipart(number)).await;
    }
    let claims = (0..50).map(|_| claimed(catalog, SESSION, 7));
    let mut all = futures_util::future::join_all(claims).await.concat();
    all.sort();
    assert_eq!(all, (1..=100).map(id).collect::<Vec<_>>());
}

pub(crate) async fn a_claim_takes_nothing_of_another_bucket(catalog: &Shared) {
    for number in 1..=20 {
        let elsewhere = NewUpload {
            bucket: "elsewhere".to_owned(),
            session_ends_at: at(1),
            ..multipart(number)
        };
        insert(catalog, elsewhere).await;
    }
    insert(catalog, multipart(50)).await;
    assert_eq!(claimed(catalog, SESSION, 5).await, [id(50)]);
    assert_eq!(found(catalog, id(1)).await.attempts, 0);
}

pub(crate) async fn what_is_postponed_comes_behind_what_is_due_by_then(catalog: &Shared) {
    for (number, end) in [(1, 0), (2, 100), (3, 300)] {
        let mut new = multipart(number);
        new.session_ends_at = at(SESSION + end);
        insert(catalog, new).await;
    }
    let taken = claim(catalog, SESSION + 100, 2).await;
    for (_, record) in &taken {
        postpone(catalog, record, at(SESSION + 301)).await;
    }
    assert_eq!(claimed(catalog, SESSION + 299, 2).await, []);
    assert_eq!(claimed(catalog, SESSION + 301, 2).await, [id(3), id(1)]);
    // Whoever was too slow postpones nothing that somebody else is at.
    let before = found(catalog, id(1)).await;
    postpone(catalog, &taken[0].1, at(2 * SESSION)).await;
    assert_eq!(found(catalog, id(1)).await, before);
}

pub(crate) async fn a_record_due_for_two_reasons_is_claimed_for_one(catalog: &Shared) {
    let verifying = in_state(catalog, upload(1), State::Verifying).await;
    let facts = FileFacts {
        expires_at: Some(at(SESSION)),
        ..facts()
    };
    let available = go(catalog, &verifying, Edge::Finish(facts)).await;
    let taken = claim(catalog, 2 * SESSION, 10).await;
    let reasons: Vec<_> = taken.iter().map(|(reason, _)| *reason).collect();
    // The last URL is dead for longer than the retention is over.
    assert_eq!(reasons, [Due::LeftoversOver]);
    assert_eq!(taken[0].1.attempts, 1);
    forget_leftovers(catalog, id(1)).await;
    let taken = claim(catalog, 2 * SESSION, 10).await;
    assert_eq!(taken[0].0, Due::RetentionEnded);
    assert_eq!(taken[0].1.epoch, available.epoch);
}

pub(crate) async fn whoever_gets_on_has_no_attempts_behind_it(catalog: &Shared) {
    let now = 3 * SESSION;
    let postponed = (1, Some(at(now + CLAIM)));
    for (number, from, edge, kept) in [
        (1, State::Pending, verify(at(now)), true),
        (2, State::Verifying, verify(at(now)), true),
        (3, State::Verifying, Edge::Retry, true),
        (4, State::Deleting, delete(at(now)), true),
        (5, State::Available, delete(at(now)), false),
        (6, State::Verifying, Edge::Finish(facts()), false),
        (7, State::Verifying, Edge::Fail(problem()), false),
        (8, State::Pending, Edge::Abort, false),
        (9, State::Pending, Edge::Expire, false),
        (10, State::Deleting, Edge::Deleted, false),
    ] {
        in_state(catalog, upload(number), from).await;
        let (_, before) = claim(catalog, now, 10).await.remove(0);
        assert_eq!(postponement(&before), postponed);
        let name = edge.name();
        let after = step(catalog, id(number), before.epoch, edge, at(now)).await;
        let expected = if kept { postponed } else { (0, None) };
        assert_eq!(postponement(&after.unwrap()), expected, "{from:?} {name}");
        // Only those that got on can be due again at once.
        claim(catalog, now, 10).await;
    }
    let left = file(catalog, upload(20)).await;
    claim(catalog, now, 10).await;
    forget_leftovers(catalog, left.upload.id).await;
    assert_eq!(postponement(&found(catalog, id(20)).await), (0, None));
}

pub(crate) async fn what_is_left_alone_can_be_hastened(catalog: &Shared) {
    for number in 1..=3 {
        insert(catalog, multipart(number)).await;
    }
    for (until, (_, record)) in (1..).zip(claim(catalog, SESSION, 3).await) {
        postpone(catalog, &record, at((10 - until) * SESSION)).await;
    }
    assert_eq!(claim(catalog, SESSION + CLAIM, 3).await, []);
    assert_eq!(catalog.hasten(2).await.unwrap(), 2);
    // Those that were to be tried next, and their attempts still count.
    let taken = claim(catalog, SESSION + CLAIM, 3).await;
    let taken: Vec<_> = taken
        .iter()
        .map(|(_, one)| (one.upload.id, one.attempts))
        .collect();
    assert_eq!(taken, [(id(2), 2), (id(3), 2)]);
    assert_eq!(catalog.hasten(9).await.unwrap(), 3);
    assert_eq!(catalog.hasten(9).await.unwrap(), 0);
}

pub(crate) async fn a_task_is_one_servers_at_a_time_and_keeps_its_place(catalog: &Shared) {
    let take = async |now, until| {
        let taken = catalog.take_task("walk".to_owned(), now, until);
        taken.await.unwrap()
    };
    let mut first = take(at(0), at(60)).await.unwrap();
    assert_eq!(first.place, None);
    assert_eq!(take(just_before(at(60)), at(90)).await, None);
    // The first took too long.
    let mut second = take(at(60), at(120)).await.unwrap();
    first.place = Some("far".to_owned());
    assert!(!catalog.leave_task(first, at(61)).await.unwrap());
    second.place = Some("near".to_owned());
    assert!(catalog.leave_task(second, at(70)).await.unwrap());
    assert_eq!(take(just_before(at(70)), at(90)).await, None);
    let mut third = take(at(70), at(90)).await.unwrap();
    assert_eq!(third.place.take().as_deref(), Some("near"));
    assert!(catalog.leave_task(third, at(71)).await.unwrap());
    assert_eq!(take(at(71), at(90)).await.unwrap().place, None);
    let other = catalog.take_task("other".to_owned(), at(71), at(90)).await;
    assert!(other.unwrap().is_some());
    let takers = (0..20).map(|_| take(at(90), at(91)));
    let taken = futures_util::future::join_all(takers).await;
    assert_eq!(taken.iter().flatten().count(), 1);
}
