//! The JavaScript client under `/sdk/`.

use bytes::Bytes;
use reqwest::Method;

use crate::world::World;

const PAGE: &str = "https://app.example";

#[tokio::test]
async fn any_page_may_load_the_client_as_it_is_published() {
    let world = World::start().await;
    let nobody = world.nobody();
    for name in ["index.js", "client.js", "checksum.worker.js"] {
        let path = format!("/sdk/{name}");
        let reply = nobody
            .request(Method::GET, &path, &[("origin", PAGE)], Bytes::new())
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("cache-control"), "no-cache");
        let file = format!(
            "{}/../../sdk/javascript/src/{name}",
            env!("CARGO_MANIFEST_DIR")
        );
        assert_eq!(reply.body, std::fs::read(file).unwrap());
    }
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let world = World::start().await;
    let nobody = world.nobody();
    let get = async |tag: &str| {
        let headers = [("if-none-match", tag)];
        nobody
            .request(Method::GET, "/sdk/index.js", &headers, Bytes::new())
            .await
    };
    let first = get("\"other\"").await;
    assert_eq!(first.status, 200);
    let again = get(first.header("etag")).await;
    assert_eq!(again.status, 304);
    assert!(again.body.is_empty());
    assert_eq!(again.header("etag"), first.header("etag"));
}

#[tokio::test]
async fn there_is_nothing_else_below_it() {
    let world = World::start().await;
    let nobody = world.nobody();
    for path in [
        "/sdk",
        "/sdk/",
        "/sdk/none.js",
        "/sdk/../client.js",
        "/sdk/%2e%2e%2fpackage.json",
        "/sdk/a/index.js",
    ] {
        let reply = nobody.request(Method::GET, path, &[], Bytes::new()).await;
        reply.problem(404, "not_found");
    }
    let reply = nobody
        .request(Method::POST, "/sdk/index.js", &[], Bytes::new())
        .await;
    reply.problem(405, "method_not_allowed");
}
