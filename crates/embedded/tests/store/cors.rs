use valetkey_embedded::CorsRules;

use crate::support::*;

fn preflight(call: Call, origin: &str, method: &str, headers: &str) -> Call {
    call.unsigned_header("origin", origin)
        .unsigned_header("access-control-request-method", method)
        .unsigned_header("access-control-request-headers", headers)
}

#[tokio::test]
async fn a_page_may_ask_and_then_do_what_uploads_need() {
    let world = World::new().await;
    let asked = "content-type,if-none-match,x-amz-checksum-crc64nvme";
    let reply = preflight(
        world.object("OPTIONS", "x"),
        "https://app.example",
        "PUT",
        asked,
    )
    .exchange()
    .await
    .expect_status(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-headers"), Some(asked));
    assert!(
        reply
            .header("access-control-allow-methods")
            .unwrap()
            .contains("PUT")
    );
    assert_eq!(reply.header("access-control-allow-credentials"), None);

    let put = world.object("PUT", "x").body(b"x").presigned();
    let put = put
        .unsigned_header("origin", "https://app.example")
        .exchange()
        .await;
    assert_eq!(put.header("access-control-allow-origin"), Some("*"));
    let exposed = put.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("ETag") && exposed.contains("x-amz-checksum-crc64nvme"));

    let refused = world
        .object("GET", "x")
        .unsigned_header("origin", "https://app.example");
    let refused = refused.exchange().await;
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("*"),
        "a page may read a refusal"
    );
}

#[tokio::test]
async fn other_origins_methods_and_headers_are_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let rules = CorsRules {
        allowed_origins: vec!["https://app.example".to_owned()],
        max_age: 60,
    };
    let store = open(folder.path(), rules).unwrap();
    let (address, _server) = serve(store.service()).await;
    let ask = |origin: &'static str, method: &'static str, headers: &'static str| {
        preflight(
            Call::new(address, "OPTIONS", "/files/x"),
            origin,
            method,
            headers,
        )
        .exchange()
    };
    let good = ask("https://app.example", "PUT", "content-type")
        .await
        .expect_status(200);
    assert_eq!(
        good.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    assert_eq!(good.header("access-control-max-age"), Some("60"));
    let evil = ask("https://evil.example", "PUT", "content-type")
        .await
        .expect_status(403);
    assert_eq!(evil.header("access-control-allow-origin"), None);
    ask("https://app.example", "PATCH", "content-type")
        .await
        .expect_status(403);
    ask("https://app.example", "PUT", "x-custom")
        .await
        .expect_status(403);
    let get =
        Call::new(address, "GET", "/files/x").unsigned_header("origin", "https://evil.example");
    assert_eq!(get.send().await.header("access-control-allow-origin"), None);
}
