//! Cross-origin requests: the browser's question before, and the headers after.
//!
//! See <https://fetch.spec.whatwg.org/#http-cors-protocol>.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::options::CorsRules;

/// Methods a page may use.
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";
/// Response headers a page may read.
const EXPOSED: &str = "ETag, Content-Length, Content-Range, Last-Modified, x-amz-checksum-crc32, x-amz-checksum-crc32c, x-amz-checksum-crc64nvme, x-amz-checksum-sha1, x-amz-checksum-sha256, x-amz-checksum-type, x-amz-mp-parts-count, x-amz-request-id, x-amz-version-id";
/// Request headers a page may send, besides `x-amz-*` and `amz-sdk-*`.
const HEADERS: [&str; 13] = [
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "expires",
];

/// Answers a preflight: the status and the headers that say what is allowed.
pub(crate) fn preflight(rules: &CorsRules, parts: &Parts) -> (StatusCode, HeaderMap) {
    match allowed(rules, parts) {
        Some(headers) => (StatusCode::OK, headers),
        None => (StatusCode::FORBIDDEN, HeaderMap::new()),
    }
}

/// Adds to an answer what lets a page of an allowed origin read it.
pub(crate) fn decorate(rules: &CorsRules, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    if !rules.allowed_origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = origin.and_then(|origin| allow_origin(rules, origin)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
    }
}

fn allowed(rules: &CorsRules, parts: &Parts) -> Option<HeaderMap> {
    allow_origin(rules, parts.headers.get(header::ORIGIN)?)?;
    let method = parts.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    if !METHODS.split(", ").any(|known| known == method.as_str()) {
        return None;
    }
    let mut headers = HeaderMap::new();
    if let Some(asked) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        let names = asked.to_str().ok()?;
        if !names.split(',').map(str::trim).all(allows_header) {
            return None;
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(METHODS),
    );
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from(rules.max_age),
    );
    Some(headers)
}

fn allow_origin(rules: &CorsRules, origin: &HeaderValue) -> Option<HeaderValue> {
    let matches = |rule: &String| rule == "*" || rule.as_bytes() == origin.as_bytes();
    let rule = rules.allowed_origins.iter().find(|rule| matches(rule))?;
    Some(if rule == "*" {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    })
}

fn allows_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.is_empty()
        || name.starts_with("x-amz-")
        || name.starts_with("amz-sdk-")
        || HEADERS.contains(&name.as_str())
}
