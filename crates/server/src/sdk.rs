//! The JavaScript client, served as it is published: `<script type="module">` needs no bundler.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use tower_http::cors::{Any, CorsLayer};
use valetkey_protocol::{Algorithm, Code, Hasher};

use crate::api::{Answer, no_such_method};
use crate::door::{self, Door};
use crate::failure::Failure;

/// The route; it asks for no token, and is no part of the API's document.
pub(crate) const ROUTE: &str = "/sdk/{file}";

/// Every file of `sdk/javascript/src` by its name, as it was when this was compiled.
const MODULES: &[(&str, &str)] = &[
    (
        "batch.js",
        include_str!("../../../sdk/javascript/src/batch.js"),
    ),
    (
        "budget.js",
        include_str!("../../../sdk/javascript/src/budget.js"),
    ),
    (
        "check.js",
        include_str!("../../../sdk/javascript/src/check.js"),
    ),
    (
        "checksum.js",
        include_str!("../../../sdk/javascript/src/checksum.js"),
    ),
    (
        "checksum.worker.js",
        include_str!("../../../sdk/javascript/src/checksum.worker.js"),
    ),
    (
        "client.js",
        include_str!("../../../sdk/javascript/src/client.js"),
    ),
    ("crc.js", include_str!("../../../sdk/javascript/src/crc.js")),
    (
        "download.js",
        include_str!("../../../sdk/javascript/src/download.js"),
    ),
    (
        "element-drop.js",
        include_str!("../../../sdk/javascript/src/element-drop.js"),
    ),
    (
        "element-row.js",
        include_str!("../../../sdk/javascript/src/element-row.js"),
    ),
    (
        "element-style.js",
        include_str!("../../../sdk/javascript/src/element-style.js"),
    ),
    (
        "element-words.js",
        include_str!("../../../sdk/javascript/src/element-words.js"),
    ),
    (
        "element.js",
        include_str!("../../../sdk/javascript/src/element.js"),
    ),
    (
        "error.js",
        include_str!("../../../sdk/javascript/src/error.js"),
    ),
    (
        "handle.js",
        include_str!("../../../sdk/javascript/src/handle.js"),
    ),
    (
        "image.js",
        include_str!("../../../sdk/javascript/src/image.js"),
    ),
    (
        "index.js",
        include_str!("../../../sdk/javascript/src/index.js"),
    ),
    (
        "journal.js",
        include_str!("../../../sdk/javascript/src/journal.js"),
    ),
    (
        "many.js",
        include_str!("../../../sdk/javascript/src/many.js"),
    ),
    (
        "parts.js",
        include_str!("../../../sdk/javascript/src/parts.js"),
    ),
    (
        "retry.js",
        include_str!("../../../sdk/javascript/src/retry.js"),
    ),
    (
        "transfer.js",
        include_str!("../../../sdk/javascript/src/transfer.js"),
    ),
    (
        "types.js",
        include_str!("../../../sdk/javascript/src/types.js"),
    ),
    (
        "upload.js",
        include_str!("../../../sdk/javascript/src/upload.js"),
    ),
];

/// One tag for all of them: they belong together, and change together.
static ETAG: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let texts: String = MODULES.iter().map(|(_, text)| *text).collect();
    let checksum = Hasher::digest(Algorithm::Crc64Nvme, texts.as_bytes());
    HeaderValue::try_from(format!("\"{}\"", checksum.to_base64())).ok()
});

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
    let found = MODULES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or_else(|| {
        Failure::new(
            Code::NotFound,
            "the client has no such file; begin with /sdk/index.js",
        )
    })?;
    let known = ETAG.as_ref().is_some_and(|etag| {
        asked
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|it| it == etag)
    });
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => text.into_response(),
    };
    describe(&mut response);
    Ok(response)
}

/// A browser asks each time whether what it has is still right: a page must not mix two versions.
fn describe(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(etag) = ETAG.as_ref() {
        headers.insert(header::ETAG, etag.clone());
    }
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
        let names: Vec<_> = MODULES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
    }
}
