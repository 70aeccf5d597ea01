//! `/v1/files/{id}/download`, `/v1/files/{id}/content`, `/c/{token}` and `/v1/downloads/batch`

use serde_json::json;
use valetkey_protocol::Filename;
use valetkey_protocol::disposition::Disposition;

use crate::world::{Reply, World, id};

const NAME: &str = "my \"best\" photo; 😀.txt";

#[tokio::test]
async fn a_download_keeps_its_true_name() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload(NAME, b"abc").await;
    assert_eq!(file["filename"], NAME);
    let path = format!("/v1/files/{}/download", id(&file));
    let download = alice.post(&path, &json!({})).await.ok(200);
    let reply = world.fetch(&download["url"]).await;
    let name = Filename::parse(NAME).unwrap();
    assert_eq!(
        reply.header("content-disposition"),
        Disposition::Attachment.header_value(&name)
    );
    assert_eq!(reply.body, "abc");
    let other = json!({"filename": "other.txt", "disposition": "inline", "expires_in": 60});
    let download = alice.post(&path, &other).await.ok(200);
    let reply = world.fetch(&download["url"]).await;
    let name = Filename::parse("other.txt").unwrap();
    assert_eq!(
        reply.header("content-disposition"),
        Disposition::Inline.header_value(&name)
    );
}

#[tokio::test]
async fn a07_nothing_is_shown_that_could_run() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body = json!({"filename": "a.svg", "content_type": "image/svg+xml", "size": 5});
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    world.send(&upload["request"], "<svg>").await;
    let file = alice.complete(&upload).await.ok(200);
    let path = format!("/v1/files/{}/download", id(&file));
    let reply = alice.post(&path, &json!({"disposition": "inline"})).await;
    if reply.status == 200 {
        let reply = world.fetch(&reply.ok(200)["url"]).await;
        assert!(
            reply
                .header("content-disposition")
                .starts_with("attachment")
        );
    } else {
        assert_eq!(
            reply.problem(422, "invalid_request")["field"],
            "disposition"
        );
    }
}

#[tokio::test]
async fn content_redirects_to_storage_and_so_does_a_content_url_without_a_token() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    let path = format!("/v1/files/{}", id(&file));
    let redirect = alice.get(&format!("{path}/content")).await;
    assert_eq!((redirect.status, redirect.body.len()), (307, 0));
    assert_eq!(redirect.header("cache-control"), "no-store");
    assert_eq!(
        world.fetch(&json!(redirect.header("location"))).await.body,
        "abc"
    );

    let download = alice
        .post(&format!("{path}/download"), &json!({}))
        .await
        .ok(200);
    let content_url = download["content_url"].as_str().unwrap();
    assert!(
        content_url.starts_with(&format!("{}/c/", world.urls.api)),
        "{content_url}"
    );
    let redirect = world.fetch(&download["content_url"]).await;
    assert_eq!(redirect.status, 307);
    assert_eq!(
        world.fetch(&json!(redirect.header("location"))).await.body,
        "abc"
    );

    let forged = format!("{}x", content_url.strip_prefix(&world.urls.api).unwrap());
    world.nobody().get(&forged).await.problem(404, "not_found");
    assert_eq!(alice.delete(&path).await.status, 204);
    world
        .nobody()
        .get(content_url.strip_prefix(&world.urls.api).unwrap())
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_head_is_sent_on_as_a_head() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    let path = format!("/v1/files/{}", id(&file));
    let download = alice.post(&format!("{path}/download"), &json!({})).await;
    let content_url = download.ok(200)["content_url"].clone();
    let content = json!(format!("{}{path}/content", world.urls.api));
    for url in [content, content_url] {
        let head = world.client.head(url.as_str().unwrap());
        let redirect = Reply::of(head.bearer_auth(&alice.token)).await;
        assert_eq!(redirect.status, 307);
        let head = world.client.head(redirect.header("location"));
        let reply = Reply::of(head).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-length"), "3");
    }
}

#[tokio::test]
async fn downloads_are_counted() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    assert_eq!(file["download_count"], 0);
    alice.bytes(&file).await;
    alice.get(&format!("/v1/files/{}/content", id(&file))).await;
    let now = alice.get(&format!("/v1/files/{}", id(&file))).await.ok(200);
    assert_eq!(now["download_count"], 2);
}

#[tokio::test]
async fn a_batch_answers_in_order() {
    let world = World::start().await;
    let alice = world.user("alice");
    let (one, two) = (alice.upload("1", b"1").await, alice.upload("2", b"2").await);
    let ids = json!({"ids": [id(&two), "nonsense", id(&one)]});
    let results = alice.post("/v1/downloads/batch", &ids).await.ok(200)["results"].clone();
    assert_eq!(world.fetch(&results[0]["download"]["url"]).await.body, "2");
    assert_eq!(
        (&results[1]["status"], &results[1]["problem"]["code"]),
        (&json!(404), &json!("not_found"))
    );
    assert_eq!(world.fetch(&results[2]["download"]["url"]).await.body, "1");
}

#[tokio::test]
async fn buckets_say_what_they_take() {
    let world = World::start().await;
    let buckets = world.user("alice").get("/v1/buckets").await.ok(200)["buckets"].clone();
    assert_eq!(buckets.as_array().unwrap().len(), 1);
    assert_eq!(
        (&buckets[0]["name"], &buckets[0]["default"]),
        (&json!("files"), &json!(true))
    );
    assert_eq!(buckets[0]["checksum_algorithm"], "crc64nvme");
}
