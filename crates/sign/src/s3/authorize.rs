//! Signatures in the headers: the control calls we make ourselves.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::canonical_request::{CanonicalRequest, Method};
use super::headers::{
    AUTHORIZATION, SignedHeaders, X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN,
};
use super::signature::SigningKey;
use super::string_to_sign::{ALGORITHM, amz_date};
use super::url::url_for;
use crate::encode::{hex, push_ascii};
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
        Self::Sha256(Sha256::digest(body).into())
    }

    fn to_text(self) -> String {
        let sha256 = match self {
            Self::Unsigned => return "UNSIGNED-PAYLOAD".to_owned(),
            Self::Empty => Sha256::digest(b"").into(),
            Self::Sha256(sha256) => sha256,
        };
        let mut text = String::with_capacity(64);
        push_ascii(&hex(&sha256), &mut text);
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
    let amz_date = amz_date(at);
    let signer = key.signer_at(&amz_date)?;
    let payload = request.payload.to_text();
    let url = url_for(request.endpoint, request.key, request.query)?;

    let token = key.session_token();
    let signed = SignedHeaders::new(request.endpoint.authority(), request.headers)?
        .and([(X_AMZ_CONTENT_SHA256, &*payload), (X_AMZ_DATE, &amz_date)])
        .and(token.map(|token| (X_AMZ_SECURITY_TOKEN, token)));

    let (path, query) = path_and_query(&url, request.endpoint);
    let canonical_request = CanonicalRequest {
        method: request.method,
        path,
        query,
        headers: &signed,
        payload: &payload,
    };
    let signature = signer.sign(&canonical_request.sha256());
    let authorization = authorization(key, &signed, &signature);

    let mut headers = vec![
        (AUTHORIZATION, authorization),
        (X_AMZ_DATE, amz_date),
        (X_AMZ_CONTENT_SHA256, payload),
    ];
    headers.extend(token.map(|token| (X_AMZ_SECURITY_TOKEN, token.to_owned())));
    Ok(SignedRequest { url, headers })
}

fn authorization(key: &SigningKey, signed: &SignedHeaders<'_>, signature: &[u8; 64]) -> String {
    let mut text = format!(
        "{ALGORITHM} Credential={}, SignedHeaders=",
        key.credential()
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
