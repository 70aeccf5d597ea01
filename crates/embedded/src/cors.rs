//! Cross-origin requests: the browser's question before, and the headers after.
//!
//! A bucket has the rules that PutBucketCors gave it, or else the configured ones. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html> and
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>. Requests carry their own signature, so no rule ever
//! allows credentials (cookies), which S3 does for origins that are not `*`.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use s3s::{S3Error, S3ErrorCode};
use serde::{Deserialize, Serialize};

use crate::index::{self, Index};
use crate::options::CorsRules;

/// Methods a rule can allow.
pub(crate) const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "POST", "DELETE"];

/// Response headers a page may read by the configured rule.
const EXPOSED: [&str; 13] = [
    "ETag",
    "Content-Length",
    "Content-Range",
    "Last-Modified",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-mp-parts-count",
    "x-amz-request-id",
    "x-amz-version-id",
];

/// Request headers a page may send by the configured rule.
const HEADERS: [&str; 15] = [
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
    "x-amz-*",
    "amz-sdk-*",
];

/// Whom an answer was made for, beside its origin.
const VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// One rule. A name of an origin or a header may hold one `*`, which stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) methods: Vec<String>,
    /// Request headers.
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    /// Response headers.
    #[serde(default)]
    pub(crate) exposed: Vec<String>,
    /// How long a browser may remember a preflight, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u32>,
}

/// Where the rules are.
pub(crate) struct Cors {
    configured: Vec<CorsRule>,
    index: Arc<Index>,
}

impl Cors {
    pub(crate) fn new(rules: &CorsRules, index: Arc<Index>) -> Self {
        Self {
            configured: configured(rules),
            index,
        }
    }

    /// The rules in force for a bucket, should it exist.
    pub(crate) async fn rules(&self, bucket: String) -> Vec<CorsRule> {
        let index = Arc::clone(&self.index);
        let look = move || index.read(|snapshot| index::find_bucket(snapshot, &bucket));
        // Without an answer the request itself fails too, and says why.
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(record)) if !record.cors.is_empty() => record.cors,
            _ => self.configured.clone(),
        }
    }
}

/// Answers a preflight: the headers that say what is allowed, or S3's refusal.
pub(crate) fn preflight(rules: &[CorsRule], asked: &HeaderMap) -> Result<HeaderMap, S3Error> {
    let text = |name| {
        asked
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let origin = text(header::ORIGIN)
        .ok_or_else(|| bad_request("Insufficient information. Origin request header needed."))?;
    let method = text(header::ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or_else(|| bad_request("Invalid Access-Control-Request-Method: null"))?;
    let names = text(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let rule = rules
        .iter()
        .find(|rule| rule.allows(origin, method) && rule.allows_headers(names))
        .ok_or_else(|| forbidden(rules))?;
    let mut headers = HeaderMap::new();
    rule.grant(origin, &mut headers);
    insert(
        &mut headers,
        header::ACCESS_CONTROL_ALLOW_METHODS,
        &rule.methods.join(", "),
    );
    insert(&mut headers, header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    if let Some(seconds) = rule.max_age {
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, seconds.into());
    }
    Ok(headers)
}

/// Adds to the answer of an actual request what lets a page of an allowed origin read it.
pub(crate) fn decorate(
    rules: &[CorsRule],
    method: &Method,
    origin: Option<&HeaderValue>,
    headers: &mut HeaderMap,
) {
    headers.append(header::VARY, HeaderValue::from_static(VARY));
    let Some(origin) = origin.and_then(|origin| origin.to_str().ok()) else {
        return;
    };
    if let Some(rule) = rules
        .iter()
        .find(|rule| rule.allows(origin, method.as_str()))
    {
        rule.grant(origin, headers);
    }
}

/// Whether `text` is what `pattern` says, in which the first `*` stands for any characters.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text
            .strip_prefix(head)
            .is_some_and(|rest| rest.ends_with(tail)),
    }
}

impl CorsRule {
    fn allows(&self, origin: &str, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
            && self.origins.iter().any(|pattern| matches(pattern, origin))
    }

    fn allows_headers(&self, names: &str) -> bool {
        let mut asked = names
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty());
        asked.all(|name| {
            self.headers
                .iter()
                .any(|pattern| matches(&pattern.to_ascii_lowercase(), &name))
        })
    }

    /// The headers of every answer to an allowed origin. One that is allowed as everybody is, is not named.
    fn grant(&self, origin: &str, headers: &mut HeaderMap) {
        let anybody = self.origins.iter().any(|pattern| pattern == "*");
        let allowed = if anybody { "*" } else { origin };
        insert(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        let exposed = self.exposed.join(", ");
        insert(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
    }
}

/// The configured rules as S3 would write them; none when no origin is allowed.
fn configured(rules: &CorsRules) -> Vec<CorsRule> {
    if rules.allowed_origins.is_empty() {
        return Vec::new();
    }
    vec![CorsRule {
        id: None,
        origins: rules.allowed_origins.clone(),
        methods: METHODS.map(str::to_owned).into(),
        headers: HEADERS.map(str::to_owned).into(),
        exposed: EXPOSED.map(str::to_owned).into(),
        max_age: Some(rules.max_age),
    }]
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Some(value) = HeaderValue::try_from(value)
        .ok()
        .filter(|value| !value.is_empty())
    {
        headers.insert(name, value);
    }
}

fn forbidden(rules: &[CorsRule]) -> S3Error {
    let message = if rules.is_empty() {
        "CORSResponse: CORS is not enabled for this bucket."
    } else {
        "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
    };
    refusal("AccessForbidden", StatusCode::FORBIDDEN, message)
}

fn bad_request(message: &'static str) -> S3Error {
    refusal("BadRequest", StatusCode::BAD_REQUEST, message)
}

fn refusal(code: &'static str, status: StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_no_fewer_than_none() {
        assert!(matches("https://*.example", "https://a.b.example"));
        assert!(matches("*", "null"));
        assert!(matches("x-*", "x-"));
        assert!(!matches("https://*.example", "https://.exampl"));
        assert!(!matches("aa*aa", "aaa"));
        assert!(!matches("https://app.example", "https://app.example.evil"));
    }
}
