//! A strict S3 on the local disk: what a fresh installation keeps its files in, and what every test trusts.
//!
//! The protocol and the signatures are read by `s3s`; everything that must not go wrong is here.
//!
//! - Bytes go to a temporary file. Their length and every declared digest are checked while they stream;
//!   the file and its folder are fsynced; then **one** transaction of the index publishes them. A condition
//!   (`If-None-Match`, `If-Match`, `x-amz-copy-source-if-*`) is decided inside that transaction.
//! - An object key is a value in the index and never a part of a path, so `a` and `a/b` live side by side.
//! - What the index does not name does not exist: leftovers of a crash are removed when the store is opened.
//! - One process owns a folder. A second one is told so and refused.
//!
//! [`EmbeddedStore::open`] takes a folder, [`EmbeddedStore::service`] hands out the HTTP service to put
//! behind a listener.

mod address;
mod blob;
mod chunked;
mod clock;
mod committer;
mod condition;
mod cors;
mod declared;
mod digest;
mod drain;
mod error;
mod fault;
mod gate;
mod id;
mod index;
mod ingest;
mod journal;
mod lifecycle;
mod options;
mod post;
mod random;
mod read;
mod record;
mod s3;
mod service;
mod store;
mod strict;
mod sweep;

pub use clock::{Clock, system_clock};
pub use error::OpenError;
pub use fault::{Fault, FaultPlan, FaultRule, Faults, Feature, JournalPlace};
pub use journal::JournalEntry;
pub use options::{AccessKey, CorsRules, Options};
pub use service::{Dropped, EmbeddedBody, EmbeddedService};
pub use store::EmbeddedStore;
pub use sweep::Swept;
