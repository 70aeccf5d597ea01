//! Two steps, for keys that stay where they are.
//!
//! <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob>

use std::fmt;

use jiff::Timestamp;

use super::{Form, Method, PostPolicy, REGION, SERVICE};
use crate::encode::{hex, push_ascii, push_hex};
use crate::v4::{Dialect, Draft, Scope, UnsignedPolicy, check_signer};
use crate::{Endpoint, SignError};

/// Prepares presigned requests whose signature is made elsewhere: by IAM's `signBlob`, or an HSM.
#[derive(Clone)]
pub struct DeferredPresigner {
    draft: Draft,
    endpoint: Endpoint,
    scope: Scope,
    at: Timestamp,
    expires_in_seconds: u32,
}

impl DeferredPresigner {
    /// For the service account of this address.
    ///
    /// # Errors
    /// [`SignError::ExpiryOutOfRange`] and [`SignError::Credential`].
    pub fn new(
        endpoint: &Endpoint,
        client_email: &str,
        at: Timestamp,
        expires_in_seconds: u32,
    ) -> Result<Self, SignError> {
        check_signer(client_email)?;
        let dialect = Dialect::GoogleRsa;
        let scope = Scope::of_signer(dialect, client_email, None, at, REGION, SERVICE)?;
        Ok(Self {
            draft: Draft::new(endpoint, &scope, at, expires_in_seconds)?,
            endpoint: endpoint.clone(),
            scope,
            at,
            expires_in_seconds,
        })
    }

    /// Signs keys with `.` and `..` segments too; see
    /// [`Presigner::allowing_dot_segments`](super::Presigner::allowing_dot_segments).
    #[must_use]
    pub fn allowing_dot_segments(mut self) -> Self {
        self.draft = self.draft.allowing_dot_segments();
        self
    }

    /// The first step for a URL; arguments as in [`Presigner::presign`](super::Presigner::presign).
    ///
    /// # Errors
    /// As [`Presigner::presign`](super::Presigner::presign).
    pub fn url(
        &self,
        method: Method,
        key: &[u8],
        query: &[(&str, &str)],
        signed_headers: &[(&str, &str)],
    ) -> Result<UnsignedUrl, SignError> {
        let mut url = String::new();
        let hash = self
            .draft
            .write(method, key, query, signed_headers, &mut url)?;
        let mut string_to_sign = self.draft.head().to_owned();
        push_ascii(&hex(&hash), &mut string_to_sign);
        Ok(UnsignedUrl {
            url,
            string_to_sign,
        })
    }

    /// The first step for a form.
    ///
    /// # Errors
    /// As [`post_policy`](super::post_policy).
    pub fn form(&self, form: &Form<'_>) -> Result<UnsignedForm, SignError> {
        let seconds = self.expires_in_seconds;
        UnsignedPolicy::new(&self.endpoint, &self.scope, self.at, seconds, form).map(UnsignedForm)
    }
}

impl fmt::Debug for DeferredPresigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredPresigner")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A presigned URL that lacks its signature.
#[derive(Clone)]
pub struct UnsignedUrl {
    url: String,
    string_to_sign: String,
}

impl UnsignedUrl {
    /// What has to be signed, with RSA PKCS #1 v1.5 over SHA-256.
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    /// The URL with this signature, given in bytes.
    pub fn finish(mut self, signature: &[u8]) -> String {
        push_hex(signature, &mut self.url);
        self.url
    }
}

impl fmt::Debug for UnsignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedUrl").finish_non_exhaustive()
    }
}

/// A form that lacks its signature.
#[derive(Clone)]
pub struct UnsignedForm(UnsignedPolicy);

impl UnsignedForm {
    /// What has to be signed, with RSA PKCS #1 v1.5 over SHA-256.
    pub fn string_to_sign(&self) -> &str {
        self.0.string_to_sign()
    }

    /// The form with this signature, given in bytes.
    pub fn finish(self, signature: &[u8]) -> PostPolicy {
        self.0.finish(signature)
    }
}

impl fmt::Debug for UnsignedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedForm").finish_non_exhaustive()
    }
}
