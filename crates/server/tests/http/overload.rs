//! More to do than can be done at a time.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use valetkey_server::config::{Config, LimitsConfig};

use crate::world::{User, World, address};

fn narrow(concurrency: usize, queue: usize, queue_seconds: f64) -> impl FnOnce(&mut Config) {
    move |config| {
        config.limits = LimitsConfig {
            concurrency,
            queue,
            queue_seconds,
            ..LimitsConfig::default()
        };
    }
}

fn upload() -> Value {
    json!({"filename": "a", "content_type": "text/plain", "size": 1})
}

/// A request that is being served for as long as the rest of its long body is held back.
struct Slow {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Slow {
    async fn begin(user: &User<'_>) -> Self {
        Self::with(user, &[b' '; 40 * 1024]).await
    }

    /// Sends a beginning of white space, and keeps the rest back.
    async fn with(user: &User<'_>, space: &[u8]) -> Self {
        let body = upload().to_string().into_bytes();
        let mut stream = TcpStream::connect(address(&user.world.urls.api))
            .await
            .unwrap();
        let head = format!(
            "POST /v1/uploads HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            user.token,
            space.len() + body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(space).await.unwrap();
        Self { stream, rest: body }
    }

    /// Sends the rest, and gives the first line of the answer.
    async fn end(mut self) -> String {
        self.stream.write_all(&self.rest).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

/// Waits until the metrics have a line.
async fn until(world: &World, line: &str) {
    while !world.metrics().await.lines().any(|found| found == line) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_all_are_busy_some_wait_the_others_are_told_and_health_answers() {
    let world = World::with(narrow(2, 3, 10.0)).await;
    let alice = world.user("alice");
    let (one, two) = (Slow::begin(&alice).await, Slow::begin(&alice).await);
    until(&world, "valetkey_running 2").await;
    let waiting = join_all((0..3).map(|_| alice.get("/v1/files")));
    let meanwhile = async {
        until(&world, "valetkey_waiting 3").await;
        let reply = alice.get("/v1/files").await;
        let problem = reply.problem(503, "overloaded");
        assert_eq!(
            reply.header("retry-after"),
            problem["retry_after"].to_string()
        );
        // Who may not come in at all does not wait.
        world
            .nobody()
            .get("/v1/files")
            .await
            .problem(401, "unauthenticated");
        for path in ["/healthz", "/readyz", "/openapi.json", "/sdk/index.js"] {
            let reply = world.nobody().get(path).await;
            assert_eq!(reply.status, 200, "{path}");
        }
        let metrics = world.metrics().await;
        assert!(
            metrics.contains("valetkey_limited_total{limit=\"queue\"} 1\n"),
            "{metrics}"
        );
        (one.end().await, two.end().await)
    };
    let (served, (one, two)) = tokio::join!(waiting, meanwhile);
    for reply in served {
        reply.ok(200);
    }
    assert_eq!(
        (one.as_str(), two.as_str()),
        ("HTTP/1.1 201 Created", "HTTP/1.1 201 Created")
    );
    until(&world, "valetkey_running 0").await;
    until(&world, "valetkey_waiting 0").await;
}

#[tokio::test]
async fn nobody_waits_in_line_for_ever() {
    let world = World::with(narrow(1, 10, 0.05)).await;
    let alice = world.user("alice");
    let slow = Slow::begin(&alice).await;
    until(&world, "valetkey_running 1").await;
    let body = upload();
    let replies = join_all((0..5).map(|_| alice.post("/v1/uploads", &body))).await;
    for reply in replies {
        reply.problem(503, "overloaded");
        assert_eq!(reply.header("retry-after"), "1");
    }
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("valetkey_limited_total{limit=\"deadline\"} 5\n"),
        "{metrics}"
    );
    assert_eq!(slow.end().await, "HTTP/1.1 201 Created");
    alice.get("/v1/files").await.ok(200);
    until(&world, "valetkey_open_uploads{bucket=\"files\"} 1").await;
}

#[tokio::test]
async fn of_a_flood_everything_accepted_is_done_and_nothing_refused_is() {
    let world = World::with(narrow(2, 8, 0.5)).await;
    let alice = world.user("alice");
    let body = upload();
    let replies = join_all((0..200).map(|_| alice.post("/v1/uploads", &body))).await;
    let mut accepted = 0;
    for reply in &replies {
        match reply.status {
            201 => accepted += 1,
            _ => drop(reply.problem(503, "overloaded")),
        }
    }
    assert!(accepted > 0);
    until(
        &world,
        &format!("valetkey_open_uploads{{bucket=\"files\"}} {accepted}"),
    )
    .await;
    let again = join_all((0..10).map(|_| alice.get("/v1/files"))).await;
    for reply in again {
        reply.ok(200);
    }
}

#[tokio::test]
async fn whoever_sends_slowly_takes_no_place_meanwhile() {
    let world = World::with(narrow(1, 0, 1.0)).await;
    let alice = world.user("alice");
    let slow = Slow::with(&alice, b" ").await;
    let reading = "valetkey_listener_connections{listener=\"api\"} 1";
    until(&world, reading).await;
    for _ in 0..10 {
        alice.get("/v1/files").await.ok(200);
    }
    assert_eq!(slow.end().await, "HTTP/1.1 201 Created");
}

#[tokio::test]
async fn streams_of_events_take_no_place_while_they_are_open() {
    let world = World::with(narrow(1, 0, 1.0)).await;
    let alice = world.user("alice");
    let url = format!("{}/v1/events?follow=true", world.urls.api);
    let stream = world
        .client
        .get(url)
        .bearer_auth(&alice.token)
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    until(&world, "valetkey_event_streams 1").await;
    until(&world, "valetkey_running 0").await;
    alice.get("/v1/files").await.ok(200);
    drop(stream);
}
