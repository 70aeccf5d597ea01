//! The whole service over HTTP: real server, real SQLite file, real embedded store. The modules follow
//! the URLs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

mod auth;
mod bad_input;
mod classic;
mod console;
mod cors;
mod downloads;
mod drops;
mod events;
mod files;
mod hosts;
mod keys;
mod limits;
mod links;
mod outage;
mod overload;
mod policies;
mod privacy;
mod receipts;
mod refusals;
mod sdk;
mod service;
mod silence;
mod stream;
mod tenants;
mod threats;
mod tickets;
mod tokens;
mod traces;
mod uploads;
mod usage;
mod webhooks;
mod world;
