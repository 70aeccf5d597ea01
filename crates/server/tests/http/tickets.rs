//! Upload tickets: what their holders may do, and what they may not.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{MIB, Reply, User, World, claims, id, noise, sign};

/// Somebody with a ticket of alice's.
fn holder<'w>(world: &'w World, name: &str, claim: Value) -> User<'w> {
    changed(world, name, json!({ "valetkey": claim }))
}

fn changed<'w>(world: &'w World, name: &str, changes: Value) -> User<'w> {
    let mut claims = claims(json!({"jti": name, "roles": ["admin"]}));
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let token = sign(&claims);
    User { world, token }
}

fn wish(changes: Value) -> Value {
    let mut wish = json!({"filename": "a.png", "content_type": "image/png", "size": 3});
    for (name, value) in changes.as_object().unwrap() {
        wish[name] = value.clone();
    }
    wish
}

#[tokio::test]
async fn the_holder_of_a_ticket_uploads_as_its_subject_and_where_it_says() {
    let world = World::start().await;
    let claim = json!({
        "content_types": ["image/*", "text/plain"], "max_size": 100, "max_count": 5, "path": "inbox/7",
        "metadata": {"order": "7"},
    });
    let holder = holder(&world, "t-1", claim);
    let forced = wish(json!({
        "content_type": "text/plain", "metadata": {"order": "8", "note": "mine"},
    }));
    let upload = holder.post("/v1/uploads", &forced).await.ok(201);
    holder
        .get(&format!("/v1/uploads/{}", id(&upload)))
        .await
        .ok(200);
    let stored = world.send(&upload["request"], "abc").await;
    assert_eq!(stored.status, 200, "{}", stored.text());
    let file = holder.complete(&upload).await.ok(200);
    assert_eq!(file["owner"], "alice");
    assert_eq!(file["path"], "inbox/7");
    assert_eq!(file["metadata"], json!({"order": "7", "note": "mine"}));
    // It is alice's file, and not the holder's to read.
    let path = format!("/v1/files/{}", id(&file));
    world.user("alice").get(&path).await.ok(200);
    holder.get(&path).await.problem(403, "forbidden");
    let below = wish(json!({"path": "inbox/7/deep"}));
    let below = holder.post("/v1/uploads", &below).await.ok(201);
    let path = format!("/v1/uploads/{}", id(&below));
    assert_eq!(holder.delete(&path).await.status, 204);
}

#[tokio::test]
async fn what_a_ticket_is_not_for_is_refused() {
    let world = World::with(|config| {
        let other = config.buckets["files"].clone();
        config.buckets.insert("other".to_owned(), other);
    })
    .await;
    let claim = json!({
        "bucket": "other", "content_types": ["image/png"], "max_size": 100, "path": "inbox",
    });
    let holder = holder(&world, "t-1", claim);
    for (changes, status, code) in [
        (json!({"bucket": "files"}), 403, "forbidden"),
        (
            json!({"content_type": "image/jpeg"}),
            422,
            "content_type_not_allowed",
        ),
        (json!({"size": 101}), 413, "file_too_large"),
        (json!({"path": "elsewhere"}), 403, "forbidden"),
        (json!({"path": "inbox2"}), 403, "forbidden"),
        (json!({"path": ""}), 403, "forbidden"),
    ] {
        let reply = holder.post("/v1/uploads", &wish(changes.clone())).await;
        let problem = reply.problem(status, code);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("this ticket is for"), "{changes}: {detail}");
    }
    let upload = holder
        .post("/v1/uploads", &wish(json!({"size": 100})))
        .await;
    assert_eq!(upload.ok(201)["bucket"], "other");
    // What it may do where, for checks before any request.
    let buckets = holder.get("/v1/buckets").await.ok(200);
    let [bucket] = &buckets["buckets"].as_array().unwrap()[..] else {
        panic!("{buckets}");
    };
    assert_eq!(bucket["name"], "other");
    assert_eq!(bucket["default"], true);
    assert_eq!(bucket["max_size"], 100);
    assert_eq!(bucket["content_types"], json!(["image/png"]));
}

#[tokio::test]
async fn a_ticket_opens_nothing_but_its_own_uploads() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("secret.txt", b"secret").await;
    let holder = holder(&world, "t-1", json!({}));
    // Roles count for nothing in a ticket: this one names `admin`.
    for (method, path, body) in [
        (Method::GET, "/v1/files", json!(null)),
        (Method::GET, "/v1/events", json!(null)),
        (Method::GET, "/v1/usage", json!(null)),
        (Method::GET, "/v1/webhooks", json!(null)),
        (Method::POST, "/v1/sweep", json!({"dry_run": true})),
        (
            Method::GET,
            &format!("/v1/files/{}", id(&file)),
            json!(null),
        ),
        (
            Method::GET,
            &format!("/v1/files/{}/content", id(&file)),
            json!(null),
        ),
        (
            Method::DELETE,
            &format!("/v1/files/{}", id(&file)),
            json!(null),
        ),
        (
            Method::PATCH,
            &format!("/v1/files/{}", id(&file)),
            json!({"filename": "x"}),
        ),
        (
            Method::POST,
            &format!("/v1/files/{}/download", id(&file)),
            json!({}),
        ),
    ] {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let reply = match body.is_empty() {
            true => holder.request(method, path, &[], Bytes::new()).await,
            false => holder.json(method, path, body).await,
        };
        reply.problem(403, "forbidden");
    }
    let batch = json!({"ids": [id(&file)]});
    let downloads = holder.post("/v1/downloads/batch", &batch).await.ok(200);
    assert_eq!(downloads["results"][0]["status"], 403);
}

