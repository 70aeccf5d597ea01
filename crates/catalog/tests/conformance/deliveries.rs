//! Who is told what happens: handed on once, in order for each file, claimed by one, and never lost.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use valetkey_catalog::{
    Attempt, Delivery, DeliveryClaim, DeliveryList, Edge, Endpoint, EventKind, EventList, FanOut,
    Fate, Settlement,
};
use valetkey_protocol::webhook::{DeliveryState, EndpointId, Origin};

use super::sample::{Shared, at, delete, file, go, id, upload};

/// How long a claim lasts here, in seconds.
const LEASE: i64 = 60;

const MOST: u32 = 10;

pub(crate) fn name(text: &str) -> EndpointId {
    text.parse().unwrap()
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    Endpoint {
        id: name(text),
        url: "https://app.example.com/hooks".to_owned(),
        kinds: Vec::new(),
        buckets: Vec::new(),
        origin: Origin::Api,
        disabled: None,
        generation: 0,
        old_secret_until: None,
        cursor: 0,
        created_at: at(0),
        version: 0,
    }
}

pub(crate) async fn made(catalog: &Shared, text: &str) -> Endpoint {
    assert!(catalog.insert_endpoint(endpoint(text), MOST).await.unwrap());
    looked_up(catalog, text).await
}

async fn looked_up(catalog: &Shared, text: &str) -> Endpoint {
    let mut all = catalog.endpoints().await.unwrap().into_iter();
    all.find(|one| one.id.as_str() == text).unwrap()
}

/// Hands on all that happened since.
pub(crate) async fn hand_on(catalog: &Shared, text: &str, now: i64) -> bool {
    let endpoint = looked_up(catalog, text).await;
    let list = EventList::after(endpoint.cursor, 1000);
    let events = catalog.events(list).await.unwrap();
    let Some(last) = events.last() else {
        return false;
    };
    let fan_out = FanOut {
        endpoint: endpoint.id,
        from: endpoint.cursor,
        to: last.position,
        events,
        now: at(now),
    };
    catalog.fan_out(fan_out).await.unwrap()
}

pub(crate) async fn claim(catalog: &Shared, text: &str, now: i64, limit: u32) -> Vec<Delivery> {
    let claim = DeliveryClaim {
        endpoint: name(text),
        now: at(now),
        until: at(now + LEASE),
        limit,
    };
    catalog.claim_deliveries(claim).await.unwrap()
}

pub(crate) async fn settle(catalog: &Shared, delivery: &Delivery, now: i64, fate: Fate) -> bool {
    let problem = (fate != Fate::Done).then(|| "it answered 500".to_owned());
    let settlement = Settlement {
        endpoint: delivery.endpoint.clone(),
        position: delivery.event.position,
        fence: delivery.fence,
        attempt: Attempt {
            at: at(now),
            status: Some(if fate == Fate::Done { 204 } else { 500 }),
            problem,
        },
        fate,
    };
    catalog.settle_delivery(settlement).await.unwrap()
}

pub(crate) async fn listed(
    catalog: &Shared,
    text: &str,
    state: Option<DeliveryState>,
) -> Vec<Delivery> {
    let list = DeliveryList {
        endpoint: name(text),
        state,
        before: None,
        limit: 1000,
    };
    catalog.list_deliveries(list).await.unwrap()
}

/// A file that came and went: two events.
pub(crate) async fn came_and_went(catalog: &Shared, number: u64) {
    let record = file(catalog, upload(number)).await;
    let record = go(catalog, &record, delete(at(0))).await;
    go(catalog, &record, Edge::Deleted).await;
}

fn kinds(deliveries: &[Delivery]) -> Vec<EventKind> {
    deliveries.iter().map(|one| one.event.kind).collect()
}

pub(crate) async fn an_endpoint_is_found_as_it_was_made_and_changed_by_one(catalog: &Shared) {
    file(catalog, upload(1)).await;
    let new = Endpoint {
        kinds: vec![EventKind::UploadCompleted, EventKind::FileDeleted],
        buckets: vec!["photos".to_owned(), "films".to_owned()],
        old_secret_until: Some(at(9)),
        origin: Origin::Config,
        ..endpoint("a")
    };
    assert!(catalog.insert_endpoint(new.clone(), MOST).await.unwrap());
    assert!(!catalog.insert_endpoint(new.clone(), MOST).await.unwrap());
    let found = looked_up(catalog, "a").await;
    // What happened before is none of its business.
    assert!(found.cursor > 0);
    let cursor = found.cursor;
    assert_eq!(found, Endpoint { cursor, ..new });
    assert!(!hand_on(catalog, "a", 0).await);
    let changed = Endpoint {
        url: "https://other.example.com/".to_owned(),
        disabled: Some("gone".to_owned()),
        generation: 1,
        ..found.clone()
    };
    assert!(catalog.update_endpoint(changed.clone()).await.unwrap());
    assert!(!catalog.update_endpoint(changed.clone()).await.unwrap());
    let version = changed.version + 1;
    let expected = Endpoint { version, ..changed };
    assert_eq!(looked_up(catalog, "a").await, expected);
    let full = catalog.insert_endpoint(endpoint("b"), 1).await.unwrap();
    assert!(!full);
}

