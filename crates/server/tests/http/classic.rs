//! `/request-upload`, `/request-download/…`, `/files/…`, `/api/images/presigned` and `/public/…`

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_server::config::{BucketConfig, Config};

use crate::world::{Reply, User, World};

/// With the routes, files in `files`, and images in `images`, which everybody may read.
async fn open(anonymous: &str) -> World {
    World::with(|config| {
        switch_on(config);
        config.compat.classic.anonymous = anonymous.to_owned();
        config.cors_origins = vec!["*".to_owned(), "https://app.example".to_owned()];
    })
    .await
}

fn switch_on(config: &mut Config) {
    let mut images = BucketConfig::default();
    images.rules.public_read = true;
    images.rules.content_types = vec!["image/*".to_owned()];
    config.buckets.insert("images".to_owned(), images);
    let files = config.buckets.get_mut("files").unwrap();
    files.rules.undeclared_limit = 1000;
    let classic = &mut config.compat.classic;
    classic.enabled = true;
    classic.images_bucket = "images".to_owned();
}

/// A PUT as people write it: bytes and, at most, a type.
async fn put(world: &World, url: &Value, content_type: Option<&str>, bytes: &[u8]) -> Reply {
    let request = world.client.put(url.as_str().unwrap());
    let request = request.header("content-length", bytes.len());
    let request = request.body(Bytes::copy_from_slice(bytes));
    Reply::of(match content_type {
        Some(content_type) => request.header("content-type", content_type),
        None => request,
    })
    .await
}

async fn request_upload(user: &User<'_>, name: &str) -> Value {
    let body = json!({"filename": name, "content_type": "text/plain"});
    user.post("/request-upload", &body).await.ok(200)
}

async fn presign_image(user: &User<'_>, content_type: &str) -> Reply {
    let body = json!({"contentType": content_type});
    user.post("/api/images/presigned", &body).await
}

/// Uploads as the guide does, and gives the key.
async fn upload(user: &User<'_>, name: &str, bytes: &[u8]) -> String {
    let requested = request_upload(user, name).await;
    let stored = put(
        user.world,
        &requested["upload_url"],
        Some("text/plain"),
        bytes,
    )
    .await;
    assert_eq!(stored.status, 200, "{}", stored.text());
    requested["file_key"].as_str().unwrap().to_owned()
}

async fn keys(user: &User<'_>) -> Vec<String> {
    let list = user.get("/files").await.ok(200);
    let files = list["files"].as_array().unwrap();
    let key = |file: &Value| file["key"].as_str().unwrap().to_owned();
    files.iter().map(key).collect()
}

