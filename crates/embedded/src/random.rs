//! The only place that asks the machine for random bytes.

use std::io;

/// Fills `bytes` from the operating system's random source.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge where randomness is read"
)]
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(io::Error::other)
}
