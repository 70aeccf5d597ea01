//! The path and query that are signed, which are also those that are sent.

use std::borrow::Cow;

use super::dialect::Dialect;
use crate::encode::{all, compare_encoded, encode_component, encode_path};
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
    url_in(Dialect::Aws, endpoint, key, query)
}

pub(super) fn url_in(
    dialect: Dialect,
    endpoint: &Endpoint,
    key: &[u8],
    query: &[(&str, &str)],
) -> Result<String, SignError> {
    check_key(key)?;
    let query = Query::new(dialect, query)?;
    let mut url = String::new();
    push_origin(endpoint, &mut url);
    push_path(endpoint, key, &mut url);
    if !query.0.is_empty() {
        url.push('?');
        push_parameters(&query.0, &mut url);
    }
    Ok(url)
}

/// Refuses keys that URL libraries and proxies would resolve to another one after signing.
pub(super) fn check_key(key: &[u8]) -> Result<(), SignError> {
    // Most keys have their only point before the ending: look no closer without need.
    let mut segments = key.split(|byte| *byte == b'/');
    if may_have_dot_segment(key) && segments.any(|segment| matches!(segment, b"." | b"..")) {
        return Err(SignError::DotSegment);
    }
    Ok(())
}

/// Like [`check_key`], and there must be a key.
pub(crate) fn check_object_key(key: &[u8]) -> Result<(), SignError> {
    if key.is_empty() {
        return Err(SignError::EmptyKey);
    }
    check_key(key)
}

fn may_have_dot_segment(key: &[u8]) -> bool {
    let pairs = || key.array_windows().any(|pair| pair == b"/.");
    !all(key, |byte| byte != b'.') && (key.first() == Some(&b'.') || pairs())
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
    pub(super) fn new(
        dialect: Dialect,
        parameters: &'a [Parameter<'a>],
    ) -> Result<Self, SignError> {
        if let Some((name, _)) = parameters
            .iter()
            .find(|(name, _)| name.is_empty() || dialect.owns_parameter(name))
        {
            return Err(SignError::ReservedQuery {
                name: (*name).to_owned(),
            });
        }
        Ok(Self(sorted(parameters)))
    }

    /// Splits where the block of the signer's own parameters belongs.
    ///
    /// That block is never interleaved with others: names that start like it are reserved.
    pub(super) fn around_signature(
        &self,
        dialect: Dialect,
    ) -> (&[Parameter<'a>], &[Parameter<'a>]) {
        let prefix = dialect.parameter_prefix();
        let before = |(name, _): &Parameter<'_>| compare_encoded(name, prefix).is_lt();
        self.0.split_at(self.0.partition_point(before))
    }
}

/// Sorts by encoded name, then encoded value; nothing is allocated for what is sorted already.
pub(super) fn sorted<'a>(parameters: &'a [Parameter<'a>]) -> Cow<'a, [Parameter<'a>]> {
    let order = |a: &Parameter<'_>, b: &Parameter<'_>| {
        compare_encoded(a.0, b.0).then_with(|| compare_encoded(a.1, b.1))
    };
    let mut parameters = Cow::Borrowed(parameters);
    if !parameters.is_sorted_by(|a, b| order(a, b).is_le()) {
        parameters.to_mut().sort_by(order);
    }
    parameters
}
