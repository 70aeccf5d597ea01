//! `/v1/usage` and `/v1/sweep`

use serde_json::json;

use crate::world::{World, id};

#[tokio::test]
async fn usage_follows_uploads_and_files() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a", b"12345").await;
    alice.create("b", b"1234567").await;
    let usage = alice.get("/v1/usage").await.ok(200);
    let mine = &usage["buckets"][0];
    assert_eq!(mine["bucket"], "files");
    assert_eq!(
        (&mine["files"], &mine["stored_bytes"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(
        (&mine["open_uploads"], &mine["reserved_bytes"]),
        (&json!(1), &json!(7))
    );
    assert!(mine.get("everybody").is_none() && mine.get("quota").is_none());
    let deleted = alice.delete(&format!("/v1/files/{}", id(&file))).await;
    assert_eq!(deleted.status, 204);
    let usage = alice.get("/v1/usage").await.ok(200);
    assert_eq!(usage["buckets"][0]["stored_bytes"], 0);
    let all = world.admin().get("/v1/usage").await.ok(200);
    assert_eq!(all["buckets"][0]["everybody"]["reserved_bytes"], 7);
}

#[tokio::test]
async fn a_sweep_is_for_administrators_and_walks_to_its_end() {
    let world = World::start().await;
    world.user("alice").upload("a", b"12345").await;
    let refused = world.user("alice").post("/v1/sweep", &json!({})).await;
    refused.problem(403, "forbidden");
    let admin = world.admin();
    let (mut looked_at, mut body) = (0, json!({"dry_run": true}));
    loop {
        let swept = admin.post("/v1/sweep", &body).await.ok(200);
        assert_eq!(swept["findings"], json!([]));
        looked_at += swept["looked_at"].as_u64().unwrap();
        if swept["next_cursor"].is_null() {
            break;
        }
        body["cursor"] = swept["next_cursor"].clone();
    }
    // As an object, in quarantine, and as a file.
    assert_eq!(looked_at, 3);
    let wrong = admin.post("/v1/sweep", &json!({"cursor": "x"})).await;
    wrong.problem(400, "malformed_request");
}
