//! Attacks that have no other page here, each named after its row in docs/security.md.

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_protocol::Secret;
use valetkey_server::config::Provider;

use crate::world::{Reply, User, World, id};

/// What a request is told whatever it is about, so that answers can be compared.
const SAME_ID: (&str, &str) = ("x-request-id", "the-same-id");
const JSON: (&str, &str) = ("content-type", "application/json");

fn wish(filename: &str, content_type: &str, size: usize) -> Value {
    json!({"filename": filename, "content_type": content_type, "size": size})
}

/// Uploads bytes as this type and completes them.
async fn file(user: &User<'_>, content_type: &str, bytes: &'static [u8]) -> Value {
    let wish = wish("a.bin", content_type, bytes.len());
    let upload = user.post("/v1/uploads", &wish).await.ok(201);
    let stored = user.world.send(&upload["request"], bytes).await;
    assert_eq!(stored.status, 200, "{}", stored.text());
    user.complete(&upload).await.ok(200)
}

async fn download(user: &User<'_>, file: &Value, wish: &Value) -> Value {
    let path = format!("/v1/files/{}/download", id(file));
    user.post(&path, wish).await.ok(200)["url"].clone()
}

#[tokio::test]
async fn a03_a_filename_that_looks_like_a_policy_is_a_filename() {
    let world = World::start().await;
    let alice = world.user("alice");
    let name = r#"x"],["starts-with","$key",""#;
    let upload = alice.create(name, b"abc").await;
    let key = upload["key"].as_str().unwrap();
    let folder = format!("files/alice/{}/", id(&upload));
    let last = key.strip_prefix(&folder).unwrap();
    assert!(!last.contains(['"', '[', '$', ',', '/']), "{key}");
    world.send(&upload["request"], "abc").await;
    assert_eq!(alice.complete(&upload).await.ok(200)["filename"], name);
}

#[tokio::test]
async fn a05_nothing_is_added_to_an_upload_or_changed_in_it() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    for (name, value) in [
        ("content-type", "text/html"),
        ("if-none-match", "\"x\""),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-owner", "bob"),
        ("x-amz-tagging", "a=1"),
        ("x-amz-website-redirect-location", "/"),
    ] {
        let mut changed = upload["request"].clone();
        changed["headers"][name] = json!(value);
        let status = world.send(&changed, "abc").await.status;
        assert_eq!(status, 403, "{name}");
    }
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
}

#[tokio::test]
async fn a06_nobody_overrides_what_a_download_is_answered_with() {
    let world = World::start().await;
    let alice = world.user("alice");
    let page = file(&alice, "text/html", b"<script>").await;
    let url = download(&alice, &page, &json!({"disposition": "inline"})).await;
    let url = url.as_str().unwrap();
    for more in [
        "response-content-type=text%2Fhtml",
        "response-content-disposition=inline",
        "response-cache-control=public",
        "response-expires=0",
    ] {
        let status = world.fetch(&json!(format!("{url}&{more}"))).await.status;
        assert!((400..500).contains(&status), "{more}: {status}");
    }
    let (_, query) = url.split_once("response-content-type=").unwrap();
    let (signed, _) = query.split_once('&').unwrap_or((query, ""));
    let of_type = |media_type: &str| format!("response-content-type={media_type}");
    let changed = url.replace(&of_type(signed), &of_type("text%2Fhtml"));
    assert_ne!(changed, url);
    assert_eq!(world.fetch(&json!(changed)).await.status, 403);
}

#[tokio::test]
async fn a07_markup_that_was_declared_an_image_is_never_shown() {
    let world = World::start().await;
    let alice = world.user("alice");
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    for declared in [
        "image/png",
        "image/svg+xml",
        "text/html",
        "application/xhtml+xml",
    ] {
        let markup = file(&alice, declared, svg).await;
        let url = download(&alice, &markup, &json!({"disposition": "inline"})).await;
        let answer = world.fetch(&url).await;
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment"),
            "{declared}: {disposition}"
        );
        assert_eq!(
            answer.header("content-type"),
            "application/octet-stream",
            "{declared}"
        );
    }
}

