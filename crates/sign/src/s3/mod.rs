//! AWS Signature Version 4 as S3 and what speaks it want it.
//!
//! One file per stage: [`url`](url_for) builds the very path and query that are signed and sent,
//! `headers` the signed headers, then `canonical_request` → `string_to_sign` → `signature`.
//! [`Presigner`] puts the result into a URL, [`authorize`] into headers.
//!
//! ```
//! use valetkey_sign::s3::{Method, Presigner, SigningKey};
//! use valetkey_sign::{AddressingStyle, Credentials, Endpoint};
//!
//! let endpoint = Endpoint::parse(
//!     "https://s3.amazonaws.com",
//!     "examplebucket",
//!     AddressingStyle::VirtualHost,
//! )?;
//! let credentials = Credentials::new(
//!     "AKIAIOSFODNN7EXAMPLE",
//!     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
//! );
//! let at: jiff::Timestamp = "2013-05-24T00:00:00Z".parse()?;
//!
//! // Once a day and region:
//! let key = SigningKey::derive(&credentials, at, "us-east-1", "s3")?;
//! // Once an instant and lifetime:
//! let presigner = Presigner::new(&endpoint, &key, at, 86_400)?;
//! // Once a request:
//! let mut url = String::new();
//! presigner.presign(Method::Get, b"test.txt", &[], &[], &mut url)?;
//!
//! assert!(url.starts_with("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm="));
//! assert!(url.ends_with("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! S3 differs from the other AWS services in the path: it is encoded exactly once and never normalised.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>

mod copy_source;
pub mod headers;

pub use crate::v4::{
    Claim, Form, MAX_EXPIRES_IN_SECONDS, MAX_PART_NUMBER, Method, Parts, Payload, PostPolicy,
    Presigner, Received, Request, SignedRequest, SigningKey, Submitted, Template, VerifyError,
    authorize, post_policy, url_for, verify_form,
};
pub use copy_source::copy_source;

/// The service name in the credential scope of S3 requests.
pub const SERVICE: &str = "s3";
