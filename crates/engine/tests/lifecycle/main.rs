//! The engine's promises, over a real catalog and a store that misbehaves on demand.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on stops"
)]

mod events;
mod fairness;
mod files;
mod history;
mod late;
mod multipart;
mod once;
mod policies;
mod receipts;
mod rules;
mod single;
mod support;
mod survey;
mod sweep;
mod tenants;
mod usage;
mod walk;
mod webhooks;
mod window;
