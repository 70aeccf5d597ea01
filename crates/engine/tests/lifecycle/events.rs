//! What others are told, to whom, and from where on.

use std::sync::Arc;
use std::time::Duration;

use valetkey_engine::{BucketRules, Engine, Error, Follower, Principal, Reading, Told};
use valetkey_protocol::download::CreateDownload;
use valetkey_protocol::event::{Begin, Event, EventData, EventKind, EventPage, ListEvents};
use valetkey_protocol::{Code, FileId};

use crate::support::{HISTORY, World, admin, alice, bob, code, wish};

async fn list(world: &World, who: &Principal, query: ListEvents) -> Result<EventPage, Error> {
    world.engine.list_events(who, &query).await
}

async fn events(world: &World, who: &Principal) -> Vec<Event> {
    list(world, who, ListEvents::default())
        .await
        .unwrap()
        .events
}

fn from(cursor: String) -> ListEvents {
    ListEvents {
        cursor: Some(cursor),
        ..ListEvents::default()
    }
}

#[tokio::test]
async fn an_event_shows_the_file_as_it_is_and_never_a_url() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    let told = events(&world, &alice()).await;
    let [event] = &told[..] else {
        panic!("{told:?}");
    };
    let simple = file.id.to_string().replace('-', "");
    assert_eq!(event.id, format!("evt_{simple}_2"));
    assert_eq!(event.kind, EventKind::UploadCompleted);
    let data = &event.data;
    assert_eq!(data.filename.as_ref(), Some(&file.filename));
    assert_eq!((data.size, data.checksum), (Some(5), file.checksum));
    assert_eq!(
        (data.integrity, data.receipt.as_ref()),
        (Some(file.integrity), file.receipt.as_ref())
    );
    assert_eq!(
        (data.owner.as_ref(), data.download_count),
        (Some(&file.owner), None)
    );
    let unproven = EventData {
        receipt: None,
        ..data.clone()
    };
    let text = serde_json::to_string(&unproven).unwrap();
    assert!(!text.contains("://"), "{text}");
}

#[tokio::test]
async fn of_what_is_forgotten_the_event_tells_whose_it_was() {
    let world = World::new();
    let upload = world.create(wish(5)).await;
    world
        .engine
        .abort_upload(&alice(), upload.id)
        .await
        .unwrap();
    let before = events(&world, &alice()).await;
    assert!(before[0].data.filename.is_some() && before[0].data.receipt.is_none());
    world.clock.forward(86_400);
    world.engine.sweep_due().await.unwrap();
    let then = jiff::SignedDuration::from_hours(1);
    world.engine.forget_history(then).await.unwrap();
    assert_eq!(world.catalog.find(upload.id).await.unwrap(), None);
    let bare = valetkey_catalog::Event {
        position: 1,
        id: upload.id,
        seq: 1,
        kind: EventKind::UploadAborted,
        at: before[0].timestamp,
        tenant: Some("acme".parse().unwrap()),
        owner: Some("alice".parse().unwrap()),
        bucket: Some("files".to_owned()),
    };
    let told = world.engine.tell(&[bare]).await.unwrap();
    assert_eq!(told[0].id, before[0].id);
    let data = serde_json::to_value(&told[0].data).unwrap();
    let expected =
        serde_json::json!({"id": upload.id, "bucket": "files", "tenant": "acme", "owner": "alice"});
    assert_eq!(data, expected);
}

