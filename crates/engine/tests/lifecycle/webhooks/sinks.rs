//! Sinks that fail, hang, vanish, ask for time or are gone; and another one beside them that is not.

use std::collections::BTreeSet;

use valetkey_engine::Delivered;
use valetkey_protocol::webhook::{DeliveryState, ListDeliveries, PatchEndpoint, Replay};

use super::*;

const BAD: &str = "https://bad.example/";
const GOOD: &str = "https://good.example/";
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

fn ids(told: &[serde_json::Value]) -> BTreeSet<String> {
    let ids = told.iter().map(|event| event["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_sink_that_vanishes_for_a_day_is_told_everything_and_another_one_waits_for_nothing() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    made(&webhooks, BAD).await;
    made(&webhooks, GOOD).await;
    for round in 0..48 {
        let answer = match round % 3 {
            0 => Answer::Nothing,
            1 => Answer::Status(500, None),
            _ => Answer::Status(302, None),
        };
        post.answer(BAD, answer);
        if round % 4 == 0 {
            come_and_go(&world).await;
        }
        pump(&webhooks).await;
        assert_eq!(post.told(GOOD).len(), 2 * (round / 4 + 1));
        world.clock.forward(30 * MINUTE);
    }
    // Nobody got beyond the first event of any file.
    let told = by_file(&post.told(BAD));
    assert!(told.values().all(|kinds| kinds == &["upload.completed"]));
    post.answer(BAD, Answer::Status(200, None));
    for _ in 0..60 {
        world.clock.forward(HOUR);
        pump(&webhooks).await;
    }
    let expected = ["upload.completed", "file.deleted"];
    for url in [BAD, GOOD] {
        let told = by_file(&post.told(url));
        assert_eq!(told.len(), 12);
        assert!(told.values().all(|kinds| kinds == &expected), "{url}");
    }
    assert_eq!(ids(&post.told(BAD)), ids(&post.told(GOOD)));
    assert_eq!(post.told(GOOD).len(), 24);
}

#[tokio::test]
async fn after_ten_attempts_over_three_days_a_delivery_is_dead_and_the_next_one_comes() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    let endpoint = made(&webhooks, BAD).await;
    post.answer(BAD, Answer::Status(500, None));
    come_and_go(&world).await;
    let mut last = 0;
    for minute in 0..90 * 60 {
        let outcomes = pump(&webhooks).await;
        if outcomes
            .iter()
            .any(|(_, outcome)| *outcome == Delivered::Dead)
        {
            last = minute / 60;
            break;
        }
        world.clock.forward(MINUTE);
    }
    assert!((68..84).contains(&last), "{last} hours");
    let told = post.told(BAD);
    let completed = told
        .iter()
        .filter(|event| event["type"] == "upload.completed");
    assert_eq!(completed.count(), 10);
    // In the same breath the next event of the file was tried for the first time.
    assert_eq!(told.last().unwrap()["type"], "file.deleted");
    let dead = ListDeliveries {
        state: Some(DeliveryState::Dead),
        ..ListDeliveries::default()
    };
    let page = webhooks
        .list_deliveries(&admin(), &endpoint.id, dead.clone())
        .await
        .unwrap();
    let [one] = &page.deliveries[..] else {
        panic!("{page:?}")
    };
    assert_eq!((one.attempts, one.status), (10, Some(500)));
    assert_eq!(one.event_id, told[0]["id"].as_str().unwrap());
    post.forget();
    post.answer(BAD, Answer::Status(200, None));
    let replay = Replay {
        dead: true,
        from: None,
    };
    let replayed = webhooks
        .replay(&admin(), &endpoint.id, replay)
        .await
        .unwrap();
    assert_eq!(replayed.revived, 1);
    world.clock.forward(MINUTE);
    pump(&webhooks).await;
    assert!(ids(&post.told(BAD)).contains(told[0]["id"].as_str().unwrap()));
    let page = webhooks
        .list_deliveries(&admin(), &endpoint.id, dead)
        .await
        .unwrap();
    assert_eq!(page.deliveries, []);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    made(&webhooks, BAD).await;
    post.answer(BAD, Answer::Status(503, Some(120)));
    world.file(b"bytes").await;
    pump(&webhooks).await;
    for (forward, sent) in [(119, 1), (1, 2)] {
        world.clock.forward(forward);
        pump(&webhooks).await;
        assert_eq!(post.told(BAD).len(), sent);
    }
}

#[tokio::test]
async fn one_that_is_gone_is_disabled_and_told_everything_when_it_is_back() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    let endpoint = made(&webhooks, BAD).await;
    post.answer(BAD, Answer::Status(410, None));
    world.file(b"one").await;
    assert_eq!(
        pump(&webhooks).await,
        [(endpoint.id.clone(), Delivered::Gone)]
    );
    world.file(b"two").await;
    assert_eq!(pump(&webhooks).await, []);
    let found = webhooks.get_endpoint(&admin(), &endpoint.id).await.unwrap();
    assert!(!found.enabled && found.disabled_because.unwrap().contains("410"));
    post.answer(BAD, Answer::Status(200, None));
    post.forget();
    let enable = PatchEndpoint {
        enabled: Some(true),
        ..PatchEndpoint::default()
    };
    let patched = webhooks
        .patch_endpoint(&admin(), &endpoint.id, enable)
        .await;
    assert!(patched.unwrap().enabled);
    world.clock.forward(HOUR);
    pump(&webhooks).await;
    assert_eq!(by_file(&post.told(BAD)).len(), 2);
}

