//! `/v1/events`: pages, and streams that end and go on.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use valetkey_server::config::EventsConfig;

use crate::stream::{FOLLOW, PATIENCE, Stream};
use crate::world::{User, World, claims, id, sign};

async fn page(user: &User<'_>, query: &str) -> Value {
    user.get(&format!("/v1/events{query}")).await.ok(200)
}

#[tokio::test]
async fn what_happened_is_listed_in_order_with_the_file_as_the_api_shows_it() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"bytes").await;
    let upload = alice.create("b.txt", b"more").await;
    let path = format!("/v1/uploads/{}", id(&upload));
    assert_eq!(alice.delete(&path).await.status, 204);
    let all = page(&alice, "").await;
    let kinds: Vec<_> = all["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["type"])
        .collect();
    assert_eq!(kinds, ["upload.completed", "upload.aborted"]);
    let completed = &all["events"][0];
    let simple = id(&file).replace('-', "");
    assert_eq!(completed["id"], format!("evt_{simple}_2"));
    for field in [
        "id",
        "bucket",
        "key",
        "filename",
        "size",
        "checksum",
        "integrity",
        "owner",
        "receipt",
    ] {
        assert_eq!(completed["data"][field], file[field], "{field}");
    }
    assert_eq!(all["has_more"], false);
    let one = page(&alice, "?type=upload.aborted,file.deleted").await;
    assert_eq!(one["events"].as_array().unwrap().len(), 1);
    let of = page(&alice, &format!("?file_id={}&limit=1", id(&file))).await;
    assert_eq!(of["events"][0]["id"], completed["id"]);
    assert_eq!(page(&world.user("bob"), "").await["events"], json!([]));
    let theirs = page(&world.admin(), "?owner=alice&bucket=files").await;
    assert_eq!(theirs["events"], all["events"]);
}

