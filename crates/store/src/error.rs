//! The one error of this crate.

/// Why storage did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object or the multipart upload is not there.
    #[error("storage has nothing there")]
    NotFound,
    /// The object is not the one that was named.
    #[error("the object in storage is another one")]
    PreconditionFailed,
    /// Storage refuses: credentials, permissions, or a request it will never take.
    #[error("storage refuses ({status} {code}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's code.
        code: String,
        /// The provider's message.
        message: String,
    },
    /// Storage is full.
    #[error("storage is full")]
    Full,
    /// Storage does not answer, or not as it should; trying again may help.
    #[error("storage is not available: {what}")]
    Unavailable {
        /// What was seen instead of an answer; never a URL.
        what: String,
    },
    /// Storage's clock is so far from ours that nothing signed now would hold.
    #[error("storage's clock is {seconds} seconds ahead of ours")]
    ClockSkew {
        /// How many seconds it is ahead; behind when negative.
        seconds: i64,
    },
    /// The request cannot be signed.
    #[error("the request cannot be signed: {why}")]
    Unsignable {
        /// Why.
        why: String,
    },
    /// The settings of the bucket do not fit together.
    #[error("the bucket's settings are wrong: {why}")]
    Settings {
        /// Which, and what to do.
        why: String,
    },
}
