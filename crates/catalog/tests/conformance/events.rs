//! Events as they are read: by whom they are about, in pages, and by whoever waits for them.

use std::sync::Arc;
use std::time::Duration;

use valetkey_catalog::{Event, EventKind, EventList, Issue, NewUpload};
use valetkey_protocol::upload::State;

use super::sample::{
    BUCKET, Shared, at, file, forget_leftovers, found, id, in_state, issue, upload,
};

const DAY: i64 = 24 * 60 * 60;

fn owned(number: u64, owner: &str, bucket: &str) -> NewUpload {
    NewUpload {
        owner: owner.parse().unwrap(),
        bucket: bucket.to_owned(),
        ..upload(number)
    }
}

async fn read(catalog: &Shared, list: EventList) -> Vec<Event> {
    catalog.events(list).await.unwrap()
}

fn all() -> EventList {
    EventList::after(0, 1000)
}

fn announced(number: u64, seconds: i64) -> Issue {
    Issue {
        announced_at: Some(at(seconds)),
        ..issue(number)
    }
}

pub(crate) async fn an_event_says_whose_it_is_and_where(catalog: &Shared) {
    in_state(catalog, owned(1, "bob", "films"), State::Deleted).await;
    let events = read(catalog, all()).await;
    let scopes: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.owner.as_ref().unwrap().as_str(),
                event.bucket.as_deref(),
            )
        })
        .collect();
    assert_eq!(scopes, [("bob", Some("films")); 2]);
    // Also when nothing else is remembered.
    forget_leftovers(catalog, id(1)).await;
    assert_eq!(catalog.forget_history_until(at(0), 10).await.unwrap(), 1);
    for event in read(catalog, all()).await {
        assert_eq!(event.owner.unwrap().as_str(), "bob");
    }
}

/// Lists, and of which uploads their events are.
fn lists() -> [(EventList, Vec<u64>); 7] {
    let owner = |name: &str| EventList {
        owner: Some(name.parse().unwrap()),
        ..all()
    };
    let films = EventList {
        bucket: Some("films".to_owned()),
        ..all()
    };
    let first = EventList {
        id: Some(id(1)),
        ..all()
    };
    let ends = EventList {
        kinds: vec![EventKind::FileDeleted, EventKind::UploadAborted],
        ..all()
    };
    let one = EventList {
        bucket: films.bucket.clone(),
        id: Some(id(3)),
        kinds: ends.kinds.clone(),
        ..owner("alice")
    };
    [
        (all(), vec![1, 1, 2, 3, 3, 4]),
        (owner("alice"), vec![2, 3, 3, 4]),
        (films, vec![3, 3, 4]),
        (first, vec![1, 1]),
        (ends, vec![1, 3, 4]),
        (one, vec![3]),
        (owner("carol"), vec![]),
    ]
}

pub(crate) async fn each_filter_shows_what_it_says_in_order(catalog: &Shared) {
    in_state(catalog, owned(1, "bob", BUCKET), State::Deleted).await;
    in_state(catalog, owned(2, "alice", BUCKET), State::Failed).await;
    in_state(catalog, owned(3, "alice", "films"), State::Deleted).await;
    in_state(catalog, owned(4, "alice", "films"), State::Aborted).await;
    let number = |event: &Event| (1..5).find(|number| id(*number) == event.id).unwrap();
    for (list, expected) in lists() {
        let events = read(catalog, list.clone()).await;
        let numbers: Vec<_> = events.iter().map(number).collect();
        assert_eq!(numbers, expected, "{list:?}");
    }
}

pub(crate) async fn pages_of_one_owner_show_each_event_once(catalog: &Shared) {
    for number in 1..=20 {
        let owner = if number % 2 == 0 { "alice" } else { "bob" };
        in_state(catalog, owned(number, owner, BUCKET), State::Deleted).await;
    }
    let whole = EventList {
        owner: Some("alice".parse().unwrap()),
        ..all()
    };
    let expected = read(catalog, whole.clone()).await;
    assert_eq!(expected.len(), 20);
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = read(
            catalog,
            EventList {
                after,
                limit: 3,
                ..whole.clone()
            },
        )
        .await;
        let Some(last) = page.last() else { break };
        after = last.position;
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

pub(crate) async fn an_announced_download_is_an_event_with_its_number_and_no_other_is(
    catalog: &Shared,
) {
    file(catalog, upload(1)).await;
    file(catalog, upload(2)).await;
    let told = EventList {
        kinds: vec![EventKind::DownloadIssued],
        ..all()
    };
    catalog
        .count_downloads(vec![issue(1), issue(2)])
        .await
        .unwrap();
    assert_eq!(read(catalog, told.clone()).await, []);
    let several = vec![
        announced(1, 5),
        announced(2, 5),
        announced(1, 5),
        announced(3, 5),
    ];
    catalog.count_downloads(several).await.unwrap();
    let counting = (0..40).map(|_| {
        let catalog = Arc::clone(catalog);
        tokio::spawn(async move { catalog.count_downloads(vec![announced(1, 6)]).await })
    });
    for counted in futures_util::future::join_all(counting).await {
        counted.unwrap().unwrap();
    }
    let events = read(catalog, told).await;
    let numbers = |number| {
        let of = events.iter().filter(move |event| event.id == id(number));
        of.map(|event| event.seq).collect::<Vec<_>>()
    };
    assert_eq!(numbers(1), (2..=43).collect::<Vec<_>>());
    assert_eq!(numbers(2), [2]);
    assert_eq!(events.len(), 43);
    assert_eq!(found(catalog, id(1)).await.download_count, 43);
    assert_eq!(
        (events[0].at, events[0].bucket.as_deref()),
        (at(5), Some(BUCKET))
    );
    assert_eq!(events[0].owner.as_ref().unwrap().as_str(), "alice");
}

pub(crate) async fn the_span_reaches_from_the_first_to_the_last_that_is_remembered(
    catalog: &Shared,
) {
    assert_eq!(catalog.event_span().await.unwrap(), [0, 0]);
    file(catalog, upload(1)).await;
    in_state(catalog, upload(2), State::Deleted).await;
    let events = read(catalog, all()).await;
    let span = catalog.event_span().await.unwrap();
    assert_eq!(span, [events[0].position, events[2].position]);
    catalog
        .forget_history_until(at(20 * DAY), 10)
        .await
        .unwrap();
    assert_eq!(catalog.event_span().await.unwrap(), [0, 0]);
    file(catalog, upload(3)).await;
    let [first, last] = catalog.event_span().await.unwrap();
    assert!(first == last && first > span[1], "a position is given once");
}

pub(crate) async fn whoever_waits_is_given_a_hint(catalog: &Shared) {
    let mut hints = catalog.hints();
    let hint = async |hints: &mut tokio::sync::watch::Receiver<()>| {
        let hint = tokio::time::timeout(Duration::from_secs(10), hints.changed());
        hint.await.unwrap().unwrap();
    };
    file(catalog, upload(1)).await;
    hint(&mut hints).await;
    // Whatever was on its way, of the file and of the beginning.
    tokio::time::sleep(Duration::from_millis(500)).await;
    hints.mark_unchanged();
    catalog
        .count_downloads(vec![announced(1, 5)])
        .await
        .unwrap();
    hint(&mut hints).await;
}
