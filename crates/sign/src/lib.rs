//! How is a request to object storage signed?
//!
//! Everything here is a pure function of its arguments: no clock, no randomness, no environment, no
//! network and no HTTP library. The instant of signing is a parameter, and what comes out is text: a
//! presigned URL, or a URL with the headers that authorise it.
//!
//! - [`Endpoint`]: where a bucket is reached, parsed once.
//! - [`Credentials`]: who signs; no secret ever shows in its `Debug`.
//! - [`s3`]: AWS Signature Version 4 as S3 and its relatives want it, one file per stage of the
//!   specification.

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
