//! CloudFront: signed URLs, and cookies for many of them.
//!
//! A distribution that is closed to the public opens for a policy with the signature of a trusted key.
//! The canned policy names one URL and its end, and does not travel; a custom policy can name a pattern
//! of URLs, a start and a range of addresses, and travels with the request.
//!
//! The key is RSA or ECDSA P-256; **take ECDSA**: a signature costs about a seventieth of one with
//! RSA-2048, and is a fifth as long.
//!
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html>

mod policy;
mod signer;

pub use crate::key_pair::{Hash, KeyError, PrivateKey};
pub use policy::{Policy, PolicyError};
pub use signer::{CloudFrontError, Signer};
