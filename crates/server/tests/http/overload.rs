//! More to do than can be done at a time.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use valetkey_server::config::{Config, LimitsConfig};

use crate::outage::BlackHole;
use crate::world::{MIB, User, World, address};

fn narrow(config: &mut Config, concurrency: usize, queue: usize, queue_seconds: f64) {
    config.limits = LimitsConfig {
        concurrency,
        queue,
        queue_seconds,
        ..LimitsConfig::default()
    };
}

fn upload() -> Value {
    json!({"filename": "a", "content_type": "text/plain", "size": 1})
}

/// One that storage is asked for, which takes a while when it does not answer.
fn large() -> Value {
    json!({"filename": "a", "content_type": "text/plain", "size": 6 * MIB})
}

/// Waits until the metrics have a line.
async fn until(world: &World, line: &str) {
    while !world.metrics().await.lines().any(|found| found == line) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn when_all_are_busy_some_wait_the_others_are_told_and_health_answers() {
    let hole = BlackHole::open().await;
    let change = |config: &mut Config| {
        narrow(config, 2, 3, 10.0);
        hole.swallow(config);
    };
    let world = World::with(change).await;
    let (alice, body) = (world.user("alice"), large());
    let busy = join_all((0..2).map(|_| alice.post("/v1/uploads", &body)));
    let waiting = async {
        until(&world, "valetkey_running 2").await;
        join_all((0..3).map(|_| alice.get("/v1/files"))).await
    };
    let meanwhile = async {
        until(&world, "valetkey_waiting 3").await;
        let reply = alice.get("/v1/files").await;
        let problem = reply.problem(503, "overloaded");
        assert_eq!(
            reply.header("retry-after"),
            problem["retry_after"].to_string()
        );
        // Nobody's permission is looked at meanwhile.
        for path in ["/v1/files", "/c/nonsense"] {
            let reply = world.nobody().get(path).await;
            reply.problem(503, "overloaded");
        }
        for path in ["/healthz", "/openapi.json", "/sdk/index.js"] {
            let reply = world.nobody().get(path).await;
            assert_eq!(reply.status, 200, "{path}");
        }
        let metrics = world.metrics().await;
        let line = "valetkey_limited_total{limit=\"queue\"} 3\n";
        assert!(metrics.contains(line), "{metrics}");
        assert!(metrics.contains("valetkey_waiting 3\n"), "{metrics}");
    };
    let (busy, served, ()) = tokio::join!(busy, waiting, meanwhile);
    for reply in busy {
        reply.problem(503, "storage_unavailable");
    }
    for reply in served {
        reply.ok(200);
    }
    until(&world, "valetkey_running 0").await;
    until(&world, "valetkey_waiting 0").await;
}

#[tokio::test]
async fn nobody_waits_in_line_for_ever() {
    let hole = BlackHole::open().await;
    let change = |config: &mut Config| {
        narrow(config, 1, 10, 0.05);
        hole.swallow(config);
    };
    let world = World::with(change).await;
    let (alice, body) = (world.user("alice"), large());
    let others = async {
        until(&world, "valetkey_running 1").await;
        // Who may not come in at all does not wait.
        let reply = world.nobody().get("/v1/files").await;
        reply.problem(401, "unauthenticated");
        let reply = world.nobody().get("/c/nonsense").await;
        reply.problem(404, "not_found");
        join_all((0..5).map(|_| alice.get("/v1/files"))).await
    };
    let (busy, others) = tokio::join!(alice.post("/v1/uploads", &body), others);
    for reply in others {
        reply.problem(503, "overloaded");
        assert_eq!(reply.header("retry-after"), "1");
    }
    busy.problem(503, "storage_unavailable");
    let metrics = world.metrics().await;
    let line = "valetkey_limited_total{limit=\"deadline\"} 5\n";
    assert!(metrics.contains(line), "{metrics}");
    alice.get("/v1/files").await.ok(200);
}

#[tokio::test]
async fn of_a_flood_everything_accepted_is_done_and_nothing_refused_is() {
    let world = World::with(|config| narrow(config, 2, 8, 0.5)).await;
    let (alice, body) = (world.user("alice"), upload());
    let replies = join_all((0..200).map(|_| alice.post("/v1/uploads", &body))).await;
    let mut accepted = 0;
    for reply in &replies {
        match reply.status {
            201 => accepted += 1,
            _ => drop(reply.problem(503, "overloaded")),
        }
    }
    assert!(accepted > 0);
    let line = format!("valetkey_open_uploads{{bucket=\"files\"}} {accepted}");
    until(&world, &line).await;
    let again = join_all((0..10).map(|_| alice.get("/v1/files"))).await;
    for reply in again {
        reply.ok(200);
    }
}

/// A request whose body is held back.
struct Slow {
    stream: TcpStream,
    body: Vec<u8>,
}

impl Slow {
    async fn begin(user: &User<'_>) -> Self {
        let body = upload().to_string().into_bytes();
        let mut stream = TcpStream::connect(address(&user.world.urls.api))
            .await
            .unwrap();
        let head = format!(
            "POST /v1/uploads HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            user.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, body }
    }

    /// Sends it, and gives the first line of the answer.
    async fn end(mut self) -> String {
        self.stream.write_all(&self.body).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn whoever_sends_slowly_takes_no_place_meanwhile() {
    let world = World::with(|config| narrow(config, 1, 10, 10.0)).await;
    let alice = world.user("alice");
    let slow = [Slow::begin(&alice).await, Slow::begin(&alice).await];
    until(&world, "valetkey_listener_connections{listener=\"api\"} 2").await;
    for _ in 0..20 {
        alice.get("/v1/files").await.ok(200);
    }
    for slow in slow {
        assert_eq!(slow.end().await, "HTTP/1.1 201 Created");
    }
    until(&world, "valetkey_running 0").await;
}

#[tokio::test]
async fn streams_of_events_take_no_place_while_they_are_open() {
    let world = World::with(|config| narrow(config, 1, 0, 1.0)).await;
    let alice = world.user("alice");
    let url = format!("{}/v1/events?follow=true", world.urls.api);
    let request = world.client.get(url).bearer_auth(&alice.token);
    let stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    until(&world, "valetkey_event_streams 1").await;
    until(&world, "valetkey_running 0").await;
    alice.get("/v1/files").await.ok(200);
    drop(stream);
}
