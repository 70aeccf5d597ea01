//! The JavaScript client, served as it is published: `<script type="module">` needs no bundler.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::{HeaderMap, Method};
use axum::routing::get;
use axum::{Router, middleware};
use tower_http::cors::{Any, CorsLayer};
use valetkey_protocol::Code;

use crate::api::{Answer, no_such_method};
use crate::bundle::{Bundle, Files, bundled};
use crate::door::{self, Door};
use crate::failure::Failure;

/// The route; it asks for no token, and is no part of the API's document.
pub(crate) const ROUTE: &str = "/sdk/{file}";

/// Every file of `sdk/javascript/src`, as it was when this was compiled.
const FILES: Files = bundled!["sdk/javascript/src":
    "batch.js",
    "budget.js",
    "check.js",
    "checksum.js",
    "checksum.worker.js",
    "client.js",
    "crc.js",
    "download.js",
    "element-drop.js",
    "element-list.js",
    "element-row.js",
    "element-style.js",
    "element-words.js",
    "element.js",
    "error.js",
    "handle.js",
    "image.js",
    "index.js",
    "journal.js",
    "many.js",
    "parts.js",
    "retry.js",
    "transfer.js",
    "types.js",
    "upload.js",
];

static CLIENT: LazyLock<Bundle> = LazyLock::new(|| Bundle::new(FILES));

/// The files behind the door. Any page may load them: they are the same for everybody.
pub(crate) fn router(door: Arc<Door>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD]);
    Router::new()
        .route(ROUTE, get(get_module))
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(door, door::pass))
        .layer(cors)
}

async fn get_module(Path(name): Path<String>, asked: HeaderMap) -> Answer {
    CLIENT.answer(&name, &asked).ok_or_else(|| {
        let detail = "the client has no such file; begin with /sdk/index.js";
        Failure::new(Code::NotFound, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_client_is_there_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/javascript/src");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let names: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
    }
}
