//! Storage that does not answer: every request ends in time, and says so.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use valetkey_protocol::Secret;
use valetkey_server::config::{Config, Provider};

use crate::world::{MIB, Reply, World, id};

/// What every answer that needs storage is promised within.
const PROMISE: Duration = Duration::from_secs(5);

/// Storage that takes connections and says nothing.
pub(crate) struct BlackHole {
    listener: TcpListener,
}

impl BlackHole {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener }
    }

    /// Makes it the storage of the bucket.
    pub(crate) fn swallow(&self, config: &mut Config) {
        at(
            config,
            &format!("http://{}", self.listener.local_addr().unwrap()),
        );
    }
}

/// Puts the bucket into a storage of ours.
fn at(config: &mut Config, endpoint: &str) {
    let bucket = config.buckets.get_mut("files").unwrap();
    bucket.provider = Provider::S3;
    bucket.endpoint = endpoint.to_owned();
    bucket.access_key_id = "id".to_owned();
    bucket.secret_access_key = Secret::new("secret");
}

async fn in_time<T>(request: impl Future<Output = T>) -> T {
    tokio::time::timeout(PROMISE, request).await.unwrap()
}

fn assert_unavailable(reply: &Reply) {
    let problem = reply.problem(503, "storage_unavailable");
    let retry_after = problem["retry_after"].to_string();
    assert_eq!(reply.header("retry-after"), retry_after);
}

#[tokio::test]
async fn storage_that_hangs_is_a_503_within_five_seconds_for_every_verb() {
    let hole = BlackHole::open().await;
    let world = World::with(|config| hole.swallow(config)).await;
    let alice = world.user("alice");
    let large = json!({"filename": "a", "content_type": "text/plain", "size": 6 * MIB});
    // Creating a small upload asks storage for nothing.
    let (first, second) = (
        alice.create("a", b"abc").await,
        alice.create("b", b"abc").await,
    );
    let batch = json!({"uploads": vec![large.clone(); 40]});
    let abort = format!("/v1/uploads/{}", id(&second));
    let nobody = world.nobody();
    let (create, many, complete, abort, ready) = tokio::join!(
        in_time(alice.post("/v1/uploads", &large)),
        in_time(alice.post("/v1/uploads/batch", &batch)),
        in_time(alice.complete(&first)),
        in_time(alice.delete(&abort)),
        in_time(nobody.get("/readyz")),
    );
    for reply in [&create, &complete, &ready] {
        assert_unavailable(reply);
    }
    let results = many.ok(200)["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), 40);
    for result in results.as_array().unwrap() {
        assert_eq!(result["problem"]["code"], "storage_unavailable");
    }
    assert_eq!(abort.status, 204, "the sweep throws the bytes away");

    // By now the breaker is open: nobody waits any more, and nothing is lost.
    let moment = Duration::from_secs(1);
    for _ in 0..3 {
        let reply = tokio::time::timeout(moment, alice.post("/v1/uploads", &large)).await;
        assert_unavailable(&reply.unwrap());
    }
    let text = world.metrics().await;
    let open = "valetkey_store_breaker_open{bucket=\"files\"} 1";
    assert!(text.contains(open), "{text}");
    let held_back = "operation=\"create_multipart\",outcome=\"short_circuited\"} ";
    assert!(text.contains(held_back), "{text}");
    let path = format!("/v1/uploads/{}", id(&first));
    let upload: Value = alice.get(&path).await.ok(200);
    assert_eq!(upload["state"], "pending");
}

/// Storage that does everything, after a while.
async fn slow_storage() -> String {
    let created =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    let answer = move || async move {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        created
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test]
async fn slow_storage_does_what_it_can_within_five_seconds() {
    let endpoint = slow_storage().await;
    let world = World::with(|config| at(config, &endpoint)).await;
    let large = json!({"filename": "a", "content_type": "text/plain", "size": 6 * MIB});
    let batch = json!({"uploads": vec![large; 40]});
    let alice = world.user("alice");
    let many = in_time(alice.post("/v1/uploads/batch", &batch)).await;
    let results = many.ok(200)["results"].clone();
    let with = |status: u16| {
        let results = results.as_array().unwrap().iter();
        results.filter(|result| result["status"] == status).count()
    };
    assert!(with(201) > 0 && with(503) > 0, "{results}");
    assert_eq!(with(201) + with(503), 40, "{results}");
    // It was the request that had no more time; storage did answer.
    let text = world.metrics().await;
    let closed = "valetkey_store_breaker_open{bucket=\"files\"} 0";
    assert!(text.contains(closed), "{text}");
}

#[tokio::test]
async fn an_outage_of_one_bucket_leaves_the_others_alone() {
    let world = World::with(|config| {
        let mut gone = config.buckets["files"].clone();
        gone.provider = Provider::S3;
        gone.endpoint = "http://127.0.0.1:1".to_owned();
        gone.access_key_id = "id".to_owned();
        gone.secret_access_key = Secret::new("secret");
        config.buckets.insert("gone".to_owned(), gone);
    })
    .await;
    let alice = world.user("alice");
    let large = |bucket: &str| json!({"filename": "a", "content_type": "text/plain", "size": 6 * MIB, "bucket": bucket});
    for _ in 0..12 {
        assert_unavailable(&alice.post("/v1/uploads", &large("gone")).await);
    }
    let text = world.metrics().await;
    assert!(text.contains("valetkey_store_breaker_open{bucket=\"gone\"} 1"));
    assert!(text.contains("valetkey_store_breaker_open{bucket=\"files\"} 0"));
    alice.post("/v1/uploads", &large("files")).await.ok(201);
    alice.upload("a.txt", b"abc").await;
}
