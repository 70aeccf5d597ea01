//! The algorithm for any request and any service, each stage as a text: to learn from, and to find out
//! where two signers part ways.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use jiff::Timestamp;

use super::canonical_request::CanonicalRequest;
use super::headers::{HOST, Header, SignedHeaders};
use super::key::SigningKey;
use super::url::{push_parameters, sorted};
use crate::SignError;
use crate::encode::{decode, encode_component, encode_path, hex, push_ascii};
use crate::instant::compact;

/// What services do differently before they hash a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRules {
    /// Whether the path is encoded once more as it was sent. S3 and Google Cloud Storage sign it as sent.
    pub encode_as_sent: bool,
    /// Whether dot segments are resolved and empty segments dropped.
    pub normalize: bool,
}

impl PathRules {
    /// Object storage: encoded exactly once, nothing resolved; a key is any sequence of bytes.
    pub const OBJECT_STORAGE: Self = Self {
        encode_as_sent: false,
        normalize: false,
    };
    /// Every other service of AWS.
    pub const GENERAL: Self = Self {
        encode_as_sent: true,
        normalize: true,
    };

    /// The canonical form of a path as it was sent; `None` when its escapes are none.
    pub(crate) fn apply(self, sent: &str) -> Option<String> {
        let resolved = if self.normalize {
            resolve(sent)
        } else {
            sent.to_owned()
        };
        let mut path = String::with_capacity(resolved.len());
        if self.encode_as_sent {
            encode_path(resolved.as_bytes(), &mut path);
        } else {
            // Senders may have escaped more or less than we would: both ends decode and encode.
            encode_path(&decode(resolved.as_bytes())?, &mut path);
        }
        if path.is_empty() {
            path.push('/');
        }
        Some(path)
    }
}

/// A request as it is sent, complete with the signer's own headers or parameters.
#[derive(Clone, Copy)]
pub struct WireRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The query parameters, not encoded, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers to sign, names in lower case; `host` must be among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body's SHA-256 in hexadecimal, or a word such as `UNSIGNED-PAYLOAD`.
    pub payload: &'a str,
}

/// The three stages of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages {
    /// The request in the form both ends derive from it.
    pub canonical_request: String,
    /// Algorithm, instant, scope, and the hash of the canonical request.
    pub string_to_sign: String,
    /// The signature, in hexadecimal.
    pub signature: String,
}

/// Signs any request, and shows how.
///
/// # Errors
/// [`SignError::KeyOfAnotherDay`], [`SignError::NoHost`] and [`SignError::Path`].
pub fn sign_general(
    key: &SigningKey,
    rules: PathRules,
    request: &WireRequest<'_>,
    at: Timestamp,
) -> Result<Stages, SignError> {
    let path = rules.apply(request.path).ok_or(SignError::Path)?;
    let mut query = String::new();
    push_parameters(&sorted(request.query), &mut query);
    let host = request.headers.iter().find(|(name, _)| *name == HOST);
    let (_, host) = host.ok_or(SignError::NoHost)?;
    let others: Vec<Header<'_>> = request
        .headers
        .iter()
        .copied()
        .filter(|(name, _)| *name != HOST)
        .collect();
    let canonical = CanonicalRequest {
        method: request.method,
        path: &path,
        query: &query,
        headers: &SignedHeaders::unchecked(host, &others),
        payload: request.payload,
    };
    let date = compact(at);
    let hash = canonical.sha256();
    let mut stages = Stages {
        canonical_request: String::new(),
        string_to_sign: key.scope().head_at(&date)?,
        signature: String::new(),
    };
    canonical.write(&mut |text| stages.canonical_request.push_str(text));
    push_ascii(&hex(&hash), &mut stages.string_to_sign);
    push_ascii(&key.signer_at(&date)?.sign(&hash), &mut stages.signature);
    Ok(stages)
}

/// The canonical form of a query as it was sent, without the parameters that `keep` refuses.
pub(crate) fn canonical_query(sent: &str, keep: impl Fn(&str) -> bool) -> Option<String> {
    let mut pairs = Vec::new();
    for parameter in sent.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (recode(name)?, recode(value)?);
        if keep(&name) {
            pairs.push((name, value));
        }
    }
    pairs.sort();
    let mut query = String::with_capacity(sent.len());
    for (index, (name, value)) in pairs.iter().enumerate() {
        query.push_str(if index > 0 { "&" } else { "" });
        query.push_str(name);
        query.push('=');
        query.push_str(value);
    }
    Some(query)
}

fn recode(text: &str) -> Option<String> {
    let mut encoded = String::with_capacity(text.len());
    encode_component(&decode(text.as_bytes())?, &mut encoded);
    Some(encoded)
}

/// RFC 3986, section 5.2.4, with empty segments dropped too.
fn resolve(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut resolved = format!("/{}", kept.join("/"));
    if !kept.is_empty() && ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) {
        resolved.push('/');
    }
    resolved
}
