//! The other end: was this request, or this form, signed by who it says, and does it still hold?
//!
//! First it is read ([`Claim::read`]): that gives the access key id, by which the caller finds the secret.
//! Then it is checked ([`Claim::verify`]). Signatures are compared in constant time.

mod claim;
mod form;
mod header;
mod query;

use jiff::Timestamp;

pub use claim::{Claim, Received};
pub use form::{Submitted, verify_form};

/// How far two clocks may be apart, in seconds: the 15 minutes that AWS grants.
const SKEW: i64 = 15 * 60;

/// Why a request or a form was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Nothing in it says who signed.
    #[error("request is not signed")]
    Unsigned,
    /// Signed in its headers and in its query: one of them could be for another request.
    #[error("request is signed in its headers and in its query")]
    SignedTwice,
    /// A part of the signature is missing, there twice or not of its form.
    #[error("{part} is missing, repeated or malformed")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// `host` or a header of the provider is not signed.
    #[error("header {name:?} is not signed")]
    HeaderNotSigned {
        /// Its name.
        name: String,
    },
    /// A signed header is not there.
    #[error("signed header {name:?} is missing")]
    HeaderMissing {
        /// Its name.
        name: String,
    },
    /// Signed with another key, or for another token, than the one it is verified with.
    #[error("request names another key or session token")]
    OtherCredentials,
    /// The instant of signing is too far ahead.
    #[error("request is signed for a later time")]
    TooEarly,
    /// Its time is over.
    #[error("request has expired")]
    Expired,
    /// It was not signed with this secret, or was changed since.
    #[error("signature does not match")]
    Signature,
    /// A form violates one of its policy's conditions, or has a field without one.
    #[error("form breaks its policy: {what}")]
    Policy {
        /// Which condition or field.
        what: String,
    },
}

fn malformed(part: &'static str) -> VerifyError {
    VerifyError::Malformed { part }
}

/// Whether two signatures are equal, in a time that depends on their length only.
fn same(expected: &[u8], given: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    expected.ct_eq(given).into()
}

/// Whether `now` is within a lifetime that starts at `from`, skew granted at its start only.
fn check_time(from: Timestamp, expires_in: i64, now: Timestamp) -> Result<(), VerifyError> {
    let age = now.as_second().saturating_sub(from.as_second());
    if age < -SKEW {
        return Err(VerifyError::TooEarly);
    }
    if age >= expires_in {
        return Err(VerifyError::Expired);
    }
    Ok(())
}
