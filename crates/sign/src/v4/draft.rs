//! Presigned URLs up to the signature.

use jiff::Timestamp;

use super::canonical_request::{CanonicalRequest, Method, UNSIGNED_PAYLOAD};
use super::headers::SignedHeaders;
use super::key::Scope;
use super::url::{Query, check_object_key, push_origin, push_parameters, push_path};
use crate::encode::encode_component;
use crate::instant::compact;
use crate::{Endpoint, SignError};

/// The longest lifetime S3 and Google Cloud Storage accept: seven days.
pub const MAX_EXPIRES_IN_SECONDS: u32 = 604_800;

/// What presigned requests of one signer, instant and lifetime have in common.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(super) endpoint: Endpoint,
    pub(super) scope: Scope,
    /// `X-Amz-Algorithm=…&…&X-Amz-SignedHeaders=`, encoded.
    pub(super) query: String,
    /// The string to sign up to the hash.
    pub(super) head: String,
    pub(super) allow_dot_segments: bool,
}

impl Draft {
    pub(crate) fn new(
        endpoint: &Endpoint,
        scope: &Scope,
        at: Timestamp,
        expires_in_seconds: u32,
    ) -> Result<Self, SignError> {
        if !(1..=MAX_EXPIRES_IN_SECONDS).contains(&expires_in_seconds) {
            return Err(SignError::ExpiryOutOfRange {
                seconds: expires_in_seconds,
            });
        }
        let date = compact(at);
        Ok(Self {
            endpoint: endpoint.clone(),
            head: scope.head_at(&date)?,
            query: signature_query(scope, &date, expires_in_seconds),
            scope: scope.clone(),
            allow_dot_segments: false,
        })
    }

    pub(crate) fn allowing_dot_segments(mut self) -> Self {
        self.allow_dot_segments = true;
        self
    }

    /// The string to sign up to the hash.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// Appends the URL of one request up to `Signature=`, or nothing when it is refused, and gives the
    /// hash of its canonical request.
    pub(crate) fn write(
        &self,
        method: Method,
        key: &[u8],
        query: &[(&str, &str)],
        signed_headers: &[(&str, &str)],
        out: &mut String,
    ) -> Result<[u8; 32], SignError> {
        self.check_key(key)?;
        let dialect = self.scope.dialect;
        let query = Query::new(dialect, query)?;
        let headers = SignedHeaders::new(dialect, self.endpoint.authority(), signed_headers)?;
        let payload = headers.value(dialect.payload_header());

        push_origin(&self.endpoint, out);
        let path_start = out.len();
        push_path(&self.endpoint, key, out);
        let path_end = out.len();
        out.push('?');
        self.push_query(&query, &headers, out);

        // Path and query are signed as they stand in the URL, so the two cannot differ.
        let canonical_request = CanonicalRequest {
            method: method.as_str(),
            path: &out[path_start..path_end],
            query: &out[path_end + 1..],
            headers: &headers,
            payload: payload.unwrap_or(UNSIGNED_PAYLOAD),
        };
        let hash = canonical_request.sha256();
        self.push_signature_name(out);
        Ok(hash)
    }

    pub(super) fn check_key(&self, key: &[u8]) -> Result<(), SignError> {
        match check_object_key(key) {
            Err(SignError::DotSegment) if self.allow_dot_segments => Ok(()),
            result => result,
        }
    }

    pub(super) fn push_query(
        &self,
        query: &Query<'_>,
        headers: &SignedHeaders<'_>,
        out: &mut String,
    ) {
        let (before, after) = query.around_signature(self.scope.dialect);
        push_parameters(before, out);
        if !before.is_empty() {
            out.push('&');
        }
        out.push_str(&self.query);
        headers.write_names("%3B", &mut |text| out.push_str(text));
        if !after.is_empty() {
            out.push('&');
        }
        push_parameters(after, out);
    }

    pub(super) fn push_signature_name(&self, out: &mut String) {
        out.push('&');
        out.push_str(self.scope.dialect.parameter_prefix());
        out.push_str("Signature=");
    }
}

/// The parameters all requests share; their names are in sorted order.
fn signature_query(scope: &Scope, date: &str, expires_in_seconds: u32) -> String {
    let prefix = scope.dialect.parameter_prefix();
    let algorithm = scope.dialect.algorithm();
    let mut query = format!("{prefix}Algorithm={algorithm}&{prefix}Credential=");
    encode_component(scope.credential.as_bytes(), &mut query);
    query.push_str(&format!(
        "&{prefix}Date={date}&{prefix}Expires={expires_in_seconds}"
    ));
    if let Some(token) = scope.token() {
        query.push_str(&format!("&{prefix}Security-Token="));
        encode_component(token.as_bytes(), &mut query);
    }
    query.push_str(&format!("&{prefix}SignedHeaders="));
    query
}