#[tokio::test]
async fn a_file_goes_up_is_listed_comes_back_and_goes_away() {
    let world = open("").await;
    let alice = world.user("alice");
    let requested = request_upload(&alice, "my notes.txt").await;
    assert_eq!(requested["headers"], json!({"content-type": "text/plain"}));
    assert_eq!(requested["expires_in"], 900);
    let key = requested["file_key"].as_str().unwrap();
    assert!(
        key.starts_with("files/alice/") && key.ends_with("/my_notes.txt"),
        "{key}"
    );
    assert_eq!(keys(&alice).await, Vec::<String>::new());
    let stored = put(
        &world,
        &requested["upload_url"],
        Some("text/plain"),
        b"hello",
    )
    .await;
    assert_eq!(stored.status, 200);

    let list = alice.get("/files").await.ok(200);
    assert_eq!(list["files"][0]["key"], key);
    assert_eq!(list["files"][0]["size"], 5);
    assert!(
        list["files"][0]["last_modified"]
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    assert!(list.get("next_cursor").is_none());

    let path = format!("/request-download/{key}");
    let download = alice.get(&path).await.ok(200);
    let lives = download["expires_in"].as_u64().unwrap();
    assert!((890..=900).contains(&lives), "{lives}");
    let fetched = world.fetch(&download["download_url"]).await;
    assert_eq!(fetched.body, "hello");
    assert!(
        fetched
            .header("content-disposition")
            .contains("my notes.txt")
    );

    for _ in 0..2 {
        let deleted = alice.delete(&format!("/files/{key}")).await.ok(200);
        assert!(deleted["message"].as_str().unwrap().contains(key));
    }
    alice.get(&path).await.problem(404, "not_found");
    assert_eq!(keys(&alice).await, Vec::<String>::new());
    assert_eq!(world.fetch(&download["download_url"]).await.status, 404);
}

#[tokio::test]
async fn the_first_download_completes_what_nobody_completed() {
    let world = open("").await;
    let alice = world.user("alice");
    let requested = request_upload(&alice, "a.txt").await;
    let key = requested["file_key"].as_str().unwrap();
    let path = format!("/request-download/{key}");
    alice.get(&path).await.problem(404, "not_found");
    put(
        &world,
        &requested["upload_url"],
        Some("text/plain"),
        b"hello",
    )
    .await;
    alice.get(&path).await.ok(200);
    let usage = alice.get("/v1/usage").await.ok(200);
    let files = &usage["buckets"][0];
    assert_eq!(
        (&files["reserved_bytes"], &files["stored_bytes"]),
        (&json!(0), &json!(5))
    );
    // The URL lives on, and changes nothing.
    let again = put(
        &world,
        &requested["upload_url"],
        Some("text/plain"),
        b"jello!",
    )
    .await;
    assert_eq!(again.status, 200);
    let download = alice.get(&path).await.ok(200);
    assert_eq!(world.fetch(&download["download_url"]).await.body, "hello");
    assert_eq!(alice.get("/files").await.ok(200)["files"][0]["size"], 5);
}

#[tokio::test]
async fn without_a_type_any_may_be_sent_and_with_one_no_other() {
    let world = open("").await;
    let alice = world.user("alice");
    let body = json!({"filename": "a.bin"});
    let requested = alice.post("/request-upload", &body).await.ok(200);
    assert_eq!(requested["headers"], json!({}));
    for content_type in [None, Some("application/x-www-form-urlencoded")] {
        let stored = put(&world, &requested["upload_url"], content_type, b"abc").await;
        assert_eq!(stored.status, 200, "{}", stored.text());
    }
    let key = requested["file_key"].as_str().unwrap();
    alice.get(&format!("/request-download/{key}")).await.ok(200);
    let typed = request_upload(&alice, "a.txt").await;
    let refused = put(&world, &typed["upload_url"], Some("text/html"), b"abc").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn what_is_too_large_is_no_file_and_says_so_to_its_owner() {
    let world = open("").await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let key = upload(&alice, "large.txt", &[7; 1001]).await;
    assert_eq!(keys(&alice).await, Vec::<String>::new());
    let path = format!("/request-download/{key}");
    let problem = alice.get(&path).await.problem(413, "file_too_large");
    assert_eq!(problem["limit"], 1000);
    bob.get(&path).await.problem(404, "not_found");
    upload(&alice, "just.txt", &[7; 1000]).await;
    assert_eq!(keys(&alice).await.len(), 1);
}

#[tokio::test]
async fn absent_malformed_and_foreign_keys_get_one_answer() {
    let world = open("").await;
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    let (done, sent) = (
        upload(&alice, "a.txt", b"a").await,
        upload(&alice, "b.txt", b"b").await,
    );
    alice
        .get(&format!("/request-download/{done}"))
        .await
        .ok(200);
    let absent = "files/bob/01936f3e-8b7a-7c3d-9e4f-0123456789ab/a.txt";
    let mine = alice.get("/v1/files").await.ok(200)["files"][0]["id"].clone();
    let renamed = format!("files/bob/{}/a.txt", mine.as_str().unwrap());
    let mut answers = Vec::new();
    for key in [
        done.as_str(),
        &sent,
        absent,
        &renamed,
        "x",
        "..%2F..",
        "%FF",
        "a//b",
    ] {
        for (method, path) in [
            (Method::GET, "/request-download"),
            (Method::DELETE, "/files"),
        ] {
            let id = [("x-request-id", "the-same-id")];
            let path = format!("{path}/{key}");
            let reply = bob.request(method, &path, &id, Bytes::new()).await;
            reply.problem(404, "not_found");
            answers.push(reply.text());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!(keys(&alice).await, [sent, done]);
    assert_eq!(keys(&bob).await, Vec::<String>::new());
}

#[tokio::test]
async fn files_of_these_routes_are_files_as_all_others() {
    let world = open("").await;
    let alice = world.user("alice");
    let key = upload(&alice, "a.txt", b"hello").await;
    keys(&alice).await;
    let file = alice.get("/v1/files").await.ok(200)["files"][0].clone();
    assert_eq!((&file["key"], &file["size"]), (&json!(key), &json!(5)));
    assert_eq!(file["integrity"], "size");
    let other = alice.upload("b.txt", b"abc").await;
    assert_eq!(keys(&alice).await, [other["key"].as_str().unwrap(), &key]);
    let page = alice.get("/files?limit=1").await.ok(200);
    let next = format!(
        "/files?limit=1&cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    assert_eq!(alice.get(&next).await.ok(200)["files"][0]["key"], key);
    alice
        .get("/files?prefix=a")
        .await
        .problem(400, "malformed_request");
    let path = format!("/files/{}", other["key"].as_str().unwrap());
    alice.delete(&path).await.ok(200);
    assert_eq!(keys(&alice).await, [key]);
}

#[tokio::test]
async fn an_image_goes_up_with_its_type_alone_and_everybody_reads_it() {
    let world = open("").await;
    let (alice, nobody) = (world.user("alice"), world.nobody());
    let image = presign_image(&alice, "image/png").await.ok(200);
    let name = image["fileName"].as_str().unwrap();
    assert!(name.ends_with(".png") && !name.contains("alice"), "{name}");
    let path = format!("/public/images/{name}");
    nobody.get(&path).await.problem(404, "not_found");
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];
    let stored = put(&world, &image["presignedUrl"], Some("image/png"), &png).await;
    assert_eq!(stored.status, 200, "{}", stored.text());
    let redirect = nobody.get(&path).await;
    assert_eq!((redirect.status, redirect.body.len()), (307, 0));
    assert_eq!(redirect.header("cache-control"), "public, max-age=300");
    let shown = world.fetch(&json!(redirect.header("location"))).await;
    assert_eq!(shown.body, png.as_slice());
    assert_eq!(shown.header("content-type"), "image/png");
    assert!(shown.header("content-disposition").starts_with("inline"));
    let head = nobody.request(Method::HEAD, &path, &[], Bytes::new()).await;
    assert_eq!(head.status, 307);
    let location = world.client.head(head.header("location"));
    assert_eq!(Reply::of(location).await.status, 200);
    let wrong = presign_image(&alice, "text/html");
    wrong.await.problem(422, "content_type_not_allowed");
}

#[tokio::test]
async fn nothing_public_is_shown_that_could_run() {
    let world = open("").await;
    let alice = world.user("alice");
    let image = presign_image(&alice, "image/svg+xml").await.ok(200);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>";
    put(&world, &image["presignedUrl"], Some("image/svg+xml"), svg).await;
    let path = format!("/public/images/{}", image["fileName"].as_str().unwrap());
    let redirect = world.nobody().get(&path).await;
    let saved = world.fetch(&json!(redirect.header("location"))).await;
    assert!(
        saved
            .header("content-disposition")
            .starts_with("attachment")
    );
    assert_eq!(saved.header("content-type"), "application/octet-stream");
}

#[tokio::test]
async fn only_public_buckets_are_public() {
    let world = open("").await;
    let alice = world.user("alice");
    let key = upload(&alice, "a.txt", b"hello").await;
    let id = key.split('/').nth(2).unwrap();
    let nobody = world.nobody();
    for path in [
        format!("/public/files/{id}.txt"),
        format!("/public/files/{key}"),
        format!("/public/images/{id}.txt"),
        format!("/public/nowhere/{id}.txt"),
        "/public/images/%FF".to_owned(),
        "/public/images/x".to_owned(),
    ] {
        nobody.get(&path).await.problem(404, "not_found");
    }
    // Reading it there did not even complete it.
    let state = alice.get(&format!("/v1/uploads/{id}")).await.ok(200);
    assert_eq!(state["state"], "pending");
}

#[tokio::test]
async fn nobody_is_let_in_without_a_token_unless_the_configuration_says_as_whom() {
    let closed = open("").await;
    let body = json!({"filename": "a.txt"});
    let nobody = closed.nobody();
    nobody
        .post("/request-upload", &body)
        .await
        .problem(401, "unauthenticated");
    nobody.get("/files").await.problem(401, "unauthenticated");

    let world = open("guest").await;
    let (nobody, guest, alice) = (world.nobody(), world.user("guest"), world.user("alice"));
    let key = upload(&nobody, "a.txt", b"hello").await;
    assert!(key.starts_with("files/guest/"), "{key}");
    assert_eq!(keys(&nobody).await, [key.as_str()]);
    assert_eq!(keys(&guest).await, [key.as_str()]);
    // A token counts, also one that does not hold; and nothing else is open.
    assert_eq!(keys(&alice).await, Vec::<String>::new());
    let forged = User {
        world: &world,
        token: "x.y.z".to_owned(),
    };
    forged.get("/files").await.problem(401, "unauthenticated");
    nobody
        .get("/v1/files")
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn no_web_page_of_elsewhere_acts_without_a_token() {
    let world = open("guest").await;
    let nobody = world.nobody();
    for (origin, status) in [
        ("http://localhost:3000", 200),
        ("https://app.example", 200),
        ("https://evil.example", 401),
    ] {
        let headers = [("origin", origin)];
        let reply = nobody.request(Method::GET, "/files", &headers, Bytes::new());
        assert_eq!(reply.await.status, status, "{origin}");
        let alice = world.user("alice");
        let reply = alice.request(Method::GET, "/files", &headers, Bytes::new());
        reply.await.ok(200);
    }
}

#[tokio::test]
async fn they_are_off_unless_they_are_switched_on() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body = json!({"filename": "a.txt", "contentType": "image/png"});
    for reply in [
        alice.post("/request-upload", &body).await,
        alice.post("/api/images/presigned", &body).await,
        alice.get("/files").await,
        alice.get("/request-download/x").await,
        alice.delete("/files/x").await,
    ] {
        let problem = reply.problem(404, "not_found");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("compat.classic.enabled"), "{detail}");
    }
    let world = World::with(|config| config.compat.classic.enabled = true).await;
    let reply = world
        .user("alice")
        .post("/api/images/presigned", &body)
        .await;
    let problem = reply.problem(404, "not_found");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("compat.classic.images_bucket"), "{detail}");
}