/// Every property that a body of any operation may have, and each parameter, with where it is.
fn inputs(document: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{} {path}", method.to_uppercase());
            for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
                let name = parameter["name"].as_str().unwrap().to_owned();
                found.insert((place.clone(), name));
            }
            let content = operation["requestBody"]["content"].as_object();
            for (_, body) in content.into_iter().flatten() {
                properties(document, &body["schema"], &place, &mut found);
            }
        }
    }
    found
}

fn properties(
    document: &Value,
    schema: &Value,
    place: &str,
    found: &mut BTreeSet<(String, String)>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        return properties(document, document.pointer(pointer).unwrap(), place, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert((place.to_owned(), name.clone()));
        properties(document, property, place, found);
    }
    properties_of_parts(document, schema, place, found);
}

fn properties_of_parts(
    document: &Value,
    schema: &Value,
    place: &str,
    found: &mut BTreeSet<(String, String)>,
) {
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            properties(document, &schema[part], place, found);
        }
    }
    for parts in ["oneOf", "anyOf", "allOf"] {
        for part in schema[parts].as_array().into_iter().flatten() {
            properties(document, part, place, found);
        }
    }
}

#[test]
fn a09_a11_no_request_names_a_key_an_owner_or_a_state() {
    let document = serde_json::from_str(&valetkey_server::openapi::document()).unwrap();
    // What the service makes up or finds out, under whatever name.
    let ours = [
        "key",
        "object_key",
        "owner",
        "sub",
        "state",
        "etag",
        "integrity",
        "detected_type",
        "download_count",
        "created_at",
        "verified_at",
        "multipart_id",
        "upload_id",
        "receipt",
        "roles",
        "role",
        "epoch",
        "identified",
        "analyzed",
    ];
    let allowed = [
        // Administrators narrow a list by it; nothing is changed.
        ("GET /v1/events", "owner"),
        // Somebody who is asked about: nothing becomes of it.
        ("POST /v1/policy/explain", "roles"),
        // It is one field of a filter or a page, and writes nothing.
        ("GET /v1/webhooks/{id}/deliveries", "state"),
    ];
    let inputs = inputs(&document);
    assert!(inputs.len() > 40, "{inputs:?}");
    assert!(inputs.contains(&("POST /v1/uploads".to_owned(), "filename".to_owned())));
    assert!(inputs.contains(&("POST /v1/uploads/batch".to_owned(), "filename".to_owned())));
    let bad: Vec<_> = inputs
        .iter()
        .filter(|(place, name)| {
            ours.contains(&name.as_str()) && !allowed.contains(&(place.as_str(), name.as_str()))
        })
        .collect();
    assert!(bad.is_empty(), "a client could set {bad:?}");
}

/// Everything one may ask about ids that are somebody else's, or nobody's, and what is answered.
async fn ask_about(user: &User<'_>, ids: &[String], keys: &[String]) -> Vec<String> {
    let document: Value = serde_json::from_str(&valetkey_server::openapi::document()).unwrap();
    let mut answers = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        let of_one = template.contains("{id}") || template.contains("{file_key}");
        for method in item.as_object().unwrap().keys() {
            if !of_one || template.contains("/webhooks/") || template.contains("/keys/") {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            for (id, key) in ids.iter().zip(keys) {
                let path = template.replace("{id}", id).replace("{file_key}", key);
                let body = match template.ends_with("/parts") {
                    true => r#"{"part_numbers":[1]}"#,
                    false => "{}",
                };
                let headers = [JSON, SAME_ID];
                let reply = user.request(method.clone(), &path, &headers, body).await;
                answers.push(format!("{method} {template}: {}", shown(&reply)));
            }
        }
    }
    for path in ["/v1/downloads/batch", "/v1/uploads/complete"] {
        let body = json!({"ids": ids}).to_string();
        let reply = user
            .request(Method::POST, path, &[JSON, SAME_ID], body)
            .await;
        answers.push(shown(&reply));
    }
    for path in [
        "/v1/files",
        "/v1/usage",
        "/v1/buckets",
        "/files",
        "/v1/events?from=oldest",
    ] {
        let reply = user.request(Method::GET, path, &[SAME_ID], "").await;
        answers.push(shown(&reply));
    }
    answers
}

