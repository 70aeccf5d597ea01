//! Moving bytes well: files straight from disk to storage and back, in parallel parts, with retries,
//! checksums and progress. It speaks the service's API for permission, and storage for the bytes.

pub mod budget;
pub mod client;
pub mod download;
pub mod error;
pub mod events;
pub mod health;
pub mod progress;
pub mod receipt;
pub mod retry;
pub mod upload;

mod call;
mod clock;
mod drops;
mod keys;
mod links;
mod policies;
mod source;
mod storage;

pub use budget::Budget;
pub use client::{Client, Completion};
pub use error::Error;
pub use progress::{Progress, Silent};
pub use retry::RetryPolicy;