#[tokio::test]
async fn everybody_sees_their_own_and_administrators_everybodys() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    assert_eq!(events(&world, &bob()).await, []);
    assert_eq!(events(&world, &admin()).await.len(), 1);
    let of = |owner: &str| ListEvents {
        owner: Some(owner.parse().unwrap()),
        ..ListEvents::default()
    };
    let found = list(&world, &admin(), of("alice")).await.unwrap();
    assert_eq!(found.events.len(), 1);
    assert_eq!(list(&world, &admin(), of("bob")).await.unwrap().events, []);
    assert_eq!(
        list(&world, &alice(), of("alice"))
            .await
            .unwrap()
            .events
            .len(),
        1
    );
    let refused = list(&world, &bob(), of("alice")).await;
    assert_eq!(code(refused), Code::Forbidden);
    let one = ListEvents {
        file_id: Some(file.id.to_string()),
        ..ListEvents::default()
    };
    assert_eq!(list(&world, &bob(), one.clone()).await.unwrap().events, []);
    assert_eq!(list(&world, &admin(), one).await.unwrap().events.len(), 1);
}

#[tokio::test]
async fn pages_go_on_where_they_ended_now_and_later() {
    let world = World::new();
    for _ in 0..5 {
        world.file(b"bytes").await;
    }
    let two = ListEvents {
        limit: Some(2),
        ..ListEvents::default()
    };
    let first = list(&world, &alice(), two.clone()).await.unwrap();
    assert_eq!((first.events.len(), first.has_more), (2, true));
    let rest = list(&world, &alice(), from(first.next_cursor.clone()))
        .await
        .unwrap();
    assert_eq!((rest.events.len(), rest.has_more), (3, false));
    assert_ne!(rest.events[0].id, first.events[1].id);
    let none = list(&world, &alice(), from(rest.next_cursor))
        .await
        .unwrap();
    assert_eq!((none.events.len(), none.has_more), (0, false));
    let file = world.file(b"more").await;
    let new = list(&world, &alice(), from(none.next_cursor.clone()))
        .await
        .unwrap();
    assert_eq!(new.events[0].data.id, file.id);
    for (who, cursor) in [(bob(), none.next_cursor), (alice(), "x".to_owned())] {
        let foreign = list(&world, &who, from(cursor)).await;
        assert_eq!(code(foreign), Code::MalformedRequest);
    }
}

#[tokio::test]
async fn a_cursor_from_before_what_is_remembered_says_so_and_one_that_missed_nothing_goes_on() {
    let world = World::new();
    world.file(b"one").await;
    let page = list(&world, &alice(), ListEvents::default()).await.unwrap();
    world.file(b"two").await;
    world.clock.forward(HISTORY.as_secs() + 1);
    // Old as it is, all that came after it is still there.
    let late = list(&world, &alice(), from(page.next_cursor.clone()))
        .await
        .unwrap();
    assert_eq!(late.events.len(), 1);
    world.clock.forward(8 * 86_400);
    world.engine.forget_history(HISTORY).await.unwrap();
    let over = list(&world, &alice(), from(page.next_cursor)).await;
    assert_eq!(code(over), Code::EventsForgotten);
    // This one was at the end, and looked again lately.
    let lately = list(&world, &alice(), ListEvents::default()).await.unwrap();
    assert_eq!(
        list(&world, &alice(), from(lately.next_cursor))
            .await
            .unwrap()
            .events,
        []
    );
}

#[tokio::test]
async fn a_cursor_from_after_what_a_backup_holds_says_so() {
    let (world, restored) = (World::new(), World::new());
    world.file(b"one").await;
    restored.file(b"one").await;
    let page = list(&world, &alice(), ListEvents::default()).await.unwrap();
    let same = list(&restored, &alice(), from(page.next_cursor))
        .await
        .unwrap();
    assert_eq!(same.events, []);
    world.file(b"two").await;
    let page = list(&world, &alice(), ListEvents::default()).await.unwrap();
    let over = list(&restored, &alice(), from(page.next_cursor)).await;
    assert_eq!(code(over), Code::EventsForgotten);
}

async fn download(world: &World, id: FileId) {
    let wish = CreateDownload::default();
    world
        .engine
        .create_download(&alice(), id, wish)
        .await
        .unwrap();
}