/// Status, headers and body, without what the moment has in it.
fn shown(reply: &Reply) -> String {
    let headers = reply.headers.iter().filter(|(name, _)| *name != "date");
    let headers: BTreeSet<_> = headers
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    let mut text = reply.text();
    if let Ok(mut body) = serde_json::from_str::<Value>(&text)
        && body.get("next_cursor").is_some()
    {
        body["next_cursor"] = Value::Null;
        text = body.to_string();
    }
    format!("{} {headers:?} {text}", reply.status)
}

/// Bob has all there is to have: files, open uploads of both kinds, deleted ones, downloads and events of each.
async fn furnish(bob: &User<'_>) -> (Vec<String>, Vec<String>) {
    let done = bob.upload("bobs.txt", b"bob's").await;
    let gone = bob.upload("gone.txt", b"bob's").await;
    bob.delete(&format!("/v1/files/{}", id(&gone))).await;
    let open = bob.create("open.txt", b"bob").await;
    let large = wish("large.bin", "text/plain", 6 * 1024 * 1024);
    let large = bob.post("/v1/uploads", &large).await.ok(201);
    download(bob, &done, &json!({})).await;
    let all = [&done, &gone, &open, &large];
    let ids = all.iter().map(|one| id(one).to_owned());
    let keys = all
        .iter()
        .map(|one| one["key"].as_str().unwrap().to_owned());
    (ids.collect(), keys.collect())
}

#[tokio::test]
async fn a22_what_others_have_changes_no_answer() {
    let classic = |config: &mut valetkey_server::config::Config| {
        config.compat.classic.enabled = true;
    };
    let (with, without) = (World::with(classic).await, World::with(classic).await);
    let (ids, keys) = furnish(&with.user("bob")).await;
    let told = ask_about(&with.user("alice"), &ids, &keys).await;
    let empty = ask_about(&without.user("alice"), &ids, &keys).await;
    assert!(told.len() > 50, "{}", told.len());
    for (told, empty) in told.iter().zip(&empty) {
        assert_eq!(told, empty);
    }
}

