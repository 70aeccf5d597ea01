//! `DELETE /v1/uploads/{id}`

use serde_json::json;

use crate::world::{MIB, World, id, noise};

#[tokio::test]
async fn an_aborted_upload_takes_nothing_any_more() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    let path = format!("/v1/uploads/{}", id(&upload));
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_eq!(alice.delete(&path).await.status, 204, "it can be repeated");
    assert_eq!(alice.get(&path).await.ok(200)["state"], "aborted");
    alice.complete(&upload).await.problem(409, "conflict");
    world.send(&upload["request"], "abc").await;
    alice.complete(&upload).await.problem(409, "conflict");
    assert_eq!(alice.get("/v1/files").await.ok(200), json!({"files": []}));
}

#[tokio::test]
async fn an_aborted_multipart_upload_loses_its_parts() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body =
        json!({"filename": "large", "content_type": "application/octet-stream", "size": 6 * MIB});
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    let first = &upload["parts"][0]["request"];
    assert_eq!(world.send(first, noise(5 * MIB)).await.status, 200);
    assert_eq!(
        alice
            .delete(&format!("/v1/uploads/{}", id(&upload)))
            .await
            .status,
        204
    );
    assert_eq!(world.send(first, noise(5 * MIB)).await.status, 404);
}

#[tokio::test]
async fn what_is_a_file_by_now_cannot_be_aborted() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    alice
        .delete(&format!("/v1/uploads/{}", id(&file)))
        .await
        .problem(409, "conflict");
    assert_eq!(alice.bytes(&file).await, "abc");
}
