//! Traces go where they are told to, and hold up nothing when nobody is there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt as _;
use valetkey_server::config::TelemetryConfig;
use valetkey_server::telemetry::Telemetry;

use crate::world::{SECRET, World, id};

/// How long the end of a service may wait for its traces.
const SOON: Duration = Duration::from_secs(4);

/// A collector that keeps every batch it was sent.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    async fn open() -> (Self, String) {
        let sink = Self::default();
        let kept = sink.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            kept.0.lock().unwrap().extend_from_slice(&body);
        };
        let router = Router::new().route("/v1/traces", axum::routing::post(take));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (sink, url)
    }

    fn holds(&self, part: impl AsRef<[u8]>) -> bool {
        self.count(part) > 0
    }

    /// Protobuf keeps texts and ids as they are.
    fn count(&self, part: impl AsRef<[u8]>) -> usize {
        let (batch, part) = (self.0.lock().unwrap(), part.as_ref());
        let windows = batch.windows(part.len());
        windows.filter(|window| *window == part).count()
    }
}

fn telemetry(endpoint: &str) -> (TelemetryConfig, Telemetry) {
    let config = TelemetryConfig {
        otlp_endpoint: endpoint.to_owned(),
        service_name: "valetkey-of-a-test".to_owned(),
    };
    let started = Telemetry::start(&config).unwrap().unwrap();
    (config, started)
}

#[tokio::test]
async fn a28_a_request_is_a_trace_with_its_calls_to_storage_and_without_secrets() {
    let (sink, url) = Sink::open().await;
    let (config, telemetry) = telemetry(&url);
    let heard = registry().with(telemetry.layer()).set_default();
    let world = World::with(|all| all.telemetry = config).await;
    let alice = world.user("alice");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [
        ("traceparent", parent.as_str()),
        ("x-request-id", "request-0001"),
    ];
    let upload = alice.create("a.txt", b"abc").await;
    world.send(&upload["request"], "abc").await;
    let path = format!("/v1/uploads/{}/complete", id(&upload));
    let file = alice.request(Method::POST, &path, &headers, Bytes::new());
    let file = file.await.ok(200);
    let path = format!("/v1/files/{}/download", id(&file));
    let download = alice.post(&path, &json!({})).await.ok(200);
    drop(heard);
    tokio::time::timeout(SOON, telemetry.shutdown())
        .await
        .unwrap();

    for part in [
        "valetkey-of-a-test",
        "POST /v1/uploads/{id}/complete",
        "POST /v1/uploads",
        "http.response.status_code",
        "request-0001",
        "store",
        "copy",
    ] {
        assert!(sink.holds(part), "{part} is in no span");
    }
    let bytes = u128::from_str_radix(trace, 16).unwrap().to_be_bytes();
    // The request, and the calls to storage of the verification that it spawned.
    assert!(sink.count(bytes) >= 4, "the caller's trace goes on");
    let content_url = download["content_url"].as_str().unwrap();
    for (name, secret) in [
        ("a token", "eyJ"),
        ("the secret", SECRET),
        ("a signature", "X-Amz-Signature"),
        ("a capability", content_url.rsplit_once('/').unwrap().1),
    ] {
        assert!(!sink.holds(secret), "{name} is in a span");
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_harms_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let black_hole = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", &black_hole] {
        let (config, telemetry) = telemetry(endpoint);
        let heard = registry().with(telemetry.layer()).set_default();
        let world = World::with(|all| all.telemetry = config).await;
        world.user("alice").upload("a.txt", b"abc").await;
        drop(heard);
        tokio::time::timeout(SOON, telemetry.shutdown())
            .await
            .unwrap();
        world.nobody().get("/healthz").await.ok(200);
    }
}

#[tokio::test]
async fn nothing_is_made_when_no_collector_is_configured() {
    let none = Telemetry::start(&TelemetryConfig::default()).unwrap();
    assert!(none.is_none());
}