pub(crate) async fn what_happened_is_handed_on_once_by_however_many(catalog: &Shared) {
    made(catalog, "a").await;
    for number in 1..=20 {
        file(catalog, upload(number)).await;
    }
    let tries = (0..20).map(|_| hand_on(catalog, "a", 0));
    let done = join_all(tries).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    let owed = listed(catalog, "a", None).await;
    let ids: Vec<_> = owed.iter().rev().map(|one| one.event.id).collect();
    assert_eq!(ids, (1..=20).map(id).collect::<Vec<_>>());
    let events = catalog.events(EventList::after(0, 100)).await.unwrap();
    assert!(owed.iter().rev().map(|one| &one.event).eq(&events));
    assert!(owed.iter().all(|one| {
        let state = (one.state, one.attempts, one.due_at);
        state == (DeliveryState::Waiting, 0, Some(at(0))) && one.last.is_none()
    }));
}

pub(crate) async fn of_each_file_one_event_is_due_after_the_other(catalog: &Shared) {
    made(catalog, "a").await;
    came_and_went(catalog, 1).await;
    came_and_went(catalog, 2).await;
    assert!(hand_on(catalog, "a", 0).await);
    let first = claim(catalog, "a", 0, 10).await;
    assert_eq!(kinds(&first), [EventKind::UploadCompleted; 2]);
    assert_eq!(claim(catalog, "a", 0, 10).await, []);
    assert!(settle(catalog, &first[0], 1, Fate::Done).await);
    assert!(settle(catalog, &first[1], 1, Fate::Again(at(50))).await);
    let second = claim(catalog, "a", 1, 10).await;
    assert_eq!(kinds(&second), [EventKind::FileDeleted]);
    assert_eq!(second[0].event.id, id(1));
    // The other file waits for its own first event alone.
    assert_eq!(claim(catalog, "a", 49, 10).await, []);
    let again = claim(catalog, "a", 50, 10).await;
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    assert!(settle(catalog, &again[0], 51, Fate::Dead).await);
    let last = claim(catalog, "a", 51, 10).await;
    assert_eq!(
        (kinds(&last), last[0].event.id),
        (vec![EventKind::FileDeleted], id(2))
    );
}

pub(crate) async fn what_comes_later_waits_behind_what_is_not_over(catalog: &Shared) {
    made(catalog, "a").await;
    let record = file(catalog, upload(1)).await;
    assert!(hand_on(catalog, "a", 0).await);
    let first = claim(catalog, "a", 0, 10).await;
    assert!(settle(catalog, &first[0], 0, Fate::Again(at(500))).await);
    let record = go(catalog, &record, delete(at(0))).await;
    go(catalog, &record, Edge::Deleted).await;
    assert!(hand_on(catalog, "a", 1).await);
    assert_eq!(claim(catalog, "a", 499, 10).await, []);
    let first = claim(catalog, "a", 500, 10).await;
    assert_eq!(kinds(&first), [EventKind::UploadCompleted]);
    assert!(settle(catalog, &first[0], 501, Fate::Done).await);
    let second = claim(catalog, "a", 501, 10).await;
    assert_eq!(kinds(&second), [EventKind::FileDeleted]);
}

pub(crate) async fn of_twenty_who_claim_at_once_each_delivery_goes_to_one(catalog: &Shared) {
    made(catalog, "a").await;
    for number in 1..=50 {
        file(catalog, upload(number)).await;
    }
    assert!(hand_on(catalog, "a", 0).await);
    let claims = (0..20).map(|_| claim(catalog, "a", 0, 7));
    let all = join_all(claims).await.concat();
    let ids: BTreeSet<_> = all.iter().map(|one| one.event.id).collect();
    // Whoever came while others were at it may have got fewer.
    let rest = claim(catalog, "a", 0, 50).await;
    assert_eq!((ids.len(), all.len()), (all.len(), 50 - rest.len()));
    assert!(all.iter().chain(&rest).all(|one| one.fence == 1));
}

