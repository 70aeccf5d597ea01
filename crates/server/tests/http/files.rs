//! `/v1/files`

use serde_json::json;

use crate::world::{World, id};

#[tokio::test]
async fn files_are_listed_page_by_page() {
    let world = World::start().await;
    let alice = world.user("alice");
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        made.push(alice.upload(name, name.as_bytes()).await["id"].clone());
    }
    let (mut seen, mut query) = (Vec::new(), "order=oldest&limit=2".to_owned());
    loop {
        let page = alice.get(&format!("/v1/files?{query}")).await.ok(200);
        seen.extend(
            page["files"]
                .as_array()
                .unwrap()
                .iter()
                .map(|file| file["id"].clone()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("order=oldest&limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, made);
    let newest = alice.get("/v1/files").await.ok(200);
    assert_eq!(newest["files"][0]["id"], made[2]);
}

#[tokio::test]
async fn a_list_can_be_narrowed() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    alice
        .patch(
            &format!("/v1/files/{}", id(&file)),
            &json!({"path": "photos/2026"}),
        )
        .await
        .ok(200);
    alice.upload("b.txt", b"abc").await;
    for (query, count) in [
        ("path=photos/2026", 1),
        ("path=photos", 0),
        ("path=", 1),
        ("content_type=text/plain", 2),
        ("content_type=image/*", 0),
        ("bucket=files", 2),
    ] {
        let page = alice.get(&format!("/v1/files?{query}")).await.ok(200);
        assert_eq!(page["files"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_file_can_be_changed_by_a_merge_patch() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("a.txt", b"abc").await;
    let path = format!("/v1/files/{}", id(&file));
    let patch = json!({"filename": "b.txt", "path": "x/y", "metadata": {"a": "1", "b": "2"}, "retain_for": 600});
    let changed = alice.patch(&path, &patch).await.ok(200);
    assert_eq!(
        (&changed["filename"], &changed["path"]),
        (&json!("b.txt"), &json!("x/y"))
    );
    assert!(changed["expires_at"].is_string());
    let patch = json!({"path": null, "metadata": {"a": null}, "retain_for": null});
    let changed = alice.patch(&path, &patch).await.ok(200);
    assert_eq!(
        (&changed["path"], &changed["metadata"]),
        (&json!(""), &json!({"b": "2"}))
    );
    assert!(changed.get("expires_at").is_none());
    assert_eq!(alice.get(&path).await.ok(200), changed);
    alice
        .patch(&path, &json!({"size": 1}))
        .await
        .problem(422, "unknown_field");
    alice
        .patch(&path, &json!({"filename": null}))
        .await
        .problem(422, "invalid_request");
}

#[tokio::test]
async fn a_deleted_file_is_gone_and_stays_so() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    let file = alice.complete(&upload).await.ok(200);
    let path = format!("/v1/files/{}", id(&file));
    let download = alice
        .post(&format!("{path}/download"), &json!({}))
        .await
        .ok(200);
    let deleted = alice.delete(&path).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    alice.get(&path).await.problem(404, "not_found");
    alice
        .post(&format!("{path}/download"), &json!({}))
        .await
        .problem(404, "not_found");
    assert_eq!(world.fetch(&download["url"]).await.status, 404);
    // The upload URL is still good for a while, and of no use.
    let replayed = world.send(&upload["request"], "abc").await;
    assert_eq!(replayed.status, 412, "{}", replayed.text());
    assert_ne!(alice.complete(&upload).await.status, 200);
    assert_eq!(alice.get("/v1/files").await.ok(200), json!({"files": []}));
}
