//! Two rooms, one behind the other: the first `s3s` service verifies the signature and unpacks the body; the
//! second speaks the protocol and knows no signatures. Between them the request is brought into the form the
//! second expects, which could not be done earlier without breaking the signature.

use std::str::FromStr as _;
use std::sync::Arc;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::{Range, Timestamp, TimestampFormat};
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, S3Request, S3Response, S3Result, s3_error};

use crate::address::Domain;
use crate::fault::Lacking;
use crate::options::AccessKey;
use crate::s3::{Backend, OWNER};

/// Parameters of a presigned URL that are about the signature only.
const SIGNATURE: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// Both rooms. Where `dates_are_checked` already, by a clock that may be wrong on purpose, the first room does
/// not check them by the machine's.
pub(crate) fn build(
    backend: Backend,
    key: AccessKey,
    domain: &Domain,
    dates_are_checked: bool,
) -> S3Service {
    let mut inner = S3ServiceBuilder::new(backend.clone());
    inner.set_host(domain.clone());
    let mut outer = S3ServiceBuilder::new(backend);
    outer.set_host(domain.clone());
    outer.set_auth(OneKey(key));
    if dates_are_checked {
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        outer.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    }
    outer.set_route(Gate {
        inner: inner.build(),
    });
    outer.build()
}

/// The one key that may sign.
struct OneKey(AccessKey);

#[async_trait::async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.0.id {
            Ok(SecretKey::from(self.0.secret()))
        } else {
            Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            ))
        }
    }
}

/// The door between the rooms; `s3s` lets only verified requests through it.
struct Gate {
    inner: S3Service,
}

#[async_trait::async_trait]
impl S3Route for Gate {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn call(&self, mut req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        refuse_unimplemented(&req.headers)?;
        let uri = adopt_query(&req.uri, &mut req.headers)?;
        drop_ignored(&mut req.headers);
        if let Some(lacking) = req.extensions.get::<Lacking>() {
            lacking.strip(&mut req.headers);
        }
        let is_head = req.method == Method::HEAD;
        let mut inner = http::Request::new(req.input);
        *inner.method_mut() = req.method;
        *inner.uri_mut() = uri;
        *inner.headers_mut() = req.headers;
        *inner.extensions_mut() = req.extensions;
        if let Some(trailers) = req.trailing_headers {
            inner.extensions_mut().insert(trailers);
        }
        let answer = self.inner.call(inner).await.map_err(broken)?;
        let (parts, body) = answer.into_parts();
        // `s3s` answers a HEAD of a range as one of the whole.
        let partial = is_head && parts.headers.contains_key(header::CONTENT_RANGE);
        let status = match parts.status {
            StatusCode::OK if partial => StatusCode::PARTIAL_CONTENT,
            status => status,
        };
        Ok(S3Response {
            output: body,
            status: Some(status),
            headers: parts.headers,
            extensions: parts.extensions,
        })
    }
}

/// Headers that change what an object *is* are refused rather than ignored.
pub(crate) fn refuse_unimplemented(headers: &HeaderMap) -> S3Result<()> {
    for name in headers.keys().map(HeaderName::as_str) {
        let Some(rest) = name.strip_prefix("x-amz-") else {
            continue;
        };
        if rest.starts_with("server-side-encryption")
            || rest.starts_with("copy-source-server-side-encryption")
            || rest.starts_with("object-lock")
            || rest == "website-redirect-location"
        {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented: {name}"
            ));
        }
        if rest.starts_with("grant-") {
            return Err(no_acls());
        }
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("x-amz-acl").is_some_and(|acl| !matches!(acl, "private" | "bucket-owner-full-control"))
    {
        return Err(no_acls());
    }
    if text("x-amz-storage-class").is_some_and(|class| class != "STANDARD") {
        return Err(s3_error!(
            InvalidStorageClass,
            "The storage class you specified is not valid"
        ));
    }
    for name in [
        "x-amz-expected-bucket-owner",
        "x-amz-source-expected-bucket-owner",
    ] {
        if text(name).is_some_and(|owner| owner != OWNER) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
    }
    Ok(())
}

/// Drops the signature from the query, so that the second room does not look for it, and reads signed
/// `x-amz-*` parameters (a checksum, metadata) as the headers they stand for.
fn adopt_query(uri: &Uri, headers: &mut HeaderMap) -> S3Result<Uri> {
    headers.remove(header::AUTHORIZATION);
    let Some(query) = uri.query() else {
        return Ok(uri.clone());
    };
    let invalid = || s3_error!(InvalidURI, "Couldn't parse the specified URI.");
    let mut kept = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name)
            .decode_utf8()
            .map_err(|_| invalid())?;
        if SIGNATURE.contains(&name.as_ref()) {
            continue;
        }
        if name.to_ascii_lowercase().starts_with("x-amz-") {
            let value: Vec<u8> = percent_decode_str(value).collect();
            let name = HeaderName::from_str(&name).map_err(|_| invalid())?;
            let value = HeaderValue::from_bytes(&value).map_err(|_| invalid())?;
            headers.entry(name).or_insert(value);
            continue;
        }
        kept.push(pair);
    }
    let path = uri.path();
    let rebuilt = if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    };
    Uri::try_from(rebuilt).map_err(|_| invalid())
}

/// What S3 ignores and `s3s` would refuse: several ranges, malformed ranges, dates that are none.
fn drop_ignored(headers: &mut HeaderMap) {
    let text = |headers: &HeaderMap, name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default().to_owned())
    };
    if text(headers, "range").is_some_and(|range| Range::parse(&range).is_err()) {
        headers.remove(header::RANGE);
    }
    for name in ["if-modified-since", "if-unmodified-since", "expires"] {
        if text(headers, name)
            .is_some_and(|date| Timestamp::parse(TimestampFormat::HttpDate, &date).is_err())
        {
            headers.remove(name);
        }
    }
}

fn no_acls() -> s3s::S3Error {
    s3_error!(
        AccessControlListNotSupported,
        "The bucket does not allow ACLs"
    )
}

fn broken(error: HttpError) -> s3s::S3Error {
    s3s::S3Error::with_source(s3s::S3ErrorCode::InternalError, error.into())
}
