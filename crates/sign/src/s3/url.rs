//! The path and query that are signed, which are also those that are sent.

use std::borrow::Cow;

use super::headers::X_AMZ_SECURITY_TOKEN;
use crate::encode::{compare_encoded, encode_component, encode_path};
use crate::{Endpoint, SignError};

/// A query parameter's name and value, both not yet encoded.
pub(super) type Parameter<'a> = (&'a str, &'a str);

/// The URL of an object (or of the bucket, when `key` is empty) in the form in which it is signed.
///
/// The key is encoded exactly once, byte for byte; the query is encoded and sorted. A parameter
/// without a value is written `name=`.
///
/// # Errors
/// [`SignError::DotSegment`] and [`SignError::ReservedQuery`].
pub fn url_for(
    endpoint: &Endpoint,
    key: &[u8],
    query: &[(&str, &str)],
) -> Result<String, SignError> {
    check_key(key)?;
    let query = Query::new(query)?;
    let mut url = String::new();
    push_origin(endpoint, &mut url);
    push_path(endpoint, key, &mut url);
    if !query.0.is_empty() {
        url.push('?');
        push_parameters(&query.0, &mut url);
    }
    Ok(url)
}

/// The value of `x-amz-copy-source` for an object of this bucket: `/bucket/key`, encoded once.
///
/// # Errors
/// [`SignError::EmptyKey`] and [`SignError::DotSegment`].
pub fn copy_source(endpoint: &Endpoint, key: &[u8]) -> Result<String, SignError> {
    check_object_key(key)?;
    let mut source = format!("/{}/", endpoint.bucket());
    encode_path(key, &mut source);
    Ok(source)
}

/// Refuses keys that URL libraries and proxies would resolve to another one after signing.
pub(super) fn check_key(key: &[u8]) -> Result<(), SignError> {
    let mut segments = key.split(|byte| *byte == b'/');
    if segments.any(|segment| matches!(segment, b"." | b"..")) {
        return Err(SignError::DotSegment);
    }
    Ok(())
}

/// Like [`check_key`], and there must be a key.
pub(super) fn check_object_key(key: &[u8]) -> Result<(), SignError> {
    if key.is_empty() {
        return Err(SignError::EmptyKey);
    }
    check_key(key)
}

/// Appends `scheme://authority`.
pub(super) fn push_origin(endpoint: &Endpoint, out: &mut String) {
    out.push_str(endpoint.scheme());
    out.push_str("://");
    out.push_str(endpoint.authority());
}

/// Appends the encoded path of an object, or of the bucket when `key` is empty.
pub(super) fn push_path(endpoint: &Endpoint, key: &[u8], out: &mut String) {
    out.push_str(endpoint.path_prefix());
    if !key.is_empty() {
        out.push('/');
        encode_path(key, out);
    } else if endpoint.path_prefix().is_empty() {
        out.push('/');
    }
}

/// Appends `name=value&…`, encoded.
pub(super) fn push_parameters(parameters: &[Parameter<'_>], out: &mut String) {
    for (index, (name, value)) in parameters.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        encode_component(name.as_bytes(), out);
        out.push('=');
        encode_component(value.as_bytes(), out);
    }
}

/// Checked query parameters, sorted by encoded name, then encoded value.
pub(super) struct Query<'a>(pub(super) Cow<'a, [Parameter<'a>]>);

impl<'a> Query<'a> {
    /// Checks and sorts; nothing is allocated when the parameters are sorted already.
    pub(super) fn new(parameters: &'a [Parameter<'a>]) -> Result<Self, SignError> {
        if let Some((name, _)) = parameters.iter().find(|(name, _)| is_reserved(name)) {
            return Err(SignError::ReservedQuery {
                name: (*name).to_owned(),
            });
        }
        let order = |a: &Parameter<'_>, b: &Parameter<'_>| {
            compare_encoded(a.0, b.0).then_with(|| compare_encoded(a.1, b.1))
        };
        let mut parameters = Cow::Borrowed(parameters);
        if !parameters.is_sorted_by(|a, b| order(a, b).is_le()) {
            parameters.to_mut().sort_by(order);
        }
        Ok(Self(parameters))
    }

    /// Splits where the block of `X-Amz-…` parameters belongs.
    ///
    /// That block is never interleaved with others: names that start like it are reserved.
    pub(super) fn around_signature(&self) -> (&[Parameter<'a>], &[Parameter<'a>]) {
        let before = |(name, _): &Parameter<'_>| compare_encoded(name, SIGNER_PREFIX).is_lt();
        self.0.split_at(self.0.partition_point(before))
    }
}

const SIGNER_PREFIX: &str = "X-Amz-";

/// S3 takes `x-amz-checksum-mode` and others of the kind as parameters, so not all of that prefix is ours.
fn is_reserved(name: &str) -> bool {
    name.is_empty()
        || name.starts_with(SIGNER_PREFIX)
        || [
            "x-amz-algorithm",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-expires",
            "x-amz-signature",
            "x-amz-signedheaders",
            X_AMZ_SECURITY_TOKEN,
        ]
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}
