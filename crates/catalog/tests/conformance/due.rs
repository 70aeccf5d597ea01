//! Work that is due.

use jiff::Timestamp;
use valetkey_catalog::{Due, Edge, FileFacts, QUARANTINE_GRACE_SECONDS};
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use super::sample::{
    LEASE, SESSION, Shared, URLS, at, delete, facts, file, forget_leftovers, found, go, id,
    in_state, insert, just_before, multipart, upload, verify,
};

const LEFTOVERS_OVER: i64 = URLS + QUARANTINE_GRACE_SECONDS;

async fn due(catalog: &Shared, now: Timestamp) -> Vec<(Due, FileId)> {
    let due = catalog.due(now, 100).await.unwrap();
    due.into_iter()
        .map(|(kind, record)| (kind, record.upload.id))
        .collect()
}

pub(crate) async fn each_kind_of_work_is_due_exactly_when_it_is_due(catalog: &Shared) {
    insert(catalog, multipart(1)).await;
    in_state(catalog, multipart(2), State::Verifying).await;
    let kept = FileFacts {
        expires_at: Some(at(500)),
        ..facts()
    };
    let verifying = in_state(catalog, multipart(3), State::Verifying).await;
    go(catalog, &verifying, Edge::Finish(kept)).await;
    let forever = file(catalog, multipart(4)).await;
    // Nothing is left of the two files, so that each record is due for one reason alone.
    for number in [3, 4] {
        forget_leftovers(catalog, id(number)).await;
    }
    let deleting = file(catalog, multipart(5)).await;
    go(catalog, &deleting, delete(at(100))).await;
    in_state(catalog, upload(6), State::Failed).await;

    let mut expected = Vec::new();
    for (when, kind, number) in [
        (LEASE, Due::VerifyLost, 2),
        (100 + LEASE, Due::DeleteLost, 5),
        (500, Due::RetentionEnded, 3),
        (LEFTOVERS_OVER, Due::LeftoversOver, 6),
        (SESSION, Due::SessionEnded, 1),
    ] {
        assert_eq!(due(catalog, just_before(at(when))).await, expected);
        expected.push((kind, id(number)));
        assert_eq!(due(catalog, at(when)).await, expected);
    }
    assert_eq!(due(catalog, at(100 * SESSION)).await, expected);
    assert!(!expected.contains(&(Due::RetentionEnded, forever.upload.id)));
}

pub(crate) async fn the_longest_due_comes_first_and_the_limit_holds(catalog: &Shared) {
    // Ids run against the instants, so that their order cannot pass for the right one.
    for number in 1..=9 {
        let mut new = multipart(10 - number);
        new.session_ends_at = at(SESSION + 10 * i64::try_from(number).unwrap());
        insert(catalog, new).await;
    }
    let lost = insert(catalog, multipart(20)).await;
    go(catalog, &lost, verify(at(SESSION + 15 - LEASE))).await;

    let all = due(catalog, at(2 * SESSION)).await;
    let numbers = [9, 20, 8, 7, 6, 5, 4, 3, 2, 1];
    assert_eq!(
        all.iter().map(|(_, one)| *one).collect::<Vec<_>>(),
        numbers.map(id)
    );
    for limit in [0, 1, 3, 10, 11] {
        let some = catalog.due(at(2 * SESSION), limit).await.unwrap();
        let some: Vec<_> = some.iter().map(|(_, record)| record.upload.id).collect();
        let count = numbers.len().min(limit as usize);
        assert_eq!(
            some,
            numbers[..count].iter().copied().map(id).collect::<Vec<_>>()
        );
    }
}

pub(crate) async fn leftovers_are_over_for_settled_uploads_alone_and_once(catalog: &Shared) {
    let mut settled = Vec::new();
    for (number, state) in (1..).zip(State::ALL) {
        in_state(catalog, upload(number), state).await;
        in_state(catalog, multipart(100 + number), state).await;
        if !matches!(state, State::Pending | State::Verifying | State::Deleting) {
            settled.extend([id(number), id(100 + number)]);
        }
    }
    let over = async |now| -> Vec<FileId> {
        let due = due(catalog, now).await.into_iter();
        due.filter(|(kind, _)| *kind == Due::LeftoversOver)
            .map(|(_, id)| id)
            .collect()
    };
    assert_eq!(over(just_before(at(LEFTOVERS_OVER))).await, []);
    let mut left = over(at(LEFTOVERS_OVER)).await;
    left.sort();
    settled.sort();
    assert_eq!(left, settled);
    for id in settled {
        let record = found(catalog, id).await;
        let stale = catalog.forget_leftovers(id, record.epoch + 1).await;
        assert!(!stale.unwrap() && found(catalog, id).await == record);
        forget_leftovers(catalog, id).await;
    }
    assert_eq!(over(at(LEFTOVERS_OVER)).await, []);
}
