//! Signatures in the URL: a request that anyone may send, once signed, until it expires.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::fmt;

use jiff::Timestamp;

use super::canonical_request::{CanonicalRequest, Method};
use super::headers::SignedHeaders;
use super::signature::{Signer, SigningKey};
use super::string_to_sign::{ALGORITHM, amz_date};
use super::url::{Query, check_object_key, push_origin, push_parameters, push_path};
use crate::encode::{encode_component, push_ascii};
use crate::{Endpoint, SignError};

/// The longest lifetime S3 accepts: seven days.
pub const MAX_EXPIRES_IN_SECONDS: u32 = 604_800;

/// Presigns requests to one bucket that are made at one instant and live equally long.
///
/// What these have in common is computed once. [`presign`](Self::presign) allocates nothing but the
/// growth of its output, as long as query and headers come sorted.
pub struct Presigner<'a> {
    endpoint: &'a Endpoint,
    signer: Signer,
    /// `X-Amz-Algorithm=…&…&X-Amz-SignedHeaders=`, encoded.
    signature_query: String,
}

impl<'a> Presigner<'a> {
    /// Prepares to presign with a key that [covers](SigningKey::covers) `at`.
    ///
    /// # Errors
    /// [`SignError::ExpiryOutOfRange`] unless the lifetime is 1 to 604,800 seconds, and
    /// [`SignError::KeyOfAnotherDay`].
    pub fn new(
        endpoint: &'a Endpoint,
        key: &SigningKey,
        at: Timestamp,
        expires_in_seconds: u32,
    ) -> Result<Self, SignError> {
        if !(1..=MAX_EXPIRES_IN_SECONDS).contains(&expires_in_seconds) {
            return Err(SignError::ExpiryOutOfRange {
                seconds: expires_in_seconds,
            });
        }
        let amz_date = amz_date(at);
        Ok(Self {
            endpoint,
            signer: key.signer_at(&amz_date)?,
            signature_query: signature_query(key, &amz_date, expires_in_seconds),
        })
    }

    /// Appends the presigned URL of one request to `out`, or nothing when it is refused.
    ///
    /// - `key`: the object's key, raw bytes; encoded exactly once.
    /// - `query`: further parameters, not encoded, such as `partNumber` and `uploadId` or
    ///   `response-content-disposition`.
    /// - `signed_headers`: headers that the sender must send with exactly these values, names in lower
    ///   case; `host` is always signed and must not be among them.
    ///
    /// The body is not signed (`UNSIGNED-PAYLOAD`); sign a checksum header instead.
    ///
    /// # Errors
    /// [`SignError::EmptyKey`], [`SignError::DotSegment`], [`SignError::ReservedQuery`],
    /// [`SignError::HeaderName`], [`SignError::HeaderValue`] and [`SignError::ReservedHeader`].
    pub fn presign(
        &self,
        method: Method,
        key: &[u8],
        query: &[(&str, &str)],
        signed_headers: &[(&str, &str)],
        out: &mut String,
    ) -> Result<(), SignError> {
        check_object_key(key)?;
        let query = Query::new(query)?;
        let headers = SignedHeaders::new(self.endpoint.authority(), signed_headers)?;

        push_origin(self.endpoint, out);
        let path_start = out.len();
        push_path(self.endpoint, key, out);
        let path_end = out.len();
        out.push('?');
        self.push_query(&query, &headers, out);

        // Path and query are signed as they stand in the URL, so the two cannot differ.
        let canonical_request = CanonicalRequest {
            method,
            path: &out[path_start..path_end],
            query: &out[path_end + 1..],
            headers: &headers,
            payload: "UNSIGNED-PAYLOAD",
        };
        let signature = self.signer.sign(&canonical_request.sha256());
        out.push_str("&X-Amz-Signature=");
        push_ascii(&signature, out);
        Ok(())
    }

    pub(super) fn push_query(
        &self,
        query: &Query<'_>,
        headers: &SignedHeaders<'_>,
        out: &mut String,
    ) {
        let (before, after) = query.around_signature();
        push_parameters(before, out);
        if !before.is_empty() {
            out.push('&');
        }
        out.push_str(&self.signature_query);
        headers.write_names("%3B", &mut |text| out.push_str(text));
        if !after.is_empty() {
            out.push('&');
        }
        push_parameters(after, out);
    }
}

impl fmt::Debug for Presigner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner")
            .field("endpoint", self.endpoint)
            .finish_non_exhaustive()
    }
}

/// The parameters all requests share; their names are in sorted order.
fn signature_query(key: &SigningKey, amz_date: &str, expires_in_seconds: u32) -> String {
    let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=");
    encode_component(key.credential().as_bytes(), &mut query);
    query.push_str(&format!(
        "&X-Amz-Date={amz_date}&X-Amz-Expires={expires_in_seconds}"
    ));
    if let Some(token) = key.session_token() {
        query.push_str("&X-Amz-Security-Token=");
        encode_component(token.as_bytes(), &mut query);
    }
    query.push_str("&X-Amz-SignedHeaders=");
    query
}
