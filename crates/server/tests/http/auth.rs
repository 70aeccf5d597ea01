//! Who is let in.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use valetkey_protocol::Clock;
use valetkey_server::clock::SystemClock;

use crate::world::{User, World, claims, sign};

const PUBLIC: &[&str] = &[
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/.well-known/jwks.json",
    "/c/{token}",
    "/l/{token}",
    "/d/{token}",
    "/d/{token}/{filename}",
    "/public/{bucket}/{name}",
];

#[tokio::test]
async fn a42_every_operation_of_the_document_asks_for_a_token_except_the_public_ones() {
    let world = World::start().await;
    let document: Value = serde_json::from_str(&valetkey_server::openapi::document()).unwrap();
    let mut asked = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        let path = template
            .replace("{id}", "01936f3e-8b7a-7c3d-9e4f-0123456789ab")
            .replace("{token}", "x");
        for name in item.as_object().unwrap().keys() {
            let method = Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
            let reply = world
                .nobody()
                .request(method, &path, &[], Bytes::new())
                .await;
            if PUBLIC.contains(&template.as_str()) {
                assert_ne!(reply.status, 401, "{template}");
            } else {
                reply.problem(401, "unauthenticated");
                assert_eq!(reply.header("www-authenticate"), "Bearer");
                asked += 1;
            }
        }
    }
    assert!(asked >= 15, "{asked}");
}

#[tokio::test]
async fn a_method_nobody_offers_is_not_a_way_around_the_token() {
    let world = World::start().await;
    let reply = world
        .nobody()
        .request(Method::PUT, "/v1/files", &[], Bytes::new())
        .await;
    reply.problem(401, "unauthenticated");
}

#[tokio::test]
async fn tokens_that_do_not_hold_are_refused() {
    let world = World::start().await;
    let now = SystemClock.now().as_second();
    let good = sign(&claims(json!({})));
    let (message, _) = good.rsplit_once('.').unwrap();
    let cases = [
        ("unauthenticated", format!("{message}.")),
        ("unauthenticated", sign(&claims(json!({"aud": "other"})))),
        ("unauthenticated", sign(&claims(json!({"iss": "other"})))),
        ("unauthenticated", sign(&claims(json!({"sub": null})))),
        ("unauthenticated", sign(&claims(json!({"iat": null})))),
        ("unauthenticated", sign(&claims(json!({"nbf": now + 600})))),
        (
            "unauthenticated",
            sign(&claims(json!({"exp": now + 90_000}))),
        ),
        (
            "token_expired",
            sign(&claims(json!({"iat": now - 600, "exp": now - 60}))),
        ),
    ];
    for (code, token) in cases {
        let user = User {
            world: &world,
            token: token.clone(),
        };
        let reply = user.get("/v1/files").await;
        reply.problem(401, code);
        assert!(!reply.text().contains(&token));
    }
    User {
        world: &world,
        token: good,
    }
    .get("/v1/files")
    .await
    .ok(200);
}
