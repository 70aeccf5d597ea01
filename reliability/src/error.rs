//! The one error of this package: what stood in the way of a check, with its causes.

use std::fmt;

/// Something that stood in the way, or a promise that was not kept.
pub struct Failure(String);

/// What everything here gives.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// Says what.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Says at what it happened.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// Any error with its causes. (So that `?` takes every error, this type is none itself.)
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        Self(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says at what a failure happened.
pub trait At<T> {
    /// Puts the place before the failure.
    ///
    /// # Errors
    /// The same one, with its place.
    fn at(self, place: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: Into<Failure>> At<T> for Result<T, E> {
    fn at(self, place: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| error.into().at(place))
    }
}

impl<T> At<T> for Option<T> {
    fn at(self, place: impl fmt::Display) -> Outcome<T> {
        self.ok_or_else(|| Failure::new(format!("{place}: there is none")))
    }
}

/// Gives up with a message unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::error::Failure::new(format!($($message)+)));
        }
    };
}
