//! The state machine.

use std::sync::Arc;

use valetkey_catalog::{Edge, FileFacts};
use valetkey_protocol::Checksum;
use valetkey_protocol::file::Integrity;
use valetkey_protocol::upload::State;

use super::sample::{
    LEASE, Shared, at, delete, facts, found, go, in_state, insert, just_before, multipart, problem,
    step, upload, verify,
};

/// Every edge there is, written out once more: where it begins, its name, where it ends.
const LEGAL: [(State, &str, State); 10] = [
    (State::Pending, "verify", State::Verifying),
    (State::Verifying, "verify", State::Verifying),
    (State::Verifying, "retry", State::Pending),
    (State::Verifying, "finish", State::Available),
    (State::Verifying, "fail", State::Failed),
    (State::Pending, "abort", State::Aborted),
    (State::Pending, "expire", State::Expired),
    (State::Available, "delete", State::Deleting),
    (State::Deleting, "delete", State::Deleting),
    (State::Deleting, "deleted", State::Deleted),
];

/// Each kind of edge, at an instant when every lease of `in_state` is over.
fn edges() -> [(&'static str, Edge); 8] {
    [
        ("verify", verify(at(LEASE))),
        ("retry", Edge::Retry),
        ("finish", Edge::Finish(facts())),
        ("fail", Edge::Fail(problem())),
        ("abort", Edge::Abort),
        ("expire", Edge::Expire),
        ("delete", delete(at(LEASE))),
        ("deleted", Edge::Deleted),
    ]
}

pub(crate) async fn every_edge_is_legal_exactly_where_it_begins(catalog: &Shared) {
    let mut number = 0;
    for state in State::ALL {
        for (name, edge) in edges() {
            number += 1;
            let before = in_state(catalog, upload(number), state).await;
            let id = before.upload.id;
            let after = step(catalog, id, before.epoch, edge, at(LEASE)).await;
            let legal = LEGAL
                .iter()
                .find(|(from, edge, _)| (*from, *edge) == (state, name));
            match legal {
                Some((_, _, to)) => {
                    let after = after.unwrap_or_else(|| panic!("{state:?} {name}: refused"));
                    assert_eq!(
                        (after.state, after.epoch),
                        (*to, before.epoch + 1),
                        "{name}"
                    );
                    let leased = matches!(to, State::Verifying | State::Deleting);
                    assert_eq!(after.lease_until, leased.then(|| at(2 * LEASE)), "{name}");
                    assert_eq!(after, found(catalog, id).await);
                }
                None => {
                    assert!(after.is_none(), "{state:?} {name}: went");
                    assert_eq!(before, found(catalog, id).await, "{state:?} {name}");
                }
            }
        }
    }
}

pub(crate) async fn an_edge_named_with_another_epoch_goes_nowhere(catalog: &Shared) {
    let record = in_state(catalog, upload(1), State::Verifying).await;
    for epoch in [record.epoch - 1, record.epoch + 1] {
        let went = step(
            catalog,
            record.upload.id,
            epoch,
            Edge::Finish(facts()),
            at(0),
        );
        assert_eq!(went.await, None);
    }
    assert_eq!(found(catalog, record.upload.id).await, record);
}

pub(crate) async fn a_lost_run_is_taken_over_when_its_lease_is_over_and_not_before(
    catalog: &Shared,
) {
    for (number, state, again) in [
        (1, State::Verifying, verify as fn(_) -> _),
        (2, State::Deleting, delete),
    ] {
        let lost = in_state(catalog, upload(number), state).await;
        let over = lost.lease_until.unwrap();
        let take = |now| step(catalog, lost.upload.id, lost.epoch, again(now), now);
        assert_eq!(take(just_before(over)).await, None, "{state:?}");
        let taken = take(over).await.unwrap();
        assert!(taken.lease_until.unwrap() > over);
        // The lost run wakes up, and its epoch is no longer the upload's.
        assert_eq!(take(at(9 * LEASE)).await, None, "{state:?}");
        let renewed = catalog.renew(lost.upload.id, lost.epoch, at(9 * LEASE));
        assert!(!renewed.await.unwrap(), "{state:?}");
    }
}

pub(crate) async fn a_run_that_renews_its_lease_is_left_alone_for_longer(catalog: &Shared) {
    for (number, state, again) in [
        (1, State::Verifying, verify as fn(_) -> _),
        (2, State::Deleting, delete),
    ] {
        let run = in_state(catalog, upload(number), state).await;
        let (id, epoch) = (run.upload.id, run.epoch);
        assert!(catalog.renew(id, epoch, at(3 * LEASE)).await.unwrap());
        // A clock that went back takes nothing away.
        assert!(catalog.renew(id, epoch, at(2 * LEASE)).await.unwrap());
        let renewed = found(catalog, id).await;
        assert_eq!(
            (renewed.epoch, renewed.lease_until),
            (epoch, Some(at(3 * LEASE)))
        );
        let early = just_before(at(3 * LEASE));
        assert_eq!(step(catalog, id, epoch, again(early), early).await, None);
    }
    let pending = insert(catalog, upload(3)).await;
    let renewed = catalog.renew(pending.upload.id, pending.epoch, at(LEASE));
    assert!(!renewed.await.unwrap());
}

pub(crate) async fn of_fifty_who_go_along_one_edge_one_arrives(catalog: &Shared) {
    let record = insert(catalog, upload(1)).await;
    let runs = (0..50).map(|run| {
        let catalog = Arc::clone(catalog);
        let id = record.upload.id;
        tokio::spawn(async move { step(&catalog, id, 0, verify(at(run)), at(run)).await })
    });
    let mut winners = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        winners.extend(run.await.unwrap());
    }
    assert_eq!(winners, [found(catalog, record.upload.id).await]);
    assert_eq!(winners[0].epoch, 1);
}

