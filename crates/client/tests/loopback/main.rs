//! Real transfers over the loopback, with both other ends scripted.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

mod download;
mod events;
mod many;
mod support;
mod upload;
