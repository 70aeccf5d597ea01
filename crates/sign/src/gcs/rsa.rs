//! A service account's own key.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::{DeferredPresigner, Form, Method, PostPolicy};
use crate::key_pair::{Hash, KeyError, PrivateKey};
use crate::{Endpoint, SignError};

/// Why a service account cannot sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAccountError {
    /// The key file is no JSON with `client_email` and `private_key`.
    #[error("key file of a service account has no client_email or no private_key")]
    File,
    /// The private key cannot be used.
    #[error("private key of the service account cannot be used")]
    Key(#[from] KeyError),
    /// The private key is no RSA key.
    #[error("private key of the service account is no RSA key")]
    NotRsa,
    /// The request cannot be signed.
    #[error("request cannot be signed")]
    Request(#[from] SignError),
}

/// A service account with its private key.
#[derive(Debug)]
pub struct ServiceAccount {
    client_email: String,
    key: PrivateKey,
}

impl ServiceAccount {
    /// From its address and its private key in PEM.
    ///
    /// # Errors
    /// [`ServiceAccountError::Key`] and [`ServiceAccountError::NotRsa`].
    pub fn new(client_email: &str, private_key_pem: &str) -> Result<Self, ServiceAccountError> {
        let key = PrivateKey::from_pem(private_key_pem)?;
        if !key.is_rsa() {
            return Err(ServiceAccountError::NotRsa);
        }
        Ok(Self {
            client_email: client_email.to_owned(),
            key,
        })
    }

    /// From the text of a key file, as the console hands it out.
    ///
    /// # Errors
    /// [`ServiceAccountError::File`] and those of [`new`](Self::new).
    pub fn from_json(text: &str) -> Result<Self, ServiceAccountError> {
        let file: Value = serde_json::from_str(text).map_err(|_| ServiceAccountError::File)?;
        let part = |name| file.get(name).and_then(Value::as_str);
        match (part("client_email"), part("private_key")) {
            (Some(email), Some(pem)) => Self::new(email, pem),
            _ => Err(ServiceAccountError::File),
        }
    }

    /// The address of the account.
    pub fn client_email(&self) -> &str {
        &self.client_email
    }
}

/// Presigns with a service account's own key: one RSA signature for each request.
pub struct RsaPresigner<'a> {
    deferred: DeferredPresigner,
    account: &'a ServiceAccount,
}

impl<'a> RsaPresigner<'a> {
    /// Prepares to presign at this instant.
    ///
    /// # Errors
    /// As [`DeferredPresigner::new`].
    pub fn new(
        endpoint: &Endpoint,
        account: &'a ServiceAccount,
        at: Timestamp,
        expires_in_seconds: u32,
    ) -> Result<Self, SignError> {
        let email = &account.client_email;
        Ok(Self {
            deferred: DeferredPresigner::new(endpoint, email, at, expires_in_seconds)?,
            account,
        })
    }

    /// Signs keys with `.` and `..` segments too; see
    /// [`Presigner::allowing_dot_segments`](super::Presigner::allowing_dot_segments).
    #[must_use]
    pub fn allowing_dot_segments(mut self) -> Self {
        self.deferred = self.deferred.allowing_dot_segments();
        self
    }

    /// Gives the presigned URL; arguments as in [`Presigner::presign`](super::Presigner::presign).
    ///
    /// # Errors
    /// [`ServiceAccountError::Request`] and [`ServiceAccountError::Key`].
    pub fn presign(
        &self,
        method: Method,
        key: &[u8],
        query: &[(&str, &str)],
        signed_headers: &[(&str, &str)],
    ) -> Result<String, ServiceAccountError> {
        let unsigned = self.deferred.url(method, key, query, signed_headers)?;
        let signature = self.sign(unsigned.string_to_sign())?;
        Ok(unsigned.finish(&signature))
    }

    /// Signs a form.
    ///
    /// # Errors
    /// [`ServiceAccountError::Request`] and [`ServiceAccountError::Key`].
    pub fn form(&self, form: &Form<'_>) -> Result<PostPolicy, ServiceAccountError> {
        let unsigned = self.deferred.form(form)?;
        let signature = self.sign(unsigned.string_to_sign())?;
        Ok(unsigned.finish(&signature))
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>, KeyError> {
        self.account.key.sign(Hash::Sha256, text.as_bytes())
    }
}

impl fmt::Debug for RsaPresigner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPresigner")
            .field("deferred", &self.deferred)
            .finish_non_exhaustive()
    }
}