#[tokio::test]
async fn what_cannot_be_asked_says_what_to_ask() {
    let world = World::start().await;
    let alice = world.user("alice");
    let cursor = page(&alice, "").await["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    for (query, status, code) in [
        ("?limit=0", 422, "invalid_request"),
        ("?type=uploaded", 422, "invalid_request"),
        ("?bucket=none", 422, "invalid_request"),
        ("?file_id=1", 422, "invalid_request"),
        ("?owner=bob", 403, "forbidden"),
        ("?cursor=x", 400, "malformed_request"),
        ("?from=yesterday", 400, "malformed_request"),
        ("?follow=true&limit=5", 422, "invalid_request"),
        ("?follow=true&cursor=x", 400, "malformed_request"),
    ] {
        let reply = alice.get(&format!("/v1/events{query}")).await;
        reply.problem(status, code);
    }
    let foreign = format!("/v1/events?cursor={cursor}");
    world
        .user("bob")
        .get(&foreign)
        .await
        .problem(400, "malformed_request");
    let headers = [("last-event-id", "x")];
    let reply = alice.request(Method::GET, FOLLOW, &headers, "").await;
    reply.problem(400, "malformed_request");
    world
        .nobody()
        .get(FOLLOW)
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_the_next_one_goes_on_behind_it() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    alice.upload("before.txt", b"before").await;
    let accept = [("accept", "text/html, text/event-stream;q=0.9")];
    let mut stream = Stream::open(&alice, "/v1/events", &accept).await;
    let first = stream.block().await.unwrap();
    assert!(
        first.starts_with("retry: ") && first.contains("\nid: "),
        "{first}"
    );
    bob.upload("theirs.txt", b"theirs").await;
    let one = alice.upload("one.txt", b"one").await;
    let told = stream.message().await.unwrap();
    assert_eq!(told.event, "upload.completed");
    assert_eq!(
        (&told.data["type"], &told.data["data"]["id"]),
        (&json!(told.event), &one["id"])
    );
    drop(stream);
    // While nobody follows.
    let two = alice.upload("two.txt", b"two").await;
    let headers = [("last-event-id", told.id.as_str())];
    let mut stream = Stream::open(&alice, FOLLOW, &headers).await;
    assert_eq!(
        stream.message().await.unwrap().data["data"]["id"],
        two["id"]
    );
    let three = alice.upload("three.txt", b"three").await;
    let last = stream.message().await.unwrap();
    assert_eq!(last.data["data"]["id"], three["id"]);
    // A cursor of the one is a cursor of the other.
    let rest = page(&alice, &format!("?cursor={}", told.id)).await;
    let ids: Vec<_> = rest["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["data"]["id"])
        .collect();
    assert_eq!(ids, [&two["id"], &three["id"]]);
    let from = rest["next_cursor"].as_str().unwrap();
    let mut stream = Stream::open(&alice, &format!("{FOLLOW}&cursor={from}"), &[]).await;
    let four = alice.upload("four.txt", b"four").await;
    assert_eq!(
        stream.message().await.unwrap().data["data"]["id"],
        four["id"]
    );
}

#[tokio::test]
async fn a_long_backlog_is_streamed_in_order() {
    const EVENTS: usize = 256;
    let world = World::start().await;
    let alice = world.user("alice");
    for _ in 0..EVENTS {
        let upload = alice.create("a.txt", b"a").await;
        alice.delete(&format!("/v1/uploads/{}", id(&upload))).await;
    }
    let mut expected = Vec::new();
    for event in page(&alice, "?limit=1000").await["events"]
        .as_array()
        .unwrap()
    {
        expected.push(event["id"].clone());
    }
    assert_eq!(expected.len(), EVENTS);
    let path = format!("{FOLLOW}&from=oldest&type=upload.aborted");
    let mut stream = Stream::open(&alice, &path, &[]).await;
    let mut seen = Vec::new();
    while seen.len() < EVENTS {
        seen.push(stream.message().await.unwrap().data["id"].clone());
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::start().await;
    let now = claims(json!({}))["iat"].as_i64().unwrap();
    // Clocks may be half a minute apart.
    let token = sign(&claims(json!({"iat": now - 60, "exp": now - 27})));
    let alice = User {
        world: &world,
        token,
    };
    let mut stream = Stream::open(&alice, FOLLOW, &[]).await;
    while stream.block().await.is_some() {}
}

#[tokio::test]
async fn streams_end_when_the_service_does() {
    let mut world = World::start().await;
    let mut stream = Stream::open(&world.user("alice"), FOLLOW, &[]).await;
    stream.block().await.unwrap();
    world.stop();
    while stream.block().await.is_some() {}
}

#[tokio::test]
async fn there_are_as_many_streams_as_there_may_be() {
    let world = World::with(|config| {
        config.events = EventsConfig {
            max_streams: 2,
            max_streams_per_user: 1,
        };
    })
    .await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let stream = Stream::open(&alice, FOLLOW, &[]).await;
    let refused = alice.get(FOLLOW).await;
    let problem = refused.problem(429, "rate_limited");
    assert_eq!(
        (&problem["limit"], refused.header("retry-after")),
        (&json!(1), "10")
    );
    let _second = Stream::open(&bob, FOLLOW, &[]).await;
    world
        .user("carol")
        .get(FOLLOW)
        .await
        .problem(503, "overloaded");
    assert!(world.metrics().await.contains("valetkey_event_streams 2"));
    drop(stream);
    let freed = async {
        while !world.metrics().await.contains("valetkey_event_streams 1") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, freed).await.unwrap();
    Stream::open(&alice, FOLLOW, &[]).await;
}

#[tokio::test]
async fn downloads_are_events_where_the_bucket_says_so() {
    let world = World::with(|config| {
        let rules = &mut config.buckets.get_mut("files").unwrap().rules;
        rules.announce_downloads = true;
    })
    .await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"bytes").await;
    let ids = json!({"ids": [id(&file), id(&file)]});
    alice.post("/v1/downloads/batch", &ids).await.ok(200);
    let told = page(&alice, "?type=download.issued").await;
    let counts: Vec<_> = told["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["data"]["download_count"])
        .collect();
    assert_eq!(counts, [1, 2]);
    assert!(!told.to_string().contains("://"), "{told}");
}
