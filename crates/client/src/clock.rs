//! The one place of this crate that asks the machine for time and chance.

use jiff::Timestamp;

/// This instant.
#[expect(
    clippy::disallowed_methods,
    reason = "a client has its machine's clock only"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A random number from 0 to 1, for jitter; ½ when the machine gives none.
#[expect(
    clippy::disallowed_methods,
    reason = "jitter is all that is random here"
)]
pub(crate) fn share() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}
