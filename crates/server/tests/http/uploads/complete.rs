//! `POST /v1/uploads/{id}/complete`

use reqwest::Method;
use serde_json::json;

use crate::world::{World, crc64nvme, id};

#[tokio::test]
async fn completing_before_the_bytes_came_says_what_is_missing_and_can_be_mended() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    alice
        .complete(&upload)
        .await
        .problem(409, "upload_incomplete");
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    let file = alice.complete(&upload).await.ok(200);
    assert_eq!(
        (&file["id"], &file["integrity"]),
        (&upload["id"], &json!("size"))
    );
    assert_eq!(alice.bytes(&file).await, "abc");
}

#[tokio::test]
async fn completing_twice_completes_once() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    let again = alice.complete(&file).await.ok(200);
    assert_eq!(again, file);
    let (one, other) = tokio::join!(alice.complete(&file), alice.complete(&file));
    assert_eq!((one.ok(200), other.ok(200)), (file.clone(), file));
}

#[tokio::test]
async fn an_upload_url_is_of_no_use_after_completion() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    assert_eq!(
        world.send(&upload["request"], "xyz").await.status,
        412,
        "before completion"
    );
    let file = alice.complete(&upload).await.ok(200);
    assert_eq!(
        world.send(&upload["request"], "xyz").await.status,
        412,
        "after completion"
    );
    assert_eq!(alice.bytes(&file).await, "abc");
    assert_eq!(alice.complete(&upload).await.ok(200)["etag"], file["etag"]);
}

#[tokio::test]
async fn a_checksum_is_checked_whenever_it_is_declared() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body = json!({"filename": "a", "content_type": "text/plain", "size": 3, "checksum": crc64nvme(b"abc")});
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    assert_eq!(
        world.send(&upload["request"], "xyz").await.status,
        400,
        "storage refuses other bytes"
    );
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    let file = alice.complete(&upload).await.ok(200);
    assert_eq!(
        (&file["integrity"], &file["checksum"]),
        (&json!("checksum"), &crc64nvme(b"abc"))
    );

    let upload = alice.create("b.txt", b"abc").await;
    world.send(&upload["request"], "abc").await;
    let path = format!("/v1/uploads/{}/complete", id(&upload));
    let late = alice
        .post(&path, &json!({"checksum": crc64nvme(b"xyz")}))
        .await;
    late.problem(409, "checksum_mismatch");
    alice
        .get(&format!("/v1/files/{}", id(&upload)))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("empty", b"").await;
    assert_eq!(file["size"], 0);
    assert_eq!(alice.bytes(&file).await, "");
}

#[tokio::test]
async fn a15_part_lists_of_other_protocols_and_no_body_at_all_are_taken() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    world.send(&upload["request"], "abc").await;
    let path = format!("/v1/uploads/{}/complete", id(&upload));
    alice
        .post(&path, &json!({"parts": [{"PartNumber": 1, "ETag": "x"}]}))
        .await
        .ok(200);
    alice.request(Method::POST, &path, &[], "").await.ok(200);
    alice
        .post(&path, &json!({"checksum": 5}))
        .await
        .problem(422, "invalid_request");
}
