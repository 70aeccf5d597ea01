//! What the log says, and what it never says.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use valetkey_protocol::Secret;
use valetkey_server::config::Provider;
use valetkey_server::log::QUIET;

use crate::world::{MIB, SECRET, World, id};

/// Everything that every test of this program logs from the first use on.
static LOG: LazyLock<Log> = LazyLock::new(Log::start);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let filter = QUIET.iter().map(|directive| directive.parse().unwrap());
        let filter = filter.fold(EnvFilter::new("trace"), EnvFilter::add_directive);
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false);
        subscriber.with_writer(log.clone()).init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a28_no_token_secret_or_signature_is_ever_logged() {
    let log = LazyLock::force(&LOG);
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    alice.bytes(&file).await;
    let download = alice
        .post(&format!("/v1/files/{}/download", id(&file)), &json!({}))
        .await
        .ok(200);
    let content_url = download["content_url"].as_str().unwrap();
    world.fetch(&download["content_url"]).await;
    alice.get(&format!("/v1/files/{}/content", id(&file))).await;
    alice
        .get("/v1/files/nonsense")
        .await
        .problem(404, "not_found");
    let key = std::fs::read_to_string(world.folder.path().join("store-key.json")).unwrap();
    let key: Value = serde_json::from_str(&key).unwrap();

    let (text, metrics) = (log.text(), world.metrics().await);
    assert!(text.contains("answered"), "the log was heard: {text}");
    let signature = alice.token.rsplit_once('.').unwrap().1;
    for (name, secret) in [
        ("the token", signature),
        ("a token", "eyJ"),
        ("the secret", SECRET),
        ("the store's secret", key["secret_key"].as_str().unwrap()),
        ("a signature", "X-Amz-Signature="),
        ("a capability", content_url.rsplit_once('/').unwrap().1),
    ] {
        assert!(!metrics.contains(secret), "{name} is in the metrics");
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{name} was logged");
    }
}

#[tokio::test]
async fn a_fault_of_ours_is_logged_once_under_its_request_id_and_not_told() {
    let log = LazyLock::force(&LOG);
    let world = World::with(|config| {
        let bucket = config.buckets.get_mut("files").unwrap();
        bucket.provider = Provider::S3;
        bucket.endpoint = "http://127.0.0.1:1".to_owned();
        bucket.access_key_id = "id".to_owned();
        bucket.secret_access_key = Secret::new("hunter2hunter2");
    })
    .await;
    let body = json!({"filename": "a", "content_type": "text/plain", "size": 6 * MIB});
    let reply = world.user("alice").post("/v1/uploads", &body).await;
    let problem = reply.problem(503, "storage_unavailable");
    assert!(reply.header("retry-after").parse::<u64>().is_ok());
    let text = log.text();
    let request_id = problem["request_id"].as_str().unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains(request_id) && line.contains("ERROR"))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("storage failed: "), "{}", lines[0]);
    assert!(!text.contains("hunter2"));
    assert!(!reply.text().contains("127.0.0.1"));
}
