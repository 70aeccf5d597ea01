//! What keeps some from taking all: limits on how fast each may ask, and a line in front of the work.
//!
//! `address.rs` finds out where a request comes from, `rate.rs` is the port that counts, `local.rs` and `shared.rs` answer
//! it, `queue.rs` is the line, `layer.rs` says which of them a request meets, and in which order. The door calls them;
//! nothing else does.

mod address;
mod layer;
mod local;
mod queue;
mod rate;
mod shared;
mod shut;
mod told;
mod turn;

#[cfg(test)]
mod tests;

pub(crate) use address::Peer;
pub(crate) use layer::{Limits, Origin, Way};
pub(crate) use local::LocalLimiter;
pub(crate) use rate::{RateLimiter, Rates, Reach};
pub(crate) use shared::{Address, SharedLimiter};
pub(crate) use told::{RATELIMIT, RATELIMIT_POLICY, Share, Told};
pub(crate) use turn::Turn;
