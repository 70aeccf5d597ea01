//! Every kind of nonsense: each a problem that says what to do, never a 5xx, and nothing left behind.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{MIB, World, address, id};

fn create(changes: Value) -> Value {
    let mut body = json!({"filename": "a.txt", "content_type": "text/plain", "size": 3});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
async fn wrong_fields_are_named() {
    let world = World::start().await;
    let alice = world.user("alice");
    let long = "x".repeat(256);
    let cases = [
        (json!({"size": -1}), 422, "invalid_request", "size"),
        (json!({"size": 1.5}), 422, "invalid_request", "size"),
        (json!({"size": "5"}), 422, "invalid_request", "size"),
        (json!({"size": null}), 422, "invalid_request", "size"),
        (json!({"size": true}), 422, "invalid_request", "size"),
        (json!({"size": 1e20}), 422, "invalid_request", "size"),
        (json!({"filename": 5}), 422, "invalid_request", "filename"),
        (json!({"filename": ""}), 422, "invalid_request", "filename"),
        (
            json!({"filename": "a\u{0}b"}),
            422,
            "invalid_request",
            "filename",
        ),
        (
            json!({"filename": "../etc/passwd"}),
            422,
            "invalid_request",
            "filename",
        ),
        (
            json!({"filename": long}),
            422,
            "invalid_request",
            "filename",
        ),
        (
            json!({"content_type": "image"}),
            422,
            "invalid_request",
            "content_type",
        ),
        (
            json!({"content_type": "a/b\r\nx: y"}),
            422,
            "invalid_request",
            "content_type",
        ),
        (
            json!({"bucket": "nowhere"}),
            422,
            "invalid_request",
            "bucket",
        ),
        (json!({"bucket": 5}), 422, "invalid_request", "bucket"),
        (json!({"path": "../x"}), 422, "invalid_request", "path"),
        (
            json!({"expires_in": 0}),
            422,
            "invalid_request",
            "expires_in",
        ),
        (
            json!({"expires_in": 999_999}),
            422,
            "invalid_request",
            "expires_in",
        ),
        (
            json!({"metadata": {"A": "x"}}),
            422,
            "invalid_request",
            "metadata",
        ),
        (
            json!({"metadata": {"a": "x".repeat(3000)}}),
            422,
            "invalid_request",
            "metadata",
        ),
        (
            json!({"checksum": {"algorithm": "md5", "value": ""}}),
            422,
            "invalid_request",
            "checksum.algorithm",
        ),
        (
            json!({"checksum": {"algorithm": "sha256", "value": "AA=="}}),
            422,
            "invalid_request",
            "checksum",
        ),
        (json!({"key": "uploads/bob/x"}), 422, "unknown_field", "key"),
        (json!({"owner": "bob"}), 422, "unknown_field", "owner"),
        (json!({"state": "available"}), 422, "unknown_field", "state"),
    ];
    for (changes, status, code, field) in cases {
        let problem = alice
            .post("/v1/uploads", &create(changes.clone()))
            .await
            .problem(status, code);
        assert_eq!(problem["field"], field, "{changes}: {problem}");
    }
    let over = json!({"size": 9_223_372_036_854_775_808_u64});
    let problem = alice
        .post("/v1/uploads", &create(over))
        .await
        .problem(413, "file_too_large");
    assert!(problem["limit"].is_u64(), "{problem}");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_malformed() {
    let world = World::start().await;
    let alice = world.user("alice");
    let deep = format!(
        r#"{{"size":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for body in [
        &b""[..],
        b"{",
        b"{\"filename\":\"\xff\"}",
        b"{\"size\":1,\"size\":2}",
        b"\xef\xbb\xbf{}",
        deep.as_bytes(),
    ] {
        let body = Bytes::copy_from_slice(body);
        alice
            .json(Method::POST, "/v1/uploads", body)
            .await
            .problem(400, "malformed_request");
    }
    let twice = r#"{"parts":[],"parts":[]}"#;
    let upload = alice.create("a.txt", b"abc").await;
    let path = format!("/v1/uploads/{}/complete", id(&upload));
    alice
        .json(Method::POST, &path, twice)
        .await
        .problem(400, "malformed_request");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::start().await;
    let (alice, body) = (world.user("alice"), create(json!({})).to_string());
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
    ] {
        let reply = alice
            .request(Method::POST, "/v1/uploads", headers, body.clone())
            .await;
        reply.problem(415, "content_type_unsupported");
    }
    let headers = [("content-type", "application/json; charset=utf-8")];
    alice
        .request(Method::POST, "/v1/uploads", &headers, body)
        .await
        .ok(201);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body = create(json!({"path": "x".repeat(10 * MIB)})).to_string();
    let problem = alice
        .json(Method::POST, "/v1/uploads", body)
        .await
        .problem(413, "body_too_large");
    assert_eq!(problem["limit"], MIB);
    // One that does not say how long it is, and never ends, is answered all the same.
    let mut stream = TcpStream::connect(address(&world.urls.api)).await.unwrap();
    let head = format!(
        "POST /v1/uploads HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        alice.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a10_ids_that_are_none_are_not_found() {
    let world = World::start().await;
    let alice = world.user("alice");
    for id in [
        "x",
        "%00",
        "%ff",
        "..%2f..",
        "01936F3E-8B7A-7C3D-9E4F-0123456789AB",
        "01936f3e-8b7a-4c3d-9e4f-0123456789ab",
        &"9".repeat(5000),
    ] {
        for path in [format!("/v1/uploads/{id}"), format!("/v1/files/{id}")] {
            alice.get(&path).await.problem(404, "not_found");
            alice.delete(&path).await.problem(404, "not_found");
        }
        alice
            .get(&format!("/v1/files/{id}/content"))
            .await
            .problem(404, "not_found");
        alice
            .get(&format!("/c/{id}"))
            .await
            .problem(404, "not_found");
    }
}

#[tokio::test]
async fn queries_are_strict() {
    let world = World::start().await;
    let alice = world.user("alice");
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=1&limit=2",
        "order=up",
        "cursor=x",
        "page=2",
        "checksum=x",
        "path=%2Fa",
    ] {
        let reply = alice.get(&format!("/v1/files?{query}")).await;
        let refused = reply.status == 400 || reply.status == 422;
        assert!(refused, "{query}: {} {}", reply.status, reply.text());
    }
    alice
        .get("/v1/files?cursor=x")
        .await
        .problem(400, "malformed_request");
}

#[tokio::test]
async fn batches_have_a_limit() {
    let world = World::start().await;
    let alice = world.user("alice");
    let many: Vec<_> = (0..101).map(|_| create(json!({}))).collect();
    alice
        .post("/v1/uploads/batch", &json!({"uploads": many}))
        .await
        .problem(413, "batch_too_large");
    let ids: Vec<_> = (0..101).map(|_| "x").collect();
    alice
        .post("/v1/uploads/complete", &json!({"ids": ids}))
        .await
        .problem(413, "batch_too_large");
    alice
        .post("/v1/downloads/batch", &json!({"ids": ids}))
        .await
        .problem(413, "batch_too_large");
}

#[tokio::test]
async fn nonsense_leaves_nothing_behind() {
    let world = World::start().await;
    let alice = world.user("alice");
    alice
        .post("/v1/uploads", &create(json!({"size": -1})))
        .await
        .problem(422, "invalid_request");
    let upload = alice.create("a.txt", b"abc").await;
    let request = &upload["request"];
    assert_ne!(
        world.send(request, "abcd").await.status,
        200,
        "longer than it was signed for"
    );
    assert_ne!(
        world.send(request, "ab").await.status,
        200,
        "shorter than it was signed for"
    );
    let mut other_type = request.clone();
    other_type["headers"]["content-type"] = json!("text/html");
    assert_eq!(world.send(&other_type, "abc").await.status, 403);
    alice
        .complete(&upload)
        .await
        .problem(409, "upload_incomplete");
    assert_eq!(alice.get("/v1/files").await.ok(200), json!({"files": []}));
    let text = world.metrics().await;
    assert!(!text.contains("status=\"5"), "{text}");
}