#[tokio::test]
async fn a23_two_hundred_ids_of_others_are_answered_as_random_ones_are() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let file = bob.upload("bobs.txt", b"bob's").await;
    let mut ids = vec![id(&file).to_owned()];
    for count in [100, 99] {
        let wishes: Vec<_> = (0..count).map(|_| wish("a.txt", "text/plain", 3)).collect();
        let made = bob
            .post("/v1/uploads/batch", &json!({"uploads": wishes}))
            .await;
        let made = made.ok(200)["results"].as_array().unwrap().clone();
        ids.extend(made.iter().map(|result| id(&result["upload"]).to_owned()));
    }
    assert_eq!(ids.len(), 200);
    // The last twelve digits are random ones; other ones are ids of the same moments, and of nobody.
    let random: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(index, id)| format!("{}{index:012x}", &id[..24]))
        .collect();
    let mut answers = BTreeSet::new();
    for id in ids.iter().chain(&random) {
        for path in [format!("/v1/files/{id}"), format!("/v1/uploads/{id}")] {
            let reply = alice.request(Method::GET, &path, &[SAME_ID], "").await;
            assert_eq!(reply.status, 404);
            answers.insert(shown(&reply));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

#[tokio::test]
async fn a31_a_bucket_of_another_account_is_noticed_and_nothing_is_signed_for_it() {
    let storage = World::start().await;
    let key = std::fs::read_to_string(storage.folder.path().join("store-key.json")).unwrap();
    let key: Value = serde_json::from_str(&key).unwrap();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let world = World::with(|config| {
        let bucket = config.buckets.get_mut("files").unwrap();
        bucket.provider = Provider::S3;
        bucket.endpoint = storage.urls.store.clone().unwrap();
        bucket.access_key_id = text("access_key");
        bucket.secret_access_key = Secret::new(text("secret_key"));
        bucket.expected_bucket_owner = "111111111111".to_owned();
    })
    .await;
    let alice = world.user("alice");
    let ready = world.nobody().get("/readyz").await;
    ready.problem(503, "storage_unavailable");
    for size in [3, 6 * 1024 * 1024] {
        let refused = alice
            .post("/v1/uploads", &wish("a.txt", "text/plain", size))
            .await;
        let problem = refused.problem(503, "storage_unavailable");
        assert!(!problem.to_string().contains("111111111111"), "{problem}");
        assert!(!refused.text().contains("X-Amz-"), "nothing is signed");
    }
    assert_eq!(
        alice.get("/v1/usage").await.ok(200)["buckets"][0]["open_uploads"],
        0
    );
}

#[tokio::test]
async fn a37_what_looks_like_sql_is_a_value() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    bob.upload("bobs.txt", b"bob's").await;
    let name = "a'); DROP TABLE upload; --";
    let mut wish = wish(name, "text/plain", 3);
    wish["path"] = json!("x' OR '1'='1");
    wish["metadata"] = json!({"note": "' UNION SELECT * FROM upload --"});
    let upload = alice.post("/v1/uploads", &wish).await.ok(201);
    world.send(&upload["request"], "abc").await;
    let file = alice.complete(&upload).await.ok(200);
    assert_eq!(
        (&file["filename"], &file["path"]),
        (&json!(name), &wish["path"])
    );
    for query in [
        "path=x%27%20OR%20%271%27%3D%271",
        "path=%27%20OR%201%3D1%20--",
        "content_type=text%2Fplain",
        "order=newest",
    ] {
        let found = alice.get(&format!("/v1/files?{query}")).await.ok(200);
        let owners = found["files"].as_array().unwrap().iter();
        assert!(
            owners
                .map(|file| &file["owner"])
                .all(|owner| owner == "alice"),
            "{query}"
        );
    }
    for query in [
        "order=id%3BDROP%20TABLE%20upload",
        "cursor=%27%20OR%201%3D1",
        "limit=1%20OR%201%3D1",
        "bucket=files%27--",
    ] {
        let status = alice.get(&format!("/v1/files?{query}")).await.status;
        assert!(status == 400 || status == 422, "{query}: {status}");
    }
    assert_eq!(
        bob.get("/v1/files").await.ok(200)["files"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a39_a_compressed_request_is_refused_and_never_unpacked() {
    let world = World::start().await;
    let alice = world.user("alice");
    let upload = alice.create("a.txt", b"abc").await;
    let body = wish("a.txt", "text/plain", 3).to_string();
    for path in [
        "/v1/uploads".to_owned(),
        format!("/v1/uploads/{}/complete", id(&upload)),
    ] {
        for encoding in ["gzip", "br", "deflate, gzip"] {
            let headers = [JSON, ("content-encoding", encoding)];
            let reply = alice
                .request(Method::POST, &path, &headers, body.clone())
                .await;
            reply.problem(415, "content_type_unsupported");
        }
    }
    let headers = [JSON, ("content-encoding", "identity")];
    let reply = alice
        .request(Method::POST, "/v1/uploads", &headers, body)
        .await;
    reply.ok(201);
}

#[tokio::test]
async fn a39_a_file_has_no_encoding_whatever_its_upload_said() {
    let world = World::start().await;
    let alice = world.user("alice");
    let mut upload = alice.create("a.txt", b"abc").await;
    upload["request"]["headers"]["content-encoding"] = json!("gzip");
    assert_eq!(world.send(&upload["request"], "abc").await.status, 200);
    let file = alice.complete(&upload).await.ok(200);
    let url = download(&alice, &file, &json!({})).await;
    let answer = world.fetch(&url).await;
    assert_eq!(answer.header("content-encoding"), "");
    assert_eq!(answer.body, Bytes::from_static(b"abc"));
}
