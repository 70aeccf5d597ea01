//! `POST /v1/uploads/batch` and `POST /v1/uploads/complete`

use serde_json::{Value, json};

use crate::world::{World, id};

#[tokio::test]
async fn each_of_a_batch_has_a_result_of_its_own() {
    let world = World::start().await;
    let alice = world.user("alice");
    let create = |name: &str, size: u64| json!({"filename": name, "content_type": "text/plain", "size": size});
    let uploads = json!({"uploads": [create("a", 1), create("b", u64::MAX), create("c", 1)]});
    let results = alice.post("/v1/uploads/batch", &uploads).await.ok(200)["results"].clone();
    let statuses: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| &result["status"])
        .collect();
    assert_eq!(statuses, [&json!(201), &json!(413), &json!(201)]);
    assert_eq!(results[1]["problem"]["code"], "file_too_large");
    let made: Vec<&Value> = [0, 2].map(|index| &results[index]["upload"]).to_vec();
    world.send(&made[0]["request"], "x").await;
    let ids = json!({"ids": [id(made[1]), id(made[0]), "nonsense"]});
    let results = alice.post("/v1/uploads/complete", &ids).await.ok(200)["results"].clone();
    assert_eq!(
        (&results[0]["status"], &results[0]["problem"]["code"]),
        (&json!(409), &json!("upload_incomplete"))
    );
    assert_eq!(
        (&results[1]["status"], &results[1]["file"]["id"]),
        (&json!(200), &made[0]["id"])
    );
    assert_eq!(results[2]["status"], 404);
    for (index, id) in ids["ids"].as_array().unwrap().iter().enumerate() {
        assert_eq!(&results[index]["id"], id);
    }
}

#[tokio::test]
async fn a_batch_with_a_malformed_item_is_refused_as_a_whole() {
    let world = World::start().await;
    let alice = world.user("alice");
    let uploads = json!({"uploads": [
        {"filename": "a", "content_type": "text/plain", "size": 1},
        {"filename": "b", "content_type": "text/plain", "size": "1"},
    ]});
    let problem = alice
        .post("/v1/uploads/batch", &uploads)
        .await
        .problem(422, "invalid_request");
    assert_eq!(problem["field"], "uploads[1].size");
}
