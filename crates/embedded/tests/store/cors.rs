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

const RULES: &str = "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <CORSRule><ID>app</ID><AllowedOrigin>https://*.app.example</AllowedOrigin>\
    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader>\
    <AllowedHeader>Content-Type</AllowedHeader>\
    <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>\
    <CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>\
    </CORSConfiguration>";

async fn put_rules(world: &World, rules: &str) -> Reply {
    world
        .call("PUT", &format!("/{BUCKET}"))
        .query("cors", "")
        .body(rules)
        .send()
        .await
}

async fn ask(world: &World, origin: &str, method: &str, headers: &str) -> Reply {
    preflight(world.object("OPTIONS", "x"), origin, method, headers)
        .exchange()
        .await
}

#[tokio::test]
async fn a_bucket_with_rules_of_its_own_goes_by_them_and_not_by_the_configured_ones() {
    let world = World::new().await;
    put_rules(&world, RULES).await.expect_status(200);

    let put = ask(
        &world,
        "https://eu.app.example",
        "PUT",
        "content-type, X-Amz-Meta-A",
    )
    .await;
    let put = put.expect_status(200);
    assert_eq!(
        put.header("access-control-allow-origin"),
        Some("https://eu.app.example")
    );
    assert_eq!(put.header("access-control-allow-methods"), Some("PUT"));
    assert_eq!(
        put.header("access-control-allow-headers"),
        Some("content-type, X-Amz-Meta-A")
    );
    assert_eq!(put.header("access-control-max-age"), Some("600"));
    assert!(put.header("vary").unwrap().starts_with("Origin"));
    let get = ask(&world, "https://any.example", "GET", "").await;
    let get = get.expect_status(200);
    assert_eq!(get.header("access-control-allow-origin"), Some("*"));
    assert_eq!(get.header("access-control-max-age"), None);

    for (origin, method, headers) in [
        ("https://evil.example", "PUT", ""),
        ("https://app.example.evil", "PUT", ""),
        ("https://eu.app.example", "DELETE", ""),
        ("https://eu.app.example", "PUT", "if-none-match"),
        ("https://any.example", "GET", "range"),
    ] {
        let refused = ask(&world, origin, method, headers).await;
        assert_eq!(refused.header("access-control-allow-origin"), None);
        assert!(refused.text().contains("CORSResponse: "));
        refused.expect_error(403, "AccessForbidden");
    }
}

#[tokio::test]
async fn an_actual_request_is_readable_by_the_rules_of_its_bucket() {
    let world = World::new().await;
    put_rules(&world, RULES).await.expect_status(200);
    let send = |method: &'static str, origin: &'static str| {
        world
            .object(method, "x")
            .body(b"x")
            .unsigned_header("origin", origin)
            .send()
    };
    let put = send("PUT", "https://eu.app.example")
        .await
        .expect_status(200);
    assert_eq!(
        put.header("access-control-allow-origin"),
        Some("https://eu.app.example")
    );
    assert_eq!(put.header("access-control-expose-headers"), Some("ETag"));
    let other = send("PUT", "https://evil.example").await.expect_status(200);
    assert_eq!(other.header("access-control-allow-origin"), None);
    let get = send("GET", "https://evil.example").await.expect_status(200);
    assert_eq!(get.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn rules_are_kept_over_a_restart_given_back_as_they_came_and_deleted() {
    let world = World::new().await;
    put_rules(&world, RULES).await.expect_status(200);
    let world = World::on(world.close().await).await;
    let rules = |method| {
        world
            .call(method, &format!("/{BUCKET}"))
            .query("cors", "")
            .send()
    };
    let got = rules("GET").await.expect_status(200);
    assert_eq!(got.tags("AllowedOrigin"), ["https://*.app.example", "*"]);
    assert_eq!(got.tags("AllowedHeader"), ["x-amz-*", "Content-Type"]);
    assert_eq!(got.tags("AllowedMethod"), ["PUT", "GET"]);
    assert_eq!(got.tags("ID"), ["app"]);
    assert_eq!(got.tags("MaxAgeSeconds"), ["600"]);
    rules("DELETE").await.expect_status(204);
    rules("GET")
        .await
        .expect_error(404, "NoSuchCORSConfiguration");
    let configured = ask(&world, "https://evil.example", "PUT", "").await;
    configured.expect_status(200);
    world
        .call("GET", "/no-such-bucket")
        .query("cors", "")
        .send()
        .await
        .expect_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn rules_that_s3_does_not_take_are_refused() {
    let world = World::new().await;
    let rule = |inner: &str| {
        format!("<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>")
    };
    let origin = "<AllowedOrigin>*</AllowedOrigin>";
    let method = "<AllowedMethod>GET</AllowedMethod>";
    for (rules, code) in [
        (
            "<CORSConfiguration></CORSConfiguration>".to_owned(),
            "MalformedXML",
        ),
        (rule(origin), "MalformedXML"),
        (rule(method), "MalformedXML"),
        (
            rule(&format!("{origin}{method}<Surprise/>")),
            "MalformedXML",
        ),
        (
            rule(&format!("{origin}<AllowedMethod>PATCH</AllowedMethod>")),
            "InvalidRequest",
        ),
        (
            rule(&format!("<AllowedOrigin>*.*</AllowedOrigin>{method}")),
            "InvalidRequest",
        ),
        (
            rule(&format!(
                "{origin}{method}<AllowedHeader>*-*</AllowedHeader>"
            )),
            "InvalidRequest",
        ),
        (
            rule(&format!("{origin}{method}<ExposeHeader>*</ExposeHeader>")),
            "InvalidRequest",
        ),
        (
            rule(&format!(
                "{origin}{method}<MaxAgeSeconds>-1</MaxAgeSeconds>"
            )),
            "InvalidRequest",
        ),
    ] {
        put_rules(&world, &rules).await.expect_error(400, code);
    }
    let nobody = world
        .object("OPTIONS", "x")
        .unsigned_header("access-control-request-method", "GET");
    nobody.exchange().await.expect_error(400, "BadRequest");
    let nothing = world
        .object("OPTIONS", "x")
        .unsigned_header("origin", "https://app.example");
    nothing.exchange().await.expect_error(400, "BadRequest");
}
