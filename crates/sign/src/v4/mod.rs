//! Signature Version 4, the algorithm that AWS and Google Cloud Storage share.
//!
//! One file per stage. [`url`](url_for) builds the very path and query that are signed and sent; then
//! `canonical_request` → `string_to_sign` → `key`. [`Presigner`] puts the result into a URL, [`authorize`]
//! into headers, [`post_policy`] into a form; [`Claim`] and [`verify_form`] are the other end of all three.
//!
//! [`s3`](crate::s3) and [`gcs`](crate::gcs) are the two dialects; they hand out what is here.

mod authorize;
mod canonical_request;
mod dialect;
mod draft;
mod general;
mod headers;
mod key;
mod parts;
mod post;
mod presign;
mod string_to_sign;
mod template;
mod url;
mod verify;

pub use authorize::{Payload, Request, SignedRequest, authorize};
pub use canonical_request::Method;
pub use dialect::Dialect;
pub use draft::MAX_EXPIRES_IN_SECONDS;
pub use general::{PathRules, Stages, WireRequest, sign_general};
pub use key::SigningKey;
pub use parts::{MAX_PART_NUMBER, Parts};
pub use post::{Form, PostPolicy, post_policy};
pub use presign::Presigner;
pub use template::Template;
pub use url::url_for;
pub use verify::{Claim, Received, Submitted, VerifyError, verify_form};

pub(crate) use draft::Draft;
pub(crate) use key::{Scope, check_signer};
pub(crate) use post::UnsignedPolicy;
pub(crate) use url::check_object_key;

#[cfg(test)]
mod tests;
