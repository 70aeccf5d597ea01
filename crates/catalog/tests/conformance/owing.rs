//! What an endpoint is owed: removed with it, forgotten when it is over, counted, and never forgotten before.

use valetkey_catalog::{Endpoint, EventList, Fate};
use valetkey_protocol::upload::State;
use valetkey_protocol::webhook::DeliveryState;

use super::deliveries::{came_and_went, claim, hand_on, listed, made, name, settle};
use super::sample::{Shared, at, file, in_state, upload};

pub(crate) async fn an_endpoint_is_removed_with_all_it_is_owed(catalog: &Shared) {
    for text in ["a", "b"] {
        made(catalog, text).await;
    }
    for number in 1..=5 {
        file(catalog, upload(number)).await;
    }
    for text in ["a", "b"] {
        assert!(hand_on(catalog, text, 0).await);
    }
    let remove = || catalog.remove_endpoint(name("a"), 3);
    assert!(!remove().await.unwrap());
    assert!(remove().await.unwrap());
    assert!(remove().await.unwrap());
    assert_eq!(listed(catalog, "a", None).await, []);
    assert_eq!(listed(catalog, "b", None).await.len(), 5);
    let left = catalog.endpoints().await.unwrap();
    assert_eq!(
        left.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
        ["b"]
    );
}

pub(crate) async fn what_is_over_is_forgotten_by_age_and_what_waits_is_not(catalog: &Shared) {
    made(catalog, "a").await;
    for number in 1..=4 {
        file(catalog, upload(number)).await;
    }
    assert!(hand_on(catalog, "a", 0).await);
    let claimed = claim(catalog, "a", 0, 3).await;
    for (one, fate) in claimed.iter().zip([Fate::Done, Fate::Dead, Fate::Done]) {
        let now = i64::try_from(one.event.position).unwrap();
        assert!(settle(catalog, one, now, fate).await);
    }
    let [first, second, third] = [0, 1, 2].map(|index| claimed[index].event.position);
    let then = |position| at(i64::try_from(position).unwrap());
    let forget = |done, dead| catalog.forget_deliveries(then(done), then(dead), 10);
    let left = async || {
        let left = listed(catalog, "a", None).await;
        left.iter()
            .filter(|one| one.state != DeliveryState::Waiting)
            .count()
    };
    forget(first - 1, second - 1).await.unwrap();
    assert_eq!(left().await, 3);
    forget(first, second - 1).await.unwrap();
    assert_eq!(left().await, 2);
    forget(first, second).await.unwrap();
    assert_eq!(left().await, 1);
    forget(third, third).await.unwrap();
    assert_eq!(listed(catalog, "a", None).await.len(), 1);
}

pub(crate) async fn what_an_endpoint_is_owed_is_counted(catalog: &Shared) {
    made(catalog, "a").await;
    made(catalog, "b").await;
    came_and_went(catalog, 1).await;
    in_state(catalog, upload(2), State::Aborted).await;
    assert!(hand_on(catalog, "a", 0).await);
    let claimed = claim(catalog, "a", 0, 2).await;
    assert!(settle(catalog, &claimed[0], 0, Fate::Done).await);
    assert!(settle(catalog, &claimed[1], 0, Fate::Dead).await);
    let backlog = catalog.delivery_backlog().await.unwrap();
    let counts: Vec<_> = backlog
        .iter()
        .map(|one| {
            (
                one.endpoint.as_str(),
                one.enabled,
                one.waiting,
                one.dead,
                one.oldest,
            )
        })
        .collect();
    let expected = [("a", true, 1, 1, Some(at(0))), ("b", true, 0, 0, None)];
    assert_eq!(counts, expected);
}

pub(crate) async fn events_that_an_endpoint_has_not_got_to_are_not_forgotten(catalog: &Shared) {
    const WEEKS: i64 = 10 * 7 * 24 * 60 * 60;
    let endpoint = made(catalog, "a").await;
    file(catalog, upload(1)).await;
    let forget = || catalog.forget_history_until(at(WEEKS), 100);
    let remembered = async || {
        let events = catalog.events(EventList::after(0, 100)).await.unwrap();
        events.len()
    };
    forget().await.unwrap();
    assert_eq!(remembered().await, 1);
    // Nothing waits for one that is disabled.
    let disabled = Endpoint {
        disabled: Some("gone".to_owned()),
        ..endpoint
    };
    assert!(catalog.update_endpoint(disabled).await.unwrap());
    file(catalog, upload(2)).await;
    forget().await.unwrap();
    assert_eq!(remembered().await, 0);
}
