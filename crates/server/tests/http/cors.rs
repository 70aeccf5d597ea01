//! Which web pages may call the API.

use bytes::Bytes;
use reqwest::Method;

use crate::world::World;

const PAGE: &str = "https://app.example";

async fn with_origins(origins: &[&str]) -> World {
    let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    World::with(|config| config.cors_origins = origins).await
}

#[tokio::test]
async fn a27_a_page_on_the_list_may_ask_and_read() {
    let world = with_origins(&[PAGE]).await;
    let preflight = [
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,idempotency-key",
        ),
    ];
    let reply = world
        .nobody()
        .request(Method::OPTIONS, "/v1/uploads", &preflight, Bytes::new())
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), PAGE);
    assert!(
        reply
            .header("access-control-allow-headers")
            .contains("idempotency-key")
    );
    assert!(
        reply
            .header("access-control-allow-methods")
            .contains("DELETE")
    );
    let reply = world
        .user("alice")
        .request(Method::GET, "/v1/files", &[("origin", PAGE)], Bytes::new())
        .await;
    reply.ok(200);
    assert_eq!(reply.header("access-control-allow-origin"), PAGE);
    assert!(
        reply
            .header("access-control-expose-headers")
            .contains("x-request-id")
    );
    assert!(
        reply
            .header("access-control-expose-headers")
            .contains("date")
    );
    assert_eq!(reply.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a27_any_other_page_may_not() {
    let world = with_origins(&[PAGE]).await;
    for origin in [
        "https://evil.example",
        "https://app.example.evil.example",
        "null",
    ] {
        let headers = [("origin", origin)];
        let reply = world
            .user("alice")
            .request(Method::GET, "/v1/files", &headers, Bytes::new())
            .await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn without_a_list_no_page_may_and_with_a_star_every_page() {
    let headers = [("origin", PAGE)];
    let none = World::start().await;
    let reply = none
        .nobody()
        .request(Method::GET, "/healthz", &headers, Bytes::new())
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
    let all = with_origins(&["*"]).await;
    let reply = all
        .nobody()
        .request(Method::GET, "/healthz", &headers, Bytes::new())
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("access-control-allow-credentials"), "");
}