#[tokio::test]
async fn downloads_are_told_where_the_bucket_wants_it() {
    let world = World::new();
    let quiet = world.file(b"bytes").await;
    download(&world, quiet.id).await;
    assert_eq!(events(&world, &alice()).await.len(), 1);
    let world = World::with_rules(BucketRules {
        announce_downloads: true,
        ..BucketRules::default()
    });
    let file = world.file(b"bytes").await;
    download(&world, file.id).await;
    let engine = &world.engine;
    let bytes = engine.get_content(&alice(), file.id, Reading::Bytes).await;
    bytes.unwrap();
    let told = events(&world, &alice()).await;
    let simple = file.id.to_string().replace('-', "");
    let ids: Vec<_> = told.iter().map(|event| event.id.clone()).collect();
    let expected = ["2", "d1", "d2"].map(|end| format!("evt_{simple}_{end}"));
    assert_eq!(ids, expected);
    assert_eq!(told[2].data.download_count, Some(2));
    assert_eq!(told[2].data.receipt, None);
}

fn feed(engine: &Arc<Engine>) -> tokio::task::JoinHandle<()> {
    let engine = Arc::clone(engine);
    tokio::spawn(async move { engine.feed_events().await })
}

async fn next(follower: &mut Follower) -> Vec<Told> {
    let next = tokio::time::timeout(Duration::from_secs(10), follower.next());
    next.await.expect("nothing was told").unwrap()
}

#[tokio::test]
async fn whoever_follows_is_told_everything_once_in_order_wherever_it_begins() {
    const FILES: usize = 300;
    let world = World::new();
    let feeding = feed(&world.engine);
    let oldest = ListEvents {
        from: Some(Begin::Oldest),
        ..ListEvents::default()
    };
    let query = ListEvents::default();
    let mut slow = world.engine.follow_events(&alice(), &query).await.unwrap();
    let mut others = world.engine.follow_events(&bob(), &query).await.unwrap();
    for _ in 0..FILES {
        let upload = world.create(wish(1)).await;
        world
            .engine
            .abort_upload(&alice(), upload.id)
            .await
            .unwrap();
    }
    let mut late = world.engine.follow_events(&alice(), &oldest).await.unwrap();
    let mut seen = [Vec::new(), Vec::new()];
    for (follower, seen) in [&mut slow, &mut late].into_iter().zip(&mut seen) {
        while seen.len() < FILES {
            let told = next(follower).await;
            seen.extend(told.into_iter().map(|told| told.body.id));
        }
    }
    let expected: Vec<_> = world
        .catalog
        .events(valetkey_catalog::EventList::after(0, 1000))
        .await
        .unwrap();
    let expected = world.engine.tell(&expected).await.unwrap();
    let expected: Vec<_> = expected.into_iter().map(|event| event.id).collect();
    assert_eq!(seen, [expected.clone(), expected]);
    let silence = tokio::time::timeout(Duration::from_millis(300), others.next());
    assert!(
        silence.await.is_err(),
        "somebody was told what is not theirs"
    );
    feeding.abort();
}

#[tokio::test]
async fn whoever_comes_back_goes_on_exactly_behind_the_last() {
    let world = World::new();
    let feeding = feed(&world.engine);
    let query = ListEvents::default();
    let mut first = world.engine.follow_events(&alice(), &query).await.unwrap();
    let one = world.file(b"one").await;
    let told = next(&mut first).await;
    assert_eq!(told[0].body.data.id, one.id);
    let cursor = first.cursor_after(&told[0]);
    drop(first);
    let two = world.file(b"two").await;
    let mut second = world
        .engine
        .follow_events(&alice(), &from(cursor))
        .await
        .unwrap();
    assert_eq!(next(&mut second).await[0].body.data.id, two.id);
    let three = world.file(b"three").await;
    assert_eq!(next(&mut second).await[0].body.data.id, three.id);
    let foreign = second.cursor().unwrap();
    assert!(
        world
            .engine
            .follow_events(&bob(), &from(foreign))
            .await
            .is_err()
    );
    feeding.abort();
}
