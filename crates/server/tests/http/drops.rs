//! Drop links: strangers send files into one folder, as many and as large as may be, and see nothing of it.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Reply, User, World, id};

const BROWSER: (&str, &str) = ("accept", "text/html,*/*;q=0.8");

async fn made(world: &World, wish: Value) -> Value {
    world.user("alice").post("/v1/drops", &wish).await.ok(201)
}

fn path(drop: &Value) -> String {
    let url = drop["url"].as_str().unwrap();
    url[url.find("/d/").unwrap()..].to_owned()
}

/// What `curl -LT` does: a PUT here, and then the same bytes where the answer leads.
async fn send(world: &World, drop: &Value, name: &str, bytes: &'static [u8]) -> Reply {
    let to = format!("{}/{name}", path(drop));
    let nobody = world.nobody();
    let reply = nobody.request(Method::PUT, &to, &[], bytes).await;
    if reply.status == 307 {
        let url = reply.header("location");
        let put = world.client.put(url).body(bytes);
        let stored = Reply::of(put).await;
        assert_eq!(stored.status, 200, "{}", stored.text());
    }
    reply
}

/// Whoever has a drop link, as its page acts.
async fn stranger<'w>(world: &'w World, drop: &Value) -> User<'w> {
    let ticket = path(drop);
    let nobody = world.nobody();
    let ticket = nobody
        .request(Method::POST, &ticket, &[], Bytes::new())
        .await;
    let token = ticket.ok(200)["token"].as_str().unwrap().to_owned();
    User { world, token }
}

#[tokio::test]
async fn a_stranger_sends_files_by_page_and_by_curl_and_the_maker_has_them() {
    let world = World::start().await;
    let drop = made(&world, json!({"path": "from/bob", "name": "Photos <3"})).await;
    let page = world
        .nobody()
        .request(Method::GET, &path(&drop), &[BROWSER], "")
        .await;
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(
        text.contains("<h1>Photos &lt;3</h1>") && text.contains("<path fill=\"#000\""),
        "a6: {text}"
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("script-src 'self'; style-src 'sha256-"),
        "{policy}"
    );
    let script = world.nobody().get("/d/page.js").await;
    assert!(script.header("content-type").starts_with("text/javascript"));

    let bob = stranger(&world, &drop).await;
    let file = bob.upload("page.txt", b"by page").await;
    assert_eq!(
        (&file["owner"], &file["path"]),
        (&json!("alice"), &json!("from/bob"))
    );
    bob.get("/v1/files").await.problem(403, "forbidden");
    bob.post("/v1/drops", &json!({}))
        .await
        .problem(403, "forbidden");

    let sent = send(&world, &drop, "by%20curl.txt", b"by curl").await;
    let alice = world.user("alice");
    // Whoever reads it first completes it.
    let there = sent
        .header("location")
        .split("/quarantine/")
        .nth(1)
        .unwrap();
    let there = format!("/v1/files/{}", there.split('?').next().unwrap());
    let file = alice.get(&there).await.ok(200);
    assert_eq!(
        (&file["filename"], &file["path"]),
        (&json!("by curl.txt"), &json!("from/bob"))
    );
    assert_eq!(file["content_type"], "text/plain");
    assert_eq!(&alice.bytes(&file).await[..], b"by curl");
    let seen = alice.get(&format!("/v1/drops/{}", id(&drop))).await.ok(200);
    assert_eq!((&seen["files"], &seen["bytes"]), (&json!(2), &json!(14)));
    assert_eq!(seen["url"], drop["url"]);
}

#[tokio::test]
async fn limits_hold_whoever_comes_at_once() {
    let world = World::start().await;
    let drop = made(
        &world,
        json!({"max_files": 3, "max_size": 4, "content_types": ["text/*"]}),
    )
    .await;
    let bob = stranger(&world, &drop).await;
    send(&world, &drop, "large.txt", b"12345")
        .await
        .problem(413, "file_too_large");
    send(&world, &drop, "a.png", b"1")
        .await
        .problem(422, "content_type_not_allowed");
    let sent = (0..20).map(|_| send(&world, &drop, "a.txt", b"1"));
    let replies = futures_util::future::join_all(sent).await;
    let good = replies.iter().filter(|reply| reply.status == 307).count();
    assert_eq!(good, 3, "a42");
    assert!(
        replies
            .iter()
            .all(|reply| [307, 410, 413].contains(&reply.status))
    );
    let wish = json!({"filename": "a.txt", "content_type": "text/plain", "size": 1});
    bob.post("/v1/uploads", &wish)
        .await
        .problem(413, "quota_exceeded");
    let page = world
        .nobody()
        .request(Method::GET, &path(&drop), &[BROWSER], "")
        .await;
    assert!(
        page.status == 410 && page.text().contains("as many files"),
        "{}",
        page.text()
    );

    let drop = made(&world, json!({"max_bytes": 10})).await;
    let sent = (0..20).map(|_| send(&world, &drop, "a.txt", b"123"));
    let replies = futures_util::future::join_all(sent).await;
    let good = replies.iter().filter(|reply| reply.status == 307).count();
    assert_eq!(good, 3, "nine of ten bytes");
}

#[tokio::test]
async fn what_is_over_or_none_is_told_and_a_revoked_one_ends_at_once() {
    let world = World::start().await;
    let drop = made(&world, json!({})).await;
    let bob = stranger(&world, &drop).await;
    let (alice, one) = (world.user("alice"), format!("/v1/drops/{}", id(&drop)));
    world
        .user("mallory")
        .delete(&one)
        .await
        .problem(404, "not_found");
    assert_eq!(alice.delete(&one).await.status, 204);
    let wish = json!({"filename": "a.txt", "content_type": "text/plain", "size": 1});
    bob.post("/v1/uploads", &wish)
        .await
        .problem(401, "unauthenticated");
    send(&world, &drop, "a.txt", b"1")
        .await
        .problem(410, "link_over");
    let unknown = json!({"url": "/d/AAAA"});
    for (drop, status, code) in [(&drop, 410, "link_over"), (&unknown, 404, "not_found")] {
        let nobody = world.nobody();
        nobody.get(&path(drop)).await.problem(status, code);
        let page = nobody
            .request(Method::GET, &path(drop), &[BROWSER], "")
            .await;
        assert!(page.status == status && page.text().contains("<h1>"));
    }
    let svg = alice.get(&format!("{one}/qr.svg")).await;
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    let chunked =
        reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("1")]));
    let drop = made(&world, json!({})).await;
    let url = format!("{}{}/a.txt", world.urls.api, path(&drop));
    let reply = Reply::of(world.client.put(url).body(chunked)).await;
    reply.problem(422, "invalid_request");
    for (field, value) in [
        ("max_files", json!(0)),
        ("max_size", json!(0)),
        ("max_bytes", json!(0)),
        ("expires_in", json!(0)),
        ("content_types", json!(["text"])),
        ("name", json!("x".repeat(101))),
    ] {
        let problem = alice.post("/v1/drops", &json!({field: value})).await;
        assert_eq!(problem.problem(422, "invalid_request")["field"], field);
    }
}
