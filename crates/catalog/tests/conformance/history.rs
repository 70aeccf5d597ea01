//! What happened, for those who check and for those who are told.

use valetkey_catalog::{Claim, Due, Edge, EventKind, EventList, Passage, Step};
use valetkey_protocol::upload::State;

use super::files::patch;
use super::sample::{
    BUCKET, SESSION, Shared, at, delete, facts, file, forget_leftovers, go, id, in_state, insert,
    just_before, problem, upload, verify,
};

const WEEK: i64 = 7 * 24 * 60 * 60;

fn line(seq: u64, from: State, to: State) -> Passage {
    Passage {
        seq,
        from: Some(from),
        to,
        at: at(0),
        by: None,
    }
}

pub(crate) async fn every_edge_and_patch_is_one_line_and_what_was_refused_is_none(
    catalog: &Shared,
) {
    use State::{Available, Deleting, Pending, Verifying};
    let pending = insert(catalog, upload(1)).await;
    let verifying = go(catalog, &pending, verify(at(0))).await;
    let pending = go(catalog, &verifying, Edge::Retry).await;
    let late = Step {
        id: id(1),
        epoch: verifying.epoch,
        edge: Edge::Fail(problem()),
        at: at(1),
        by: None,
    };
    assert_eq!(catalog.advance(late).await.unwrap(), None);
    let verifying = go(catalog, &pending, verify(at(0))).await;
    let available = go(catalog, &verifying, Edge::Finish(facts())).await;
    let patched = catalog.patch(patch(id(1), available.epoch, "b.txt")).await;
    let stale = catalog.patch(patch(id(1), available.epoch, "c.txt")).await;
    assert_eq!(stale.unwrap(), None);
    let removal = Step {
        id: id(1),
        epoch: patched.unwrap().unwrap().epoch,
        edge: delete(at(7)),
        at: at(7),
        by: Some("root".parse().unwrap()),
    };
    catalog.advance(removal).await.unwrap().unwrap();

    let created = Passage {
        from: None,
        by: Some("alice".parse().unwrap()),
        ..line(0, Pending, Pending)
    };
    let patched = Passage {
        at: at(10),
        by: Some("alice".parse().unwrap()),
        ..line(5, Available, Available)
    };
    let removed = Passage {
        at: at(7),
        by: Some("root".parse().unwrap()),
        ..line(6, Available, Deleting)
    };
    let expected = [
        created,
        line(1, Pending, Verifying),
        line(2, Verifying, Pending),
        line(3, Pending, Verifying),
        line(4, Verifying, Available),
        patched,
        removed,
    ];
    assert_eq!(catalog.history(id(1)).await.unwrap(), expected);
    assert_eq!(catalog.history(id(2)).await.unwrap(), []);
}

pub(crate) async fn what_others_are_told_is_in_the_outbox_in_order(catalog: &Shared) {
    for (number, state) in (1..).zip(State::ALL) {
        in_state(catalog, upload(number), state).await;
    }
    let events = catalog.events(EventList::after(0, 100)).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let number = (1..9).find(|number| id(*number) == event.id).unwrap();
            (State::ALL[number as usize - 1], event.seq, event.kind)
        })
        .collect();
    assert_eq!(
        told,
        [
            (State::Available, 2, EventKind::UploadCompleted),
            (State::Failed, 2, EventKind::UploadFailed),
            (State::Expired, 1, EventKind::UploadExpired),
            (State::Aborted, 1, EventKind::UploadAborted),
            (State::Deleting, 2, EventKind::UploadCompleted),
            (State::Deleted, 2, EventKind::UploadCompleted),
            (State::Deleted, 4, EventKind::FileDeleted),
        ]
    );
    assert!(events.is_sorted_by(|one, next| one.position < next.position));
    let rest = catalog
        .events(EventList::after(events[2].position, 2))
        .await
        .unwrap();
    assert_eq!(rest, events[3..5]);
}

pub(crate) async fn what_is_old_and_settled_is_forgotten_and_nothing_else(catalog: &Shared) {
    for (number, state) in (1..).zip(State::ALL) {
        in_state(catalog, upload(number), state).await;
        // The same once more, of which something may still lie in storage.
        in_state(catalog, upload(100 + number), state).await;
        forget_leftovers(catalog, id(number)).await;
    }
    let forget = |then, limit| catalog.forget_history_until(then, limit);
    assert_eq!(forget(just_before(at(0)), 100).await.unwrap(), 0);
    assert_eq!(
        catalog
            .events(EventList::after(0, 100))
            .await
            .unwrap()
            .len(),
        14
    );
    assert_eq!(forget(at(0), 3).await.unwrap(), 3);
    assert_eq!(forget(at(0), 100).await.unwrap(), 1);
    // Events may be kept for as long as their week is not over.
    assert_eq!(forget(at(2 * WEEK), 100).await.unwrap(), 0);
    assert_eq!(catalog.events(EventList::after(0, 100)).await.unwrap(), []);
    for (number, state) in (1..).zip(State::ALL) {
        let over = matches!(
            state,
            State::Failed | State::Expired | State::Aborted | State::Deleted
        );
        let found = catalog.find_all(vec![id(number), id(100 + number)]).await;
        let found: Vec<_> = found.unwrap().iter().map(Option::is_some).collect();
        assert_eq!(found, [!over, true], "{state:?}");
        let lines = catalog.history(id(number)).await.unwrap().len();
        assert_eq!(lines > 0, !over, "{state:?}");
    }
}

pub(crate) async fn a_scan_shows_every_record_of_every_state_once(catalog: &Shared) {
    let mut expected = Vec::new();
    for (number, state) in (1..).zip(State::ALL) {
        expected.push(in_state(catalog, upload(number), state).await);
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = catalog.scan(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = Some(last.upload.id);
        found.extend(page);
    }
    assert_eq!(found, expected);
}

pub(crate) async fn the_backlog_counts_what_is_there(catalog: &Shared) {
    for number in 1..=3 {
        insert(catalog, upload(number)).await;
    }
    in_state(catalog, upload(4), State::Verifying).await;
    in_state(catalog, upload(5), State::Deleting).await;
    file(catalog, upload(6)).await;
    let early = catalog.backlog(just_before(at(0))).await.unwrap();
    assert!(early.due.iter().all(|(_, count)| *count == 0), "{early:?}");
    let late = catalog.backlog(at(SESSION)).await.unwrap();
    assert_eq!(
        late.due,
        [
            (Due::BytesAwaited, 0),
            (Due::SessionEnded, 3),
            (Due::VerifyLost, 1),
            (Due::RetentionEnded, 0),
            (Due::DeleteLost, 1),
            (Due::LeftoversOver, 1),
        ]
    );
    assert_eq!((late.verifying, late.deleting, late.outbox), (1, 1, 2));
    assert_eq!(late.postponed, 0);
    let claim = Claim {
        bucket: BUCKET.to_owned(),
        now: at(SESSION),
        until: at(2 * SESSION),
        limit: 4,
    };
    catalog.claim_due(claim).await.unwrap();
    let claimed = catalog.backlog(at(SESSION)).await.unwrap();
    let due: u64 = claimed.due.iter().map(|(_, count)| count).sum();
    assert_eq!((due, claimed.postponed), (2, 4));
    let again = catalog.backlog(at(2 * SESSION)).await.unwrap();
    assert_eq!(again.postponed, 0);
}
