//! Two users never see each other's files, nor whether they exist.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, id};

const NOBODYS: &str = "01936f3e-8b7a-7c3d-9e4f-0123456789ab";

#[tokio::test]
async fn a22_absent_malformed_and_foreign_get_one_answer() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let file = alice.upload("secret.txt", b"alice's").await;
    let open = alice.create("open.txt", b"abc").await;
    for (method, path, body) in [
        (Method::GET, "/v1/uploads/{}", Value::Null),
        (Method::DELETE, "/v1/uploads/{}", Value::Null),
        (Method::POST, "/v1/uploads/{}/complete", json!({})),
        (
            Method::POST,
            "/v1/uploads/{}/parts",
            json!({"part_numbers": [1]}),
        ),
        (Method::GET, "/v1/files/{}", Value::Null),
        (
            Method::PATCH,
            "/v1/files/{}",
            json!({"filename": "mine.txt"}),
        ),
        (Method::DELETE, "/v1/files/{}", Value::Null),
        (Method::POST, "/v1/files/{}/download", json!({})),
        (Method::GET, "/v1/files/{}/content", Value::Null),
    ] {
        let mut answers = Vec::new();
        for id in [id(&file), id(&open), NOBODYS, "malformed"] {
            let headers = [
                ("content-type", "application/json"),
                ("x-request-id", "the-same-id"),
            ];
            let body = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let reply = bob
                .request(method.clone(), &path.replace("{}", id), &headers, body)
                .await;
            reply.problem(404, "not_found");
            answers.push(reply.text());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{path}: {answers:#?}");
    }
    assert_eq!(alice.bytes(&file).await, "alice's");
    assert_eq!(
        alice
            .get(&format!("/v1/uploads/{}", id(&open)))
            .await
            .ok(200)["state"],
        "pending"
    );
}

#[tokio::test]
async fn a22_lists_and_batches_hold_ones_own_only() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let file = alice.upload("secret.txt", b"alice's").await;
    let own = bob.upload("own.txt", b"bob's").await;
    let list = bob.get("/v1/files").await.ok(200);
    assert_eq!(list["files"].as_array().unwrap().len(), 1);
    assert_eq!(list["files"][0]["id"], own["id"]);
    let ids = json!({"ids": [id(&file), NOBODYS, "malformed", id(&own)]});
    for path in ["/v1/downloads/batch", "/v1/uploads/complete"] {
        let results = bob.post(path, &ids).await.ok(200)["results"].clone();
        for index in 0..3 {
            assert_eq!(results[index]["status"], 404, "{path}");
            assert_eq!(results[index]["problem"], results[1]["problem"], "{path}");
        }
        assert_eq!(results[3]["status"], 200, "{path}");
    }
}

#[tokio::test]
async fn a22_a_cursor_of_one_user_is_of_no_use_to_another() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    for name in ["a", "b"] {
        alice.upload(name, b"x").await;
    }
    let page = alice.get("/v1/files?limit=1").await.ok(200);
    let path = format!(
        "/v1/files?limit=1&cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    alice.get(&path).await.ok(200);
    bob.get(&path).await.problem(400, "malformed_request");
}

#[tokio::test]
async fn an_administrator_sees_everything() {
    let world = World::start().await;
    let file = world.user("alice").upload("a.txt", b"abc").await;
    let claims = crate::world::claims(json!({"sub": "root", "roles": ["admin"]}));
    let root = crate::world::User {
        world: &world,
        token: crate::world::sign(&claims),
    };
    let seen = root
        .request(
            Method::GET,
            &format!("/v1/files/{}", id(&file)),
            &[],
            Bytes::new(),
        )
        .await;
    assert_eq!(seen.ok(200)["owner"], "alice");
}
