//! The one error of this crate: a value that may not be what it claims to be.

/// A value refused at the edge; the message says what is allowed instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

impl InvalidValue {
    /// Says what is wrong and what is allowed, as half a sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