pub(crate) async fn a_verified_upload_remembers_what_was_found(catalog: &Shared) {
    for (number, new) in [(1, upload(1)), (2, multipart(2))] {
        let verifying = in_state(catalog, new, State::Verifying).await;
        let found_facts = FileFacts {
            expires_at: Some(at(number)),
            integrity: Integrity::Rehash,
            ..facts()
        };
        let file = go(catalog, &verifying, Edge::Finish(found_facts.clone())).await;
        assert_eq!(file.upload.checksum, found_facts.checksum);
        assert_eq!(file.file, Some(found_facts));
        // What lies in quarantine lies there still, and only a single PUT leaves anything there.
        assert!(file.leftovers);
        let deleting = go(catalog, &file, delete(at(0))).await;
        let deleted = go(catalog, &deleting, Edge::Deleted).await;
        assert_eq!(deleted.file, file.file);
    }
}

pub(crate) async fn a_file_remembers_since_when_it_is_one(catalog: &Shared) {
    let verifying = in_state(catalog, upload(1), State::Verifying).await;
    assert_eq!(verifying.verified_at, None);
    let (id, then) = (verifying.upload.id, at(7));
    let finish = Edge::Finish(facts());
    let file = step(catalog, id, verifying.epoch, finish, then)
        .await
        .unwrap();
    assert_eq!(file.verified_at, Some(then));
    let deleting = step(catalog, id, file.epoch, delete(at(8)), at(8)).await;
    assert_eq!(deleting.unwrap().verified_at, Some(then));
    assert_eq!(found(catalog, id).await.verified_at, Some(then));
}

pub(crate) async fn a_declared_checksum_stays_and_a_late_one_is_taken(catalog: &Shared) {
    let late = Checksum::Crc32c(2);
    for (number, declared) in [(1, None), (2, Some(Checksum::Crc32c(1)))] {
        let mut new = upload(number);
        new.checksum = declared;
        let pending = insert(catalog, new).await;
        let mut edge = verify(at(0));
        if let Edge::Verify { checksum, .. } = &mut edge {
            *checksum = Some(late);
        }
        let verifying = go(catalog, &pending, edge).await;
        assert_eq!(verifying.upload.checksum, declared.or(Some(late)));
        let mut unchecked = facts();
        unchecked.checksum = None;
        let file = go(catalog, &verifying, Edge::Finish(unchecked)).await;
        assert_eq!(file.file.unwrap().checksum, declared.or(Some(late)));
    }
}

pub(crate) async fn going_back_forgets_the_lease_and_the_source(catalog: &Shared) {
    let verifying = in_state(catalog, upload(1), State::Verifying).await;
    assert_eq!(verifying.source_etag.as_deref(), Some("\"source\""));
    let pending = go(catalog, &verifying, Edge::Retry).await;
    assert_eq!((pending.source_etag, pending.lease_until), (None, None));
    assert_eq!(pending.upload, verifying.upload);
}

pub(crate) async fn a_failure_keeps_its_problem(catalog: &Shared) {
    let failed = in_state(catalog, upload(1), State::Failed).await;
    assert_eq!(failed.problem, Some(problem()));
    assert!(failed.file.is_none() && failed.leftovers);
}
