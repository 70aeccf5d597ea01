//! Signatures in the URL: a request that anyone may send, once signed, until it expires.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::fmt;

use jiff::Timestamp;

use super::canonical_request::Method;
use super::draft::Draft;
use super::key::SigningKey;
use super::parts::Parts;
use super::template::Template;
use crate::digest::PrefixedHmac;
use crate::encode::push_ascii;
use crate::{Endpoint, SignError};

/// Presigns requests to one bucket that are made at one instant and live equally long.
///
/// What these have in common is computed once, here; a server keeps one for as long as the second
/// lasts. Then there are three ways, each faster than the one before:
///
/// - [`presign`](Self::presign): any request.
/// - [`template`](Self::template): requests that differ in the key and in header values only.
/// - [`parts`](Self::parts): the parts of one multipart upload.
///
/// All three append to the caller's `String`, and allocate nothing but its growth.
#[derive(Clone)]
pub struct Presigner {
    draft: Draft,
    signer: PrefixedHmac,
}

impl Presigner {
    /// Prepares to presign with a key that [covers](SigningKey::covers) `at`.
    ///
    /// # Errors
    /// [`SignError::ExpiryOutOfRange`] unless the lifetime is 1 to 604,800 seconds, and
    /// [`SignError::KeyOfAnotherDay`].
    pub fn new(
        endpoint: &Endpoint,
        key: &SigningKey,
        at: Timestamp,
        expires_in_seconds: u32,
    ) -> Result<Self, SignError> {
        let draft = Draft::new(endpoint, key.scope(), at, expires_in_seconds)?;
        Ok(Self {
            signer: key.signer_at(&crate::instant::compact(at))?,
            draft,
        })
    }

    /// Signs keys with `.` and `..` segments too.
    ///
    /// Only for senders that leave paths alone. Everything that follows the WHATWG URL standard,
    /// browsers and `fetch` first, resolves such segments even when they are escaped, and then asks
    /// for another object than was signed.
    #[must_use]
    pub fn allowing_dot_segments(mut self) -> Self {
        self.draft = self.draft.allowing_dot_segments();
        self
    }

    /// Appends the presigned URL of one request to `out`, or nothing when it is refused.
    ///
    /// - `key`: the object's key, raw bytes; encoded exactly once.
    /// - `query`: further parameters, not encoded, such as `partNumber` and `uploadId` or
    ///   `response-content-disposition`.
    /// - `signed_headers`: headers that the sender must send with exactly these values, names in lower
    ///   case; `host` is always signed and must not be among them.
    ///
    /// Nothing is allocated but the growth of `out`, as long as query and headers come sorted. The body
    /// is not signed (`UNSIGNED-PAYLOAD`) unless `x-amz-content-sha256` is among the headers.
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
        let hash = self.draft.write(method, key, query, signed_headers, out)?;
        push_ascii(&self.signer.sign(&hash), out);
        Ok(())
    }

    /// Prepares requests that differ in the key and the values of these headers only.
    ///
    /// `header_names` may come in any order; [`Template::presign`] takes values in the same.
    ///
    /// # Errors
    /// As [`presign`](Self::presign), for query and header names.
    pub fn template(
        &self,
        method: Method,
        query: &[(&str, &str)],
        header_names: &[&str],
    ) -> Result<Template, SignError> {
        Template::new(&self.draft, &self.signer, method, query, header_names)
    }

    /// Prepares to presign the parts of one multipart upload.
    ///
    /// `header_names` may come in any order; [`Parts::presign`] takes values in the same.
    ///
    /// # Errors
    /// As [`presign`](Self::presign), and [`SignError::EmptyUploadId`].
    pub fn parts(
        &self,
        key: &[u8],
        upload_id: &str,
        header_names: &[&str],
    ) -> Result<Parts, SignError> {
        Parts::new(&self.draft, &self.signer, key, upload_id, header_names)
    }
}

impl fmt::Debug for Presigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigner")
            .field("endpoint", &self.draft.endpoint)
            .finish_non_exhaustive()
    }
}
