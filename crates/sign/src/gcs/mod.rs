//! Google Cloud Storage, V4 signatures.
//!
//! The algorithm is that of S3 with other names; what differs is the key. There are two kinds:
//!
//! - **HMAC keys** ([`hmac_key`], `GOOG4-HMAC-SHA256`): an access id and a secret, made for a service
//!   account in the console or with `gcloud storage hmac create`. **Use these.** A URL costs less than a
//!   microsecond, some 700 times less than with RSA.
//! - **A service account's private key** (`RsaPresigner`, `GOOG4-RSA-SHA256`, with the feature
//!   `key-pairs`): one RSA-2048 signature for each URL. Where the key stays behind IAM's `signBlob`,
//!   [`DeferredPresigner`] gives the string to sign and takes the signature.
//!
//! With an HMAC key everything is as in [`s3`](crate::s3): [`Presigner`], [`Template`], [`Parts`],
//! [`authorize`], [`post_policy`] and their verification. The XML API has S3's multipart uploads too.
//!
//! ```
//! use valetkey_sign::gcs::{Method, Presigner, endpoint, hmac_key};
//! use valetkey_sign::{AddressingStyle, Credentials};
//!
//! let endpoint = endpoint("photos", AddressingStyle::Path)?;
//! let credentials = Credentials::new("GOOG1EXAMPLEACCESSID", "a secret");
//! let at: jiff::Timestamp = "2026-01-02T03:04:05Z".parse()?;
//! let presigner = Presigner::new(&endpoint, &hmac_key(&credentials, at)?, at, 900)?;
//! let mut url = String::new();
//! // Only if there is no such object yet.
//! let headers = [("x-goog-if-generation-match", "0")];
//! presigner.presign(Method::Put, b"2026/beach.jpg", &[], &headers, &mut url)?;
//! assert!(url.starts_with("https://storage.googleapis.com/photos/2026/beach.jpg?X-Goog-Algorithm="));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! <https://cloud.google.com/storage/docs/authentication/signatures>

mod deferred;
#[cfg(feature = "key-pairs")]
mod rsa;

use jiff::Timestamp;

use crate::v4::Dialect;
use crate::{AddressingStyle, Credentials, Endpoint, EndpointError, SignError};

pub use crate::v4::{
    Claim, Form, MAX_EXPIRES_IN_SECONDS, MAX_PART_NUMBER, Method, Parts, Payload, PostPolicy,
    Presigner, Received, Request, SignedRequest, SigningKey, Submitted, Template, VerifyError,
    authorize, post_policy, verify_form,
};
pub use deferred::{DeferredPresigner, UnsignedForm, UnsignedUrl};
#[cfg(feature = "key-pairs")]
pub use rsa::{RsaPresigner, ServiceAccount, ServiceAccountError};

/// The address of Google Cloud Storage's XML API.
pub const ORIGIN: &str = "https://storage.googleapis.com";

/// The service name in credential scopes.
pub const SERVICE: &str = "storage";

/// The region in credential scopes: Google takes this for buckets anywhere.
pub const REGION: &str = "auto";

/// Where a bucket of Google's own is reached.
///
/// # Errors
/// A bad bucket name.
pub fn endpoint(bucket: &str, style: AddressingStyle) -> Result<Endpoint, EndpointError> {
    Endpoint::parse(ORIGIN, bucket, style)
}

/// Derives the day's key from an HMAC key.
///
/// # Errors
/// [`SignError::Credential`], also for a session token, which Google does not know.
pub fn hmac_key(credentials: &Credentials, at: Timestamp) -> Result<SigningKey, SignError> {
    if credentials.session_token.is_some() {
        return Err(SignError::Credential {
            part: "session token",
        });
    }
    SigningKey::derive_in(Dialect::GoogleHmac, credentials, at, REGION, SERVICE)
}