#[tokio::test]
async fn uploads_of_the_owner_and_of_other_tickets_do_not_exist_for_its_holder() {
    let world = World::start().await;
    let alice = world.user("alice");
    let file = alice.upload("secret.txt", b"secret").await;
    let open = alice.create("open.txt", b"abc").await;
    let [holder, other] = ["t-1", "t-2"].map(|name| holder(&world, name, json!({})));
    let theirs = other.create("theirs.txt", b"abc").await;
    for upload in [&file, &open, &theirs] {
        let path = format!("/v1/uploads/{}", id(upload));
        holder.get(&path).await.problem(404, "not_found");
        holder.delete(&path).await.problem(404, "not_found");
        let parts = json!({"part_numbers": [1]});
        let reply = holder.post(&format!("{path}/parts"), &parts).await;
        reply.problem(404, "not_found");
        holder.complete(upload).await.problem(404, "not_found");
    }
    let batch = json!({"ids": [id(&open), id(&theirs)]});
    let completed = holder.post("/v1/uploads/complete", &batch).await.ok(200);
    for result in completed["results"].as_array().unwrap() {
        assert_eq!(result["status"], 404);
    }
}

#[tokio::test]
async fn a_ticket_is_for_so_many_uploads_whoever_repeats_or_ends_them() {
    let world = World::start().await;
    let three = json!({"max_count": 3});
    let holder = |name: &str| holder(&world, name, three.clone());
    let (holder, other) = (holder("t-1"), holder("t-2"));
    let first = once(&holder, "key").await.ok(201);
    assert_eq!(id(&once(&holder, "key").await.ok(201)), id(&first));
    let second = holder.post("/v1/uploads", &wish(json!({}))).await.ok(201);
    let path = format!("/v1/uploads/{}", id(&second));
    assert_eq!(holder.delete(&path).await.status, 204);
    let batch = json!({"uploads": [wish(json!({})), wish(json!({}))]});
    let results = holder.post("/v1/uploads/batch", &batch).await.ok(200);
    assert_eq!(results["results"][0]["status"], 201);
    let spent = &results["results"][1]["problem"];
    assert_eq!(spent["code"], "quota_exceeded");
    assert_eq!(spent["scope"], "ticket");
    assert_eq!((&spent["limit"], &spent["used"]), (&json!(3), &json!(3)));
    let reply = holder.post("/v1/uploads", &wish(json!({}))).await;
    reply.problem(413, "quota_exceeded");
    // What is created may be brought to its end all the same, and another ticket is another one.
    let path = format!("/v1/uploads/{}", id(&first));
    holder.get(&path).await.ok(200);
    other.post("/v1/uploads", &wish(json!({}))).await.ok(201);
}

/// Creates an upload under a key.
async fn once(user: &User<'_>, key: &str) -> Reply {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let body = wish(json!({})).to_string();
    user.request(Method::POST, "/v1/uploads", &headers, body)
        .await
}

#[tokio::test]
async fn a_key_for_repeating_is_not_shared_with_the_owner_or_another_ticket() {
    let world = World::start().await;
    let mut seen = Vec::new();
    for user in [
        world.user("alice"),
        holder(&world, "t-1", json!({})),
        holder(&world, "t-2", json!({})),
    ] {
        let upload = once(&user, "k").await.ok(201);
        assert!(!seen.contains(&upload["id"]), "{upload}");
        seen.push(upload["id"].clone());
    }
}

#[tokio::test]
async fn a_large_file_goes_in_parts_under_a_ticket() {
    let world = World::start().await;
    let holder = holder(&world, "t-1", json!({"max_count": 1}));
    let bytes = noise(6 * MIB);
    let upload = holder.create("large.txt", &bytes).await;
    let path = format!("/v1/uploads/{}/parts", id(&upload));
    let again = holder.post(&path, &json!({"part_numbers": [1, 2]})).await;
    for part in again.ok(200)["parts"].as_array().unwrap() {
        let (offset, size) = (part["offset"].as_u64(), part["size"].as_u64());
        let offset = usize::try_from(offset.unwrap()).unwrap();
        let end = offset + usize::try_from(size.unwrap()).unwrap();
        let stored = world.send(&part["request"], bytes[offset..end].to_vec());
        assert_eq!(stored.await.status, 200);
    }
    holder.complete(&upload).await.ok(200);
}

#[tokio::test]
async fn a_ticket_that_is_not_quite_one_is_no_token_at_all() {
    let world = World::start().await;
    for changes in [
        json!({"valetkey": null}),
        json!({"valetkey": true}),
        json!({"valetkey": {"max_sise": 5}}),
        json!({"valetkey": {"max_count": 0}}),
        json!({"valetkey": {"content_types": []}}),
        json!({"valetkey": {"path": "../x"}}),
        json!({"valetkey": {"sub": "bob"}}),
        json!({"valetkey": {}, "jti": null}),
        json!({"valetkey": {}, "jti": ""}),
        json!({"valetkey": {}, "sub": null}),
        json!({"valetkey": {}, "sub": 7}),
    ] {
        let reply = changed(&world, "t-1", changes.clone());
        let reply = reply.post("/v1/uploads", &wish(json!({}))).await;
        assert_eq!(reply.status, 401, "{changes}: {}", reply.text());
        reply.problem(401, "unauthenticated");
    }
    let named = json!({"valetkey": {"sub": "bob"}, "sub": null});
    let upload = changed(&world, "t-1", named);
    let upload = upload.create("a.txt", b"abc").await;
    let path = format!("/v1/uploads/{}", id(&upload));
    world.user("bob").get(&path).await.ok(200);
}
