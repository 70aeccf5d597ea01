//! The one place of the demonstration that asks the machine for time: measuring it is the point.

use std::time::Instant;

use jiff::Timestamp;

/// This instant, to measure from.
#[expect(
    clippy::disallowed_methods,
    reason = "elapsed time is what is measured"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// This instant, to sign with.
#[expect(
    clippy::disallowed_methods,
    reason = "the servers sign with their machine's clock"
)]
pub(super) fn timestamp() -> Timestamp {
    Timestamp::now()
}
