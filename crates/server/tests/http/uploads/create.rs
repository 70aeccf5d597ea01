//! `POST /v1/uploads` and `GET /v1/uploads/{id}`

use reqwest::Method;
use serde_json::json;

use crate::world::{World, crc64nvme, id};

#[tokio::test]
async fn an_upload_says_where_it_is_and_how_its_bytes_travel() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body = json!({"filename": "photo 1.jpg", "content_type": "image/jpeg", "size": 3, "checksum": crc64nvme(b"abc")});
    let reply = alice.post("/v1/uploads", &body).await;
    let upload = reply.ok(201);
    assert_eq!(
        reply.header("location"),
        format!("/v1/uploads/{}", id(&upload))
    );
    assert_eq!(
        (&upload["state"], &upload["strategy"]),
        (&json!("pending"), &json!("single"))
    );
    assert_eq!(
        upload["key"],
        format!("files/alice/{}/photo_1.jpg", id(&upload))
    );
    assert_eq!(upload["checksum_algorithm"], "crc64nvme");
    let request = &upload["request"];
    assert_eq!(request["method"], "PUT");
    assert_eq!(request["headers"]["if-none-match"], "*");
    assert_eq!(request["headers"]["content-type"], "image/jpeg");
    assert_eq!(
        request["headers"]["x-amz-checksum-crc64nvme"],
        crc64nvme(b"abc")["value"]
    );
    assert!(
        request["headers"].get("host").is_none()
            && request["headers"].get("content-length").is_none()
    );
    assert!(
        request["url"]
            .as_str()
            .unwrap()
            .starts_with(world.urls.store.as_ref().unwrap())
    );
    let seen = alice
        .get(&format!("/v1/uploads/{}", id(&upload)))
        .await
        .ok(200);
    assert_eq!(
        (&seen["id"], &seen["state"]),
        (&upload["id"], &json!("pending"))
    );
}

#[tokio::test]
async fn an_upload_is_no_file_until_it_was_verified_which_the_first_to_read_it_sees_to() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    let file = format!("/v1/files/{}", id(&upload));
    let download = format!("{file}/download");
    alice.get(&file).await.problem(404, "not_found");
    alice
        .post(&download, &json!({}))
        .await
        .problem(404, "not_found");
    world.send(&upload["request"], "abc").await;
    assert_eq!(alice.get("/v1/files").await.ok(200), json!({"files": []}));
    let read = alice.get(&file).await.ok(200);
    assert_eq!(read["integrity"], "size");
    alice.post(&download, &json!({})).await.ok(200);
    let listed = alice.get("/v1/files").await.ok(200);
    assert_eq!(listed["files"][0]["id"], read["id"]);
}

#[tokio::test]
async fn rules_of_the_bucket_are_told() {
    let world = World::with(|config| {
        let rules = &mut config.buckets.get_mut("files").unwrap().rules;
        rules.content_types = vec!["image/*".to_owned()];
        rules.max_size = 10;
        rules.checksum_required = true;
    })
    .await;
    let alice = world.user("alice");
    let create = |content_type: &str, size: u64| json!({"filename": "a", "content_type": content_type, "size": size});
    let problem = alice
        .post("/v1/uploads", &create("image/png", 11))
        .await
        .problem(413, "file_too_large");
    assert_eq!(problem["limit"], 10);
    alice
        .post("/v1/uploads", &create("text/html", 1))
        .await
        .problem(422, "content_type_not_allowed");
}

#[tokio::test]
async fn an_idempotency_key_gets_the_same_answer_and_a_different_request_does_not() {
    let world = World::start().await;
    let alice = world.user("alice");
    let create = async |keys: &[&str], size: u64| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| ("idempotency-key", *key)));
        let body = json!({"filename": "a.txt", "content_type": "text/plain", "size": size});
        let path = "/v1/uploads";
        alice
            .request(Method::POST, path, &headers, body.to_string())
            .await
    };
    let first = create(&["key-1"], 3).await;
    let again = create(&["key-1"], 3).await;
    assert_eq!(
        (first.ok(201), first.header("location")),
        (again.ok(201), again.header("location"))
    );
    create(&["key-1"], 4)
        .await
        .problem(422, "idempotency_mismatch");
    for wrong in [&["a b"][..], &["\u{e9}"], &["key-2", "key-3"]] {
        let problem = create(wrong, 3).await.problem(422, "invalid_request");
        assert_eq!(problem["field"], "Idempotency-Key");
    }
}
