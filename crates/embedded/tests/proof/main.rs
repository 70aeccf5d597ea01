//! What the store promises, held against three judges: an in-memory model of S3, a disk that forgets what was
//! not fsynced, and AWS's documentation.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

#[expect(clippy::too_many_lines, reason = "a chapter of the table is one list")]
mod conformance;
mod model;
mod power_loss;
#[path = "../store/support.rs"]
#[allow(dead_code, reason = "the other tests of the store use the rest")]
mod support;
