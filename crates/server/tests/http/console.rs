//! The page for people: its files, and what they may reach.

use bytes::Bytes;
use reqwest::Method;

use crate::world::{Reply, World};

async fn with_console() -> World {
    World::with(|config| config.console = true).await
}

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Reply {
    let nobody = world.nobody();
    nobody
        .request(Method::GET, path, headers, Bytes::new())
        .await
}

#[tokio::test]
async fn the_page_and_its_files_are_for_everybody() {
    let world = with_console().await;
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/console/app.js", "text/javascript; charset=utf-8"),
        ("/console/view/files.js", "text/javascript; charset=utf-8"),
        ("/console/style/tokens.css", "text/css; charset=utf-8"),
        ("/console/mark.svg", "image/svg+xml"),
    ] {
        let reply = get(&world, path, &[]).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), media_type);
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("cache-control"), "no-cache");
        assert!(!reply.body.is_empty());
    }
}

#[tokio::test]
async fn the_page_reaches_the_service_and_storage_and_nothing_else() {
    let world = World::with(|config| {
        config.console = true;
        let files = config.buckets["files"].clone();
        let mut elsewhere = files;
        elsewhere.provider = valetkey_server::config::Provider::S3;
        elsewhere.endpoint = "https://s3.example".to_owned();
        elsewhere.public_endpoint = "https://objects.example".to_owned();
        elsewhere.region = "eu-central-1".to_owned();
        elsewhere.bucket = "shots".to_owned();
        elsewhere.addressing = valetkey_server::config::Addressing::Virtual;
        elsewhere.access_key_id = "AKID".to_owned();
        elsewhere.secret_access_key = valetkey_protocol::Secret::new("secret");
        config.buckets.insert("photos".to_owned(), elsewhere);
    })
    .await;
    let store = world.urls.store.clone().unwrap();
    let storage = format!("{store} https://shots.objects.example");
    let expected = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; \
         connect-src 'self' {storage}; img-src 'self' blob: {storage}; media-src 'self' blob: {storage}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let reply = get(&world, "/", &[]).await;
    assert_eq!(reply.header("content-security-policy"), expected);
    assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin");
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let world = with_console().await;
    let etag = get(&world, "/console/app.js", &[])
        .await
        .header("etag")
        .to_owned();
    assert!(!etag.is_empty());
    let again = get(&world, "/console/app.js", &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = get(&world, "/console/app.js", &[("if-none-match", "\"old\"")]).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_like_everywhere() {
    let world = with_console().await;
    for path in ["/console/", "/console/../Cargo.toml", "/console/app.ts"] {
        get(&world, path, &[]).await.problem(404, "not_found");
    }
    let nobody = world.nobody();
    let reply = nobody.request(Method::POST, "/", &[], Bytes::new()).await;
    reply.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn it_is_off_unless_it_is_asked_for() {
    let world = World::start().await;
    get(&world, "/", &[]).await.problem(404, "not_found");
    get(&world, "/console/app.js", &[])
        .await
        .problem(404, "not_found");
}
