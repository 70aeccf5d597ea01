//! The HTTP door, the workers and the wiring. Rules live in the engine; this crate speaks HTTP for it.
//!
//! [`run::serve`] runs the service from a [`config::Config`]; [`dev::start`] runs it from an empty folder;
//! [`store::start`] runs the embedded store alone.
//! `app.rs` alone chooses the concrete catalog and stores.

pub mod clock;
pub mod config;
pub mod dev;
pub mod listen;
pub mod log;
pub mod openapi;
pub mod receipts;
pub mod run;
pub mod store;
pub mod telemetry;

mod api;
mod app;
mod auth;
mod bundle;
mod compat;
mod console;
mod cors;
mod door;
mod drop_page;
mod error;
mod failure;
mod files;
mod json;
mod keys;
mod limits;
mod linger;
mod link_page;
mod metrics;
mod outbound;
mod parts;
mod policies;
mod qr;
mod random;
mod sdk;
mod sse;
mod store_key;
mod streams;
mod webhooks;
mod worker;

pub use app::catalog::{migrate, migrations};
pub use error::ServeError;
