//! How is a request to object storage signed, and how is it verified?
//!
//! Everything here is a pure function of its arguments: no clock, no randomness, no environment, no
//! network and no HTTP library. The instant of signing is a parameter, and what comes out is text: a
//! presigned URL, a form, or a URL with the headers that authorise it.
//!
//! - [`s3`]: AWS Signature Version 4 as S3 and its relatives want it. **Start there.**
//! - [`gcs`]: Google Cloud Storage; the same algorithm with other names, and service accounts.
//! - [`azure`]: shared access signatures and shared-key headers.
//! - `cloudfront`: signed URLs and cookies (with the feature `key-pairs`).
//! - [`v4`]: the algorithm behind the first two, stage by stage, for any service.
//! - [`Endpoint`]: where a bucket is reached, parsed once.
//! - [`Credentials`]: who signs; no secret ever shows in its `Debug`.
//! - [`stable_window`]: URLs that stay the same for a while, so that caches can find them again.
//!
//! # What a signature is
//!
//! Both ends know a secret. The sender writes the request down in one agreed form, hashes it, signs the
//! hash with the secret, and sends the signature along. Storage writes down the request *it* received in
//! the same form and compares. If anything that was signed has changed on the way, the forms differ, and so do the
//! signatures. The form is where all mistakes are made, so here it is, for
//! `GET /test.txt` from the bucket `examplebucket`:
//!
//! ```
//! use valetkey_sign::s3::SigningKey;
//! use valetkey_sign::v4::{PathRules, WireRequest, sign_general};
//! use valetkey_sign::Credentials;
//!
//! let credentials = Credentials::new(
//!     "AKIAIOSFODNN7EXAMPLE",
//!     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
//! );
//! let at: jiff::Timestamp = "2013-05-24T00:00:00Z".parse()?;
//! // The secret does not sign: a key made from it for one day, region and service does.
//! let key = SigningKey::derive(&credentials, at, "us-east-1", "s3")?;
//! let request = WireRequest {
//!     method: "GET",
//!     path: "/test.txt",
//!     query: &[
//!         ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
//!         ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
//!         ("X-Amz-Date", "20130524T000000Z"),
//!         ("X-Amz-Expires", "86400"),
//!         ("X-Amz-SignedHeaders", "host"),
//!     ],
//!     headers: &[("host", "examplebucket.s3.amazonaws.com")],
//!     payload: "UNSIGNED-PAYLOAD",
//! };
//! let stages = sign_general(&key, PathRules::OBJECT_STORAGE, &request, at)?;
//!
//! // 1. The canonical request: method, path, sorted query, headers, their names, the body's hash.
//! assert!(stages.canonical_request.starts_with("GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&"));
//! assert!(stages.canonical_request.ends_with(
//!     "\nhost:examplebucket.s3.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD"
//! ));
//! // 2. The string to sign: algorithm, instant, scope, and the hash of the above.
//! assert_eq!(
//!     stages.string_to_sign,
//!     "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
//!      3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04"
//! );
//! // 3. The signature: HMAC-SHA-256 of that, in hexadecimal.
//! assert_eq!(
//!     stages.signature,
//!     "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A presigned URL carries all of this in its query, so whoever has the URL may send the request, and
//! nothing but that request, until it expires. What is *not* signed, the holder may choose: sign
//! `content-length` and `content-type` of an upload, or any length and type will do.

#![forbid(unsafe_code)]

pub mod azure;
#[cfg(feature = "key-pairs")]
pub mod cloudfront;
mod credentials;
mod digest;
pub mod encode;
mod endpoint;
mod error;
pub mod gcs;
mod instant;
#[cfg(feature = "key-pairs")]
mod key_pair;
pub mod s3;
pub mod v4;
mod window;

pub use credentials::{Credentials, Secret};
pub use endpoint::{AddressingStyle, AwsHost, Endpoint, EndpointError};
pub use error::SignError;
pub use window::{Window, stable_window};

/// The README's example is one of the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
