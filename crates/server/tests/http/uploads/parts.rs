//! `POST /v1/uploads/{id}/parts`: multipart uploads from end to end.

use serde_json::{Value, json};

use crate::world::{MIB, World, crc64nvme, id, noise};

fn part<'a>(bytes: &'a [u8], part: &Value) -> &'a [u8] {
    let number = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
    &bytes[number("offset")..number("offset") + number("size")]
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story from create to download")]
async fn a_large_file_goes_in_parts_and_can_be_resumed() {
    let world = World::start().await;
    let (alice, bytes) = (world.user("alice"), noise(11 * MIB));
    let body = json!({
        "filename": "large.bin", "content_type": "application/octet-stream", "size": bytes.len(),
        "checksum": crc64nvme(&bytes),
    });
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    let path = format!("/v1/uploads/{}", id(&upload));
    assert_eq!(
        (&upload["strategy"], &upload["part_count"]),
        (&json!("multipart"), &json!(3))
    );
    assert_eq!(upload["part_size"], 5 * MIB);
    assert!(upload.get("request").is_none());
    let parts = upload["parts"].as_array().unwrap();
    for index in [2, 0] {
        let stored = world
            .send(
                &parts[index]["request"],
                part(&bytes, &parts[index]).to_vec(),
            )
            .await;
        assert_eq!(stored.status, 200, "{}", stored.text());
    }
    alice
        .complete(&upload)
        .await
        .problem(409, "upload_incomplete");

    let seen = alice.get(&path).await.ok(200);
    let numbers: Vec<_> = seen["uploaded_parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["part_number"])
        .collect();
    assert_eq!(numbers, [&json!(1), &json!(3)]);
    let signed = alice
        .post(&format!("{path}/parts"), &json!({"part_numbers": [2]}))
        .await
        .ok(200);
    let missing = &signed["parts"][0];
    assert_eq!(
        (&missing["part_number"], &missing["offset"]),
        (&json!(2), &json!(5 * MIB))
    );
    assert_eq!(
        world
            .send(&missing["request"], part(&bytes, missing).to_vec())
            .await
            .status,
        200
    );

    let file = alice.complete(&upload).await.ok(200);
    assert_eq!(
        (&file["integrity"], &file["checksum"]),
        (&json!("checksum"), &crc64nvme(&bytes))
    );
    assert!(alice.bytes(&file).await == bytes);
    assert_ne!(
        world
            .send(&missing["request"], part(&bytes, missing).to_vec())
            .await
            .status,
        200
    );
    alice
        .post(&format!("{path}/parts"), &json!({"part_numbers": [1]}))
        .await
        .problem(409, "conflict");
}

#[tokio::test]
async fn parts_outside_the_plan_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body =
        json!({"filename": "large", "content_type": "application/octet-stream", "size": 11 * MIB});
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    let path = format!("/v1/uploads/{}/parts", id(&upload));
    for body in [
        json!({"part_numbers": [4]}),
        json!({"part_numbers": [0]}),
        json!({"part_numbers": [10_001]}),
        json!({"part_numbers": []}),
        json!({"part_numbers": "1"}),
        json!({"part_numbers": [1], "checksums": {"x": {"algorithm": "crc32c", "value": "AAAAAA=="}}}),
    ] {
        let reply = alice.post(&path, &body).await;
        reply.problem(422, "invalid_request");
    }
}

#[tokio::test]
async fn the_request_of_a_small_upload_is_signed_again_as_its_only_part() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("small", b"abc").await;
    let path = format!("/v1/uploads/{}/parts", id(&upload));
    let signed = alice
        .post(&path, &json!({"part_numbers": [1]}))
        .await
        .ok(200);
    assert_eq!(
        world
            .send(&signed["parts"][0]["request"], "abc")
            .await
            .status,
        200
    );
    alice
        .post(&path, &json!({"part_numbers": [2]}))
        .await
        .problem(422, "invalid_request");
    alice.complete(&upload).await.ok(200);
}

#[tokio::test]
async fn a04_a_part_of_another_length_is_refused_by_storage() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body =
        json!({"filename": "large", "content_type": "application/octet-stream", "size": 6 * MIB});
    let upload = alice.post("/v1/uploads", &body).await.ok(201);
    let second = &upload["parts"][1]["request"];
    assert_eq!(world.send(second, noise(MIB + 1)).await.status, 403);
    assert_eq!(world.send(second, noise(MIB)).await.status, 200);
}
