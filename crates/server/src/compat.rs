//! Doors for clients that were written for other services: each in a file of its own, thin over the engine.

pub(crate) mod anonymous;
pub(crate) mod classic;
