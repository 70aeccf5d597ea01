//! The commands as people and scripts use them: the real binary, against the real development service.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

mod demo;
mod dev;
mod events;
mod get;
mod health;
mod key;
mod link;
mod ls;
mod openapi;
mod policy;
mod presign;
mod put;
mod receipt;
mod rm;
mod serve;
mod store;
mod support;
mod sweep;
mod ticket;
mod token;