#[tokio::test]
async fn what_happened_since_an_instant_is_sent_again_under_the_same_ids() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let webhooks = webhooks(&world, &post, Vec::new());
    for _ in 0..5 {
        world.file(b"before").await;
        world.clock.forward(HOUR);
    }
    let endpoint = made(&webhooks, GOOD).await;
    for _ in 0..5 {
        world.file(b"after").await;
        world.clock.forward(HOUR);
    }
    pump(&webhooks).await;
    let first = post.told(GOOD);
    assert_eq!(first.len(), 5);
    post.forget();
    let third: jiff::Timestamp = first[2]["timestamp"].as_str().unwrap().parse().unwrap();
    let from = |from| Replay {
        from: Some(from),
        dead: false,
    };
    webhooks
        .replay(&admin(), &endpoint.id, from(third))
        .await
        .unwrap();
    pump(&webhooks).await;
    assert_eq!(ids(&post.told(GOOD)), ids(&first[2..]));
    // Also what it was never told, because there was no endpoint.
    let begin = jiff::Timestamp::UNIX_EPOCH;
    webhooks
        .replay(&admin(), &endpoint.id, from(begin))
        .await
        .unwrap();
    post.forget();
    pump(&webhooks).await;
    assert_eq!(post.told(GOOD).len(), 10);
    let late = jiff::Timestamp::MAX;
    webhooks
        .replay(&admin(), &endpoint.id, from(late))
        .await
        .unwrap();
    post.forget();
    pump(&webhooks).await;
    assert_eq!(post.told(GOOD).len(), 0);
}

#[tokio::test]
async fn a_server_that_stands_still_settles_nothing_that_another_one_took_up() {
    let (world, post) = (World::new(), Arc::new(Post::default()));
    let (slow, fast) = (
        webhooks(&world, &post, Vec::new()),
        webhooks(&world, &post, Vec::new()),
    );
    let endpoint = made(&slow, GOOD).await;
    world.file(b"bytes").await;
    slow.fan_out().await.unwrap();
    let claimed = slow.claim(&endpoint.id, 4).await.unwrap().remove(0);
    assert_eq!(pump(&fast).await, []);
    world.clock.forward(61);
    assert_eq!(pump(&fast).await, [(endpoint.id.clone(), Delivered::Done)]);
    let target = slow.targets().await.unwrap().remove(0);
    post.answer(GOOD, Answer::Status(500, None));
    let late = slow.deliver(&target, claimed).await.unwrap();
    assert_eq!(late, Delivered::Lost);
    // It was sent twice, and both times it was the same event.
    assert_eq!(ids(&post.told(GOOD)).len(), 1);
    world.clock.forward(HOUR);
    assert_eq!(pump(&fast).await, []);
}
