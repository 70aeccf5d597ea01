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
#[expect(clippy::disallowed_methods, reason = "jitter is random")]
pub(crate) fn share() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

/// A random `Idempotency-Key`; none when the machine gives none.
#[expect(
    clippy::disallowed_methods,
    reason = "a key must differ from every other one"
)]
pub(crate) fn key() -> Option<String> {
    let (high, low) = (getrandom::u64().ok()?, getrandom::u64().ok()?);
    Some(format!("{high:016x}{low:016x}"))
}
