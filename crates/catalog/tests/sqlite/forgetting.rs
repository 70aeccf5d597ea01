//! What SQLite forgets, event by event.

use valetkey_catalog::{Edge, EventList};
use valetkey_protocol::upload::State;

use super::conformance::sample::{at, forget_leftovers, id, in_state, insert, step, upload};
use super::home;

#[tokio::test]
async fn an_id_that_comes_back_has_no_history_of_another_life() {
    let catalog = &home().catalog;
    in_state(catalog, upload(1), State::Failed).await;
    forget_leftovers(catalog, id(1)).await;
    assert_eq!(catalog.forget_history_until(at(0), 1).await.unwrap(), 1);
    insert(catalog, upload(1)).await;
    assert_eq!(catalog.history(id(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn events_are_forgotten_from_the_first_on_up_to_a_younger_one() {
    let catalog = &home().catalog;
    for (number, when) in (1..).zip([5, 6, 20, 7]) {
        let pending = insert(catalog, upload(number)).await;
        let aborted = step(catalog, id(number), pending.epoch, Edge::Abort, at(when)).await;
        assert!(aborted.is_some());
    }
    let left = async |then, limit| {
        let forgotten = catalog.forget_history_until(then, limit).await;
        assert_eq!(forgotten.unwrap(), 0);
        let events = catalog.events(EventList::after(0, 100)).await.unwrap();
        events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(left(at(5), 1).await, [2, 3, 4].map(id));
    assert_eq!(left(at(5), 9).await, [2, 3, 4].map(id));
    // The clock was set back after the third: it is waited for.
    assert_eq!(left(at(19), 9).await, [3, 4].map(id));
    assert_eq!(left(at(20), 9).await, []);
}
