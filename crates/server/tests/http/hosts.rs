//! Three addresses, never mixed up: `endpoint` for our calls, `public_endpoint` for clients' bytes,
//! `public_url` for this service.

use reqwest::{Client, redirect};
use serde_json::json;
use valetkey_protocol::Secret;
use valetkey_server::config::{BucketConfig, Provider};

use crate::world::{World, address, id};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story with many addresses")]
async fn each_url_begins_with_the_address_it_is_meant_for() {
    let storage = World::start().await;
    let key = std::fs::read_to_string(storage.folder.path().join("store-key.json")).unwrap();
    let key: serde_json::Value = serde_json::from_str(&key).unwrap();
    let store = storage.urls.store.clone().unwrap();
    let port = address(&store).port();
    let public = format!("http://bytes.example.test:{port}");
    let mut world = World::with(|config| {
        config.public_url = "https://api.example.test/files".to_owned();
        let bucket = BucketConfig {
            provider: Provider::S3,
            bucket: "files".to_owned(),
            endpoint: store.clone(),
            public_endpoint: public.clone(),
            access_key_id: key["access_key"].as_str().unwrap().to_owned(),
            secret_access_key: Secret::new(key["secret_key"].as_str().unwrap()),
            ..BucketConfig::default()
        };
        config.buckets.insert("files".to_owned(), bucket);
    })
    .await;
    assert_eq!(
        world.urls.store, None,
        "no bucket is embedded, so no store listens"
    );
    let client = Client::builder().redirect(redirect::Policy::none());
    world.client = client
        .resolve("bytes.example.test", address(&store))
        .build()
        .unwrap();

    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    assert!(
        upload["request"]["url"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{public}/files/quarantine/"))
    );
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    let file = alice.complete(&upload).await.ok(200);
    let download = alice
        .post(&format!("/v1/files/{}/download", id(&file)), &json!({}))
        .await
        .ok(200);
    assert!(
        download["url"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{public}/files/"))
    );
    assert_eq!(world.fetch(&download["url"]).await.body, "abc");
    let content_url = download["content_url"].as_str().unwrap();
    let capability = content_url
        .strip_prefix("https://api.example.test/files/c/")
        .unwrap();
    let redirect = world.nobody().get(&format!("/c/{capability}")).await;
    assert_eq!(redirect.status, 307);
    assert!(
        redirect.header("location").starts_with(&public),
        "{}",
        redirect.header("location")
    );
}
