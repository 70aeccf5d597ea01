use std::net::SocketAddr;

use tempfile::TempDir;
use valetkey_embedded::{CorsRules, EmbeddedStore};

use super::{Row, row};
use crate::support::*;

const PAGE: &str = "https://app.example";

fn preflight(call: Call, origin: &str, method: &str, headers: &str) -> Call {
    call.unsigned_header("origin", origin)
        .unsigned_header("access-control-request-method", method)
        .unsigned_header("access-control-request-headers", headers)
}

/// A store that only [`PAGE`] may use, for as long as the first half of this is kept.
async fn strict() -> ((TempDir, EmbeddedStore), SocketAddr) {
    let folder = folder_in_memory();
    let rules = CorsRules {
        allowed_origins: vec![PAGE.to_owned()],
        max_age: 60,
    };
    let store = open(folder.path(), rules).unwrap();
    let (address, _) = serve(store.service()).await;
    ((folder, store), address)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "a preflight is answered without a signature: origin, method, headers, age",
            "userguide/cors",
            |_world| {
                let (_kept, address) = strict().await;
                let ask = preflight(
                    Call::new(address, "OPTIONS", "/files/x"),
                    PAGE,
                    "PUT",
                    "content-type,x-amz-meta-a",
                );
                let reply = ask.exchange().await.expect_status(200);
                assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
                assert!(
                    reply
                        .header("access-control-allow-methods")
                        .unwrap()
                        .contains("PUT")
                );
                assert_eq!(
                    reply.header("access-control-allow-headers"),
                    Some("content-type,x-amz-meta-a")
                );
                assert_eq!(reply.header("access-control-max-age"), Some("60"));
            }
        ),
        row!(
            "from another origin: 403 without a word",
            "userguide/cors",
            |_world| {
                let (_kept, address) = strict().await;
                let ask = preflight(
                    Call::new(address, "OPTIONS", "/files/x"),
                    "https://evil.example",
                    "PUT",
                    "content-type",
                );
                let reply = ask.exchange().await.expect_status(403);
                assert_eq!(reply.header("access-control-allow-origin"), None);
            }
        ),
        row!(
            "with a method or header that is not allowed: 403",
            "userguide/cors",
            |_world| {
                let (_kept, address) = strict().await;
                for (method, headers) in [("PATCH", "content-type"), ("PUT", "x-custom")] {
                    let ask = preflight(
                        Call::new(address, "OPTIONS", "/files/x"),
                        PAGE,
                        method,
                        headers,
                    );
                    ask.exchange().await.expect_status(403);
                }
            }
        ),
        row!(
            "an answer to an allowed origin may be read, ETag included; to another it may not",
            "userguide/cors",
            |_world| {
                let (_kept, address) = strict().await;
                let put = |origin: &str| {
                    let put = Call::new(address, "PUT", "/files/x").presigned();
                    put.unsigned_header("origin", origin).exchange()
                };
                let reply = put(PAGE).await.expect_status(200);
                assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
                assert!(
                    reply
                        .header("access-control-expose-headers")
                        .unwrap()
                        .contains("ETag")
                );
                let reply = put("https://evil.example").await;
                assert_eq!(reply.header("access-control-allow-origin"), None);
            }
        ),
        row!(
            "`Vary: Origin` keeps caches from mixing origins",
            "userguide/cors",
            |_world| {
                let (_kept, address) = strict().await;
                let get = Call::new(address, "GET", "/files/x")
                    .unsigned_header("origin", PAGE)
                    .send()
                    .await;
                assert!(get.header("vary").unwrap().contains("Origin"));
            }
        ),
    ]
}
