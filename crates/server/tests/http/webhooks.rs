//! `/v1/webhooks`

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::sync::mpsc;
use valetkey_protocol::Secret;
use valetkey_server::config::{Config, EndpointConfig};

use crate::world::{World, id};

/// What came to a sink.
struct Delivery {
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A sink of one's own backend, that takes everything.
async fn sink() -> (String, mpsc::UnboundedReceiver<Delivery>) {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let take = async move |headers: HeaderMap, body: bytes::Bytes| {
        let body = body.to_vec();
        arrived.send(Delivery { headers, body }).unwrap();
        "taken"
    };
    let router = axum::Router::new().route("/hooks", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, arrivals)
}

fn allow_loopback(config: &mut Config) {
    config.webhooks.allow_http = true;
    config.webhooks.allow_addresses = vec!["127.0.0.1".to_owned()];
}

/// The event in a delivery, once somebody else's code has checked it.
fn checked(delivery: &Delivery, secret: &str) -> Value {
    let verifier = Webhook::new(secret).unwrap();
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = HeaderValue::from_bytes(delivery.headers[name].as_bytes()).unwrap();
        headers.insert(HeaderName::from_static(name), value);
    }
    verifier.verify(&delivery.body, &headers).unwrap();
    let mut changed = delivery.body.clone();
    changed.push(b' ');
    assert!(verifier.verify(&changed, &headers).is_err());
    let event: Value = serde_json::from_slice(&delivery.body).unwrap();
    assert_eq!(event["id"], headers["webhook-id"].to_str().unwrap());
    event
}

