//! The store as its clients see it: over a socket, with signed requests.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

mod support;

mod chunks;
mod copies;
mod cors;
mod durability;
mod faults;
mod forms;
mod hosts;
mod lifecycle;
mod listing;
mod multipart;
mod objects;
mod races;
mod refusals;
