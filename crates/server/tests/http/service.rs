//! What every answer has, and what machines ask.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use valetkey_server::ServeError;
use valetkey_server::config::Config;
use valetkey_server::dev::{self, DevOptions};
use valetkey_server::run::Server;

use crate::world::{World, address, config};

#[tokio::test]
async fn it_says_how_it_is_and_what_it_offers() {
    let world = World::start().await;
    let nobody = world.nobody();
    assert_eq!(nobody.get("/healthz").await.ok(200)["status"], "ok");
    assert_eq!(nobody.get("/readyz").await.ok(200)["status"], "ok");
    let document = nobody.get("/openapi.json").await;
    document.ok(200);
    assert_eq!(document.text(), valetkey_server::openapi::document());
}

#[tokio::test]
async fn it_is_not_ready_without_its_storage() {
    let world = World::with(|config| {
        let bucket = config.buckets.get_mut("files").unwrap();
        bucket.provider = valetkey_server::config::Provider::S3;
        bucket.endpoint = "http://127.0.0.1:1".to_owned();
        bucket.access_key_id = "id".to_owned();
        bucket.secret_access_key = valetkey_protocol::Secret::new("secret");
    })
    .await;
    let reply = world.nobody().get("/readyz").await;
    let problem = reply.problem(503, "storage_unavailable");
    assert_eq!(
        reply.header("retry-after"),
        problem["retry_after"].to_string()
    );
    assert!(!reply.text().contains("127.0.0.1"), "{}", reply.text());
    world.nobody().get("/healthz").await.ok(200);
}

#[tokio::test]
async fn every_answer_keeps_out_of_caches_and_referrers() {
    let world = World::start().await;
    for path in ["/healthz", "/v1/files", "/nowhere", "/c/x"] {
        let reply = world.nobody().get(path).await;
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("x-request-id").len() >= 8, "{path}");
    }
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
    let world = World::start().await;
    for (sent, kept) in [
        ("trace-0001_ab", true),
        ("short", false),
        ("with space in it", false),
        ("a/b/c/d/e/f", false),
    ] {
        let headers = [("x-request-id", sent)];
        let reply = world
            .nobody()
            .request(Method::GET, "/healthz", &headers, Bytes::new())
            .await;
        assert_eq!(reply.header("x-request-id") == sent, kept, "{sent}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = World::start().await;
    let alice = world.user("alice");
    alice.get("/v1/nowhere").await.problem(404, "not_found");
    let reply = alice
        .request(Method::PUT, "/v1/files", &[], Bytes::new())
        .await;
    reply.problem(405, "method_not_allowed");
    assert!(
        reply.header("allow").contains("GET"),
        "{}",
        reply.header("allow")
    );
}

#[tokio::test]
async fn metrics_tell_of_uploads_storage_and_the_catalog() {
    let world = World::start().await;
    let alice = world.user("alice");
    alice.upload("a.txt", &[7; 1000]).await;
    alice.create("b.txt", b"abc").await;
    let text = world.metrics().await;
    for line in [
        r#"valetkey_uploads_total{bucket="files",state="pending"} 2"#,
        r#"valetkey_uploads_total{bucket="files",state="available"} 1"#,
        r#"valetkey_verified_bytes_total{bucket="files"} 1000"#,
        r#"valetkey_store_calls_total{bucket="files",operation="copy",outcome="ok"} 1"#,
        r#"valetkey_store_call_duration_seconds_count{bucket="files",operation="copy"} 1"#,
        r#"valetkey_store_breaker_open{bucket="files"} 0"#,
        r#"valetkey_files{bucket="files"} 1"#,
        r#"valetkey_stored_bytes{bucket="files"} 1000"#,
        r#"valetkey_open_uploads{bucket="files"} 1"#,
        r#"valetkey_reserved_bytes{bucket="files"} 3"#,
        r#"valetkey_due{reason="session_ended"} 0"#,
        r#"valetkey_leases{work="verifying"} 0"#,
        r#"valetkey_scrape_incomplete 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn metrics_count_requests_problems_and_bytes_by_listener() {
    let world = World::start().await;
    let alice = world.user("alice");
    alice.upload("a.txt", &[7; 100_000]).await;
    alice.get("/v1/files/x").await.problem(404, "not_found");
    let text = world.metrics().await;
    let count = |start: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start} in\n{text}"))
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse()
            .unwrap()
    };
    assert_eq!(
        count(r#"valetkey_requests_total{route="/v1/uploads",method="POST",status="201"}"#),
        1.0
    );
    assert_eq!(count(r#"valetkey_problems_total{code="not_found"}"#), 1.0);
    assert_eq!(
        count(r#"valetkey_request_duration_seconds_count{route="/v1/uploads"}"#),
        1.0
    );
    assert!(
        count(r#"valetkey_listener_bytes_total{listener="store",direction="received"}"#)
            > 100_000.0
    );
    assert!(
        count(r#"valetkey_listener_bytes_total{listener="api",direction="received"}"#) < 20_000.0
    );
    assert!(count("process_resident_memory_bytes") > 1e6);
    let reply = world.nobody().get("/metrics").await;
    reply.problem(404, "not_found");
}

#[tokio::test]
async fn a_taken_address_is_told_with_what_to_change() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let taken = address(&world.urls.api).to_string();
    let config = Config {
        listen: taken.clone(),
        ..config(&folder)
    };
    let Err(error) = Server::start(config).await else {
        panic!("it started");
    };
    let message = error.to_string();
    assert!(
        message.contains(&taken) && message.contains("`listen` (--listen)"),
        "{message}"
    );
}

#[tokio::test]
async fn a_bad_secret_is_refused_before_anything_is_bound() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.listen = address(&world.urls.api).to_string();
    config.auth.secret = valetkey_protocol::Secret::new("changeme".repeat(8));
    let count = || std::fs::read_dir(folder.path()).unwrap().count();
    let given = count();
    let Err(error) = Server::start(config).await else {
        panic!("it started");
    };
    assert!(matches!(error, ServeError::Config(_)), "{error}");
    assert_eq!(count(), given);
}

#[tokio::test]
async fn a_development_server_makes_what_it_needs_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let any = "127.0.0.1:0".to_owned();
        let server = dev::start(DevOptions {
            catalog: None,
            data_dir: data_dir.clone(),
            listen: any.clone(),
            store_listen: any.clone(),
            metrics_listen: any,
            classic: false,
        })
        .await
        .unwrap();
        let info = server.info.clone();
        let written = std::fs::read_to_string(data_dir.join("dev.json")).unwrap();
        let written: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written, serde_json::to_value(&info).unwrap());
        assert_eq!(written["token"], info.token.expose());
        assert_eq!(written["store"]["bucket"], "files");
        assert!(!format!("{info:?}").contains(info.store.secret_key.expose()));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let minted = dev::mint_token(&data_dir, ("", "alice"), &["admin".to_owned()], 60).unwrap();
        let client = reqwest::Client::new();
        for token in [info.token.expose(), &minted] {
            let url = format!("{}/v1/files", info.api);
            let reply = client.get(url).bearer_auth(token).send().await.unwrap();
            assert_eq!(reply.status(), 200);
        }
        secrets.push((info.store.access_key, info.store.secret_key));
        stop.send(()).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
        ended.unwrap().unwrap().unwrap();
    }
    assert_eq!(secrets[0], secrets[1]);
    for name in ["secret", "store-key.json", "dev.json", "catalog.sqlite"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(data_dir.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