pub(crate) async fn whoever_lost_a_delivery_settles_nothing(catalog: &Shared) {
    made(catalog, "a").await;
    file(catalog, upload(1)).await;
    assert!(hand_on(catalog, "a", 0).await);
    let slow = claim(catalog, "a", 0, 1).await.remove(0);
    assert_eq!(claim(catalog, "a", LEASE - 1, 1).await, []);
    let fast = claim(catalog, "a", LEASE, 1).await.remove(0);
    assert_eq!((slow.fence, fast.fence), (1, 2));
    assert!(!settle(catalog, &slow, LEASE, Fate::Dead).await);
    assert!(settle(catalog, &fast, LEASE, Fate::Done).await);
    assert!(!settle(catalog, &fast, LEASE, Fate::Again(at(0))).await);
    let over = listed(catalog, "a", Some(DeliveryState::Done))
        .await
        .remove(0);
    let last = over.last.unwrap();
    assert_eq!(
        (over.attempts, over.due_at, over.lease_until),
        (1, None, None)
    );
    assert_eq!(
        (last.at, last.status, last.problem),
        (at(LEASE), Some(204), None)
    );
}

pub(crate) async fn a_disabled_endpoint_is_owed_nothing_new_and_loses_nothing(catalog: &Shared) {
    let endpoint = made(catalog, "a").await;
    file(catalog, upload(1)).await;
    assert!(hand_on(catalog, "a", 0).await);
    let disabled = Endpoint {
        disabled: Some("somebody wants it so".to_owned()),
        ..endpoint
    };
    assert!(catalog.update_endpoint(disabled).await.unwrap());
    file(catalog, upload(2)).await;
    assert!(!hand_on(catalog, "a", 0).await);
    assert_eq!(claim(catalog, "a", 0, 10).await, []);
    let enabled = Endpoint {
        disabled: None,
        ..looked_up(catalog, "a").await
    };
    assert!(catalog.update_endpoint(enabled).await.unwrap());
    assert!(hand_on(catalog, "a", 0).await);
    assert_eq!(claim(catalog, "a", 0, 10).await.len(), 2);
}

pub(crate) async fn the_dead_can_be_revived_in_their_order(catalog: &Shared) {
    made(catalog, "a").await;
    for number in 1..=3 {
        came_and_went(catalog, number).await;
    }
    assert!(hand_on(catalog, "a", 0).await);
    for _ in 0..2 {
        for one in claim(catalog, "a", 0, 10).await {
            assert!(settle(catalog, &one, 0, Fate::Dead).await);
        }
    }
    assert_eq!(
        listed(catalog, "a", Some(DeliveryState::Dead)).await.len(),
        6
    );
    let revive = |limit| catalog.revive_deliveries(name("a"), at(9), limit);
    assert_eq!(revive(4).await.unwrap(), 4);
    assert_eq!(revive(4).await.unwrap(), 2);
    assert_eq!(revive(4).await.unwrap(), 0);
    let first = claim(catalog, "a", 9, 10).await;
    assert_eq!(kinds(&first), [EventKind::UploadCompleted; 3]);
    assert!(first.iter().all(|one| (one.attempts, one.fence) == (0, 3)));
    for one in &first {
        assert!(settle(catalog, one, 9, Fate::Done).await);
    }
    let second = claim(catalog, "a", 9, 10).await;
    assert_eq!(kinds(&second), [EventKind::FileDeleted; 3]);
}

pub(crate) async fn a_cursor_that_is_moved_back_has_everything_begin_anew(catalog: &Shared) {
    made(catalog, "a").await;
    for number in 1..=3 {
        came_and_went(catalog, number).await;
    }
    assert!(hand_on(catalog, "a", 0).await);
    for one in claim(catalog, "a", 0, 3).await {
        assert!(settle(catalog, &one, 0, Fate::Done).await);
    }
    let busy = claim(catalog, "a", 0, 1).await.remove(0);
    let rewind = |text: &str| catalog.rewind_endpoint(name(text), 0);
    assert!(rewind("a").await.unwrap());
    assert!(!rewind("b").await.unwrap());
    assert!(hand_on(catalog, "a", 5).await);
    let first = claim(catalog, "a", 5, 10).await;
    // What was waiting for the first of its file may have been due by then.
    let firsts = first
        .iter()
        .filter(|one| one.event.kind == EventKind::UploadCompleted);
    assert_eq!(firsts.count(), 3);
    assert!(settle(catalog, &busy, 5, Fate::Done).await);
    let mut told = first;
    for second in 6..9 {
        for one in &told {
            assert!(settle(catalog, one, second, Fate::Done).await);
        }
        told = claim(catalog, "a", second, 10).await;
    }
    assert_eq!(
        listed(catalog, "a", Some(DeliveryState::Done)).await.len(),
        6
    );
    assert_eq!(listed(catalog, "a", Some(DeliveryState::Waiting)).await, []);
}
