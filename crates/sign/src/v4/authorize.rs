//! Signatures in the headers: the control calls we make ourselves.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::fmt;

use jiff::Timestamp;

use super::canonical_request::{CanonicalRequest, Method, UNSIGNED_PAYLOAD};
use super::headers::SignedHeaders;
use super::key::{Scope, SigningKey};
use super::url::url_in;
use crate::digest::sha256;
use crate::encode::{hex, push_ascii};
use crate::instant::compact;
use crate::{Endpoint, SignError};

/// What the signature says about the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// There is no body.
    Empty,
    /// The body is not signed; its integrity rests on TLS and a checksum header.
    Unsigned,
    /// The body has this SHA-256.
    Sha256([u8; 32]),
}

impl Payload {
    /// The payload that consists of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self::Sha256(sha256(body))
    }

    fn to_text(self) -> String {
        let hash = match self {
            Self::Unsigned => return UNSIGNED_PAYLOAD.to_owned(),
            Self::Empty => sha256(b""),
            Self::Sha256(hash) => hash,
        };
        let mut text = String::with_capacity(64);
        push_ascii(&hex(&hash), &mut text);
        text
    }
}

/// A request to be signed in its headers.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The bucket's address.
    pub endpoint: &'a Endpoint,
    /// The object's key in raw bytes; empty for a request to the bucket itself.
    pub key: &'a [u8],
    /// Query parameters, not encoded, in any order; a flag such as `uploads` has the value `""`.
    pub query: &'a [(&'a str, &'a str)],
    /// Further headers to sign, names in lower case; send them as they stand here.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub payload: Payload,
}

/// A signed request: send it to exactly this URL, with these headers and those of the [`Request`].
///
/// `Debug` shows neither URL query nor header values: for a few minutes they are as good as a credential.
#[derive(Clone)]
pub struct SignedRequest {
    /// The URL, as by [`url_for`].
    pub url: String,
    /// `authorization`, `x-amz-date`, `x-amz-content-sha256` and, with temporary credentials,
    /// `x-amz-security-token`.
    pub headers: Vec<(&'static str, String)>,
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url.split('?').next();
        f.debug_struct("SignedRequest")
            .field("url", &path.unwrap_or_default())
            .finish_non_exhaustive()
    }
}

/// Signs a request in its headers with a key that [covers](SigningKey::covers) `at`.
///
/// # Errors
/// [`SignError::DotSegment`], [`SignError::ReservedQuery`], [`SignError::HeaderName`],
/// [`SignError::HeaderValue`], [`SignError::ReservedHeader`] and [`SignError::KeyOfAnotherDay`].
pub fn authorize(
    key: &SigningKey,
    request: &Request<'_>,
    at: Timestamp,
) -> Result<SignedRequest, SignError> {
    let scope = key.scope();
    let dialect = scope.dialect;
    let date = compact(at);
    let signer = key.signer_at(&date)?;
    let payload = request.payload.to_text();
    let url = url_in(dialect, request.endpoint, request.key, request.query)?;

    let token = scope.token();
    let payload_header = dialect.payload_header();
    if request
        .headers
        .iter()
        .any(|(name, _)| *name == payload_header)
    {
        return Err(SignError::ReservedHeader {
            name: payload_header.to_owned(),
        });
    }
    let signed = SignedHeaders::new(dialect, request.endpoint.authority(), request.headers)?
        .and([(payload_header, &*payload), (dialect.date_header(), &date)])
        .and(token.map(|token| (dialect.token_header(), token)));

    let (path, query) = path_and_query(&url, request.endpoint);
    let canonical_request = CanonicalRequest {
        method: request.method.as_str(),
        path,
        query,
        headers: &signed,
        payload: &payload,
    };
    let signature = signer.sign(&canonical_request.sha256());
    let authorization = authorization(scope, &signed, &signature);

    let mut headers = vec![
        ("authorization", authorization),
        (dialect.date_header(), date),
        (payload_header, payload),
    ];
    headers.extend(token.map(|token| (dialect.token_header(), token.to_owned())));
    Ok(SignedRequest { url, headers })
}

fn authorization(scope: &Scope, signed: &SignedHeaders<'_>, signature: &[u8; 64]) -> String {
    let algorithm = scope.dialect.algorithm();
    let mut text = format!(
        "{algorithm} Credential={}, SignedHeaders=",
        scope.credential
    );
    signed.write_names(";", &mut |name| text.push_str(name));
    text.push_str(", Signature=");
    push_ascii(signature, &mut text);
    text
}

/// Path and query are signed as they stand in the URL, so the two cannot differ.
fn path_and_query<'a>(url: &'a str, endpoint: &Endpoint) -> (&'a str, &'a str) {
    let origin = endpoint.scheme().len() + "://".len() + endpoint.authority().len();
    let target = &url[origin..];
    target.split_once('?').unwrap_or((target, ""))
}