#[tokio::test]
async fn a26_a_backend_hears_what_happens_and_others_code_verifies_it() {
    let world = World::with(allow_loopback).await;
    let (url, mut arrivals) = sink().await;
    let admin = world.admin();
    let hook = admin
        .post("/v1/webhooks", &json!({"url": url}))
        .await
        .ok(201);
    let secret = hook["secret"].as_str().unwrap();
    let file = world.user("alice").upload("a.txt", b"12345").await;
    let delivery = arrivals.recv().await.unwrap();
    assert_eq!(delivery.headers["content-type"], "application/json");
    let event = checked(&delivery, secret);
    assert_eq!(event["type"], "upload.completed");
    assert_eq!(event["data"]["id"], file["id"]);
    assert_eq!(event["data"]["receipt"], file["receipt"]);
    let path = format!("/v1/webhooks/{}/rotate", id(&hook));
    let rotated = admin.post(&path, &json!({})).await.ok(200);
    let deleted = world
        .admin()
        .delete(&format!("/v1/files/{}", id(&file)))
        .await;
    assert_eq!(deleted.status, 204);
    let delivery = arrivals.recv().await.unwrap();
    for secret in [secret, rotated["secret"].as_str().unwrap()] {
        assert_eq!(checked(&delivery, secret)["type"], "file.deleted");
    }
    let path = format!("/v1/webhooks/{}/deliveries", id(&hook));
    let page = loop {
        let page = admin.get(&path).await.ok(200);
        let all = page["deliveries"].as_array().unwrap();
        if all.len() == 2 && all.iter().all(|one| one["state"] == "done") {
            break page;
        }
    };
    let last = &page["deliveries"][0];
    assert_eq!(
        (&last["status"], &last["attempts"]),
        (&json!(200), &json!(1))
    );
    assert_eq!(last["type"], "file.deleted");
    let first = admin.get(&format!("{path}?limit=1")).await.ok(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = admin
        .get(&format!("{path}?limit=1&cursor={cursor}"))
        .await
        .ok(200);
    assert_eq!(second["deliveries"][0], page["deliveries"][1]);
    let metrics = world.metrics().await;
    let counted = format!(
        "valetkey_webhook_attempts_total{{webhook=\"{}\",outcome=\"done\"}} 2",
        id(&hook)
    );
    assert!(metrics.contains(&counted), "{metrics}");
    assert!(metrics.contains(&format!(
        "valetkey_webhook_waiting{{webhook=\"{}\"}} 0",
        id(&hook)
    )));
}

#[tokio::test]
async fn a_webhook_is_made_looked_at_changed_tested_and_removed() {
    let world = World::with(allow_loopback).await;
    let (url, mut arrivals) = sink().await;
    let admin = world.admin();
    let wish = json!({"url": url, "types": ["file.deleted"], "buckets": ["files"]});
    let hook = admin.post("/v1/webhooks", &wish).await.ok(201);
    let path = format!("/v1/webhooks/{}", id(&hook));
    let mut open = hook.clone();
    open.as_object_mut().unwrap().remove("secret");
    assert_eq!(admin.get(&path).await.ok(200), open);
    assert_eq!(
        admin.get("/v1/webhooks").await.ok(200),
        json!({"webhooks": [open]})
    );
    let tested = admin
        .post(&format!("{path}/test"), &json!({}))
        .await
        .ok(200);
    assert_eq!(
        (&tested["delivered"], &tested["status"]),
        (&json!(true), &json!(200))
    );
    let event = checked(
        &arrivals.recv().await.unwrap(),
        hook["secret"].as_str().unwrap(),
    );
    assert_eq!(
        (&event["type"], &event["id"]),
        (&json!("webhook.test"), &tested["event_id"])
    );
    let changed = admin
        .patch(&path, &json!({"types": [], "enabled": false}))
        .await
        .ok(200);
    assert_eq!(
        (&changed["types"], &changed["enabled"]),
        (&json!([]), &json!(false))
    );
    assert!(changed["disabled_because"].is_string() && changed.get("secret").is_none());
    let replayed = admin
        .post(&format!("{path}/replay"), &json!({"dead": true}))
        .await;
    assert_eq!(replayed.ok(202), json!({"revived": 0}));
    assert_eq!(admin.delete(&path).await.status, 204);
    admin.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_says_what_to_do() {
    let world = World::start().await;
    let admin = world.admin();
    for (body, field) in [
        (json!({"url": "http://app.example.com/"}), "url"),
        (json!({"url": "https://169.254.169.254/latest"}), "url"),
        (json!({"url": "https://[::ffff:127.0.0.1]/"}), "url"),
        (json!({"url": "https://2130706433/"}), "url"),
        (json!({"url": "https://0x7f.1/"}), "url"),
        (json!({"url": "https://localhost/"}), "url"),
        (json!({"url": "https://a:b@app.example.com/"}), "url"),
        (json!({"url": 5}), "url"),
        (
            json!({"url": "https://8.8.8.8/", "types": ["upload.begun"]}),
            "types[0]",
        ),
        (
            json!({"url": "https://8.8.8.8/", "buckets": ["nowhere"]}),
            "buckets",
        ),
    ] {
        let problem = admin.post("/v1/webhooks", &body).await;
        let problem = problem.problem(422, "invalid_request");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    let unknown = json!({"url": "https://8.8.8.8/", "secret": "mine"});
    admin
        .post("/v1/webhooks", &unknown)
        .await
        .problem(422, "unknown_field");
    world
        .user("alice")
        .get("/v1/webhooks")
        .await
        .problem(403, "forbidden");
    world
        .nobody()
        .get("/v1/webhooks")
        .await
        .problem(401, "unauthenticated");
    for path in [
        "/v1/webhooks/nobody",
        "/v1/webhooks/No.Id",
        "/v1/webhooks/x/deliveries",
    ] {
        admin.get(path).await.problem(404, "not_found");
    }
    assert_eq!(
        admin.get("/v1/webhooks").await.ok(200),
        json!({"webhooks": []})
    );
}

#[tokio::test]
async fn what_the_configuration_made_only_the_configuration_changes() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (url, mut arrivals) = sink().await;
    let world = World::with(|config| {
        allow_loopback(config);
        config.webhooks.endpoints = vec![EndpointConfig {
            id: "billing".parse().unwrap(),
            url,
            types: Vec::new(),
            buckets: Vec::new(),
            secret: Secret::new(SECRET),
            secret_file: String::new(),
            previous_secret: None,
        }];
    })
    .await;
    world.user("alice").upload("a.txt", b"12345").await;
    let event = checked(&arrivals.recv().await.unwrap(), SECRET);
    assert_eq!(event["type"], "upload.completed");
    let admin = world.admin();
    let problem = admin
        .patch("/v1/webhooks/billing", &json!({"enabled": false}))
        .await;
    let problem = problem.problem(409, "conflict");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("[[webhooks.endpoints]]")
    );
    let look = admin.get("/v1/webhooks/billing").await;
    assert!(!look.text().contains("whsec_"), "{}", look.text());
    assert_eq!(look.ok(200)["origin"], "config");
}
