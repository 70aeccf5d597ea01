//! The one error of this crate: why the service does not start.

use std::io;
use std::path::PathBuf;

use valetkey_catalog::CatalogError;
use valetkey_embedded::OpenError;
use valetkey_store::StoreError;

use crate::config::ConfigError;

/// Why the service does not start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address is taken.
    #[error(
        "another program listens on {address}: stop it, or choose another address with `{key}` ({flag})"
    )]
    Busy {
        /// Which.
        address: String,
        /// The key of the configuration that sets it.
        key: &'static str,
        /// The option of `valetkey dev` that sets it.
        flag: &'static str,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: check `{key}` ({flag})")]
    Listen {
        /// Which.
        address: String,
        /// The key of the configuration that sets it.
        key: &'static str,
        /// The option of `valetkey dev` that sets it.
        flag: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file or folder of ours cannot be used.
    #[error("cannot use {}: check that this user may read and write it", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of ours holds something else.
    #[error("{} does not hold what it should: {why}; remove it to have it made again", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A secret lies open.
    #[error("everybody on this machine can read {}: run `chmod o= {}`, and change the key if they may have", path.display(), path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
    /// A file with no key to sign receipts with, or to check them with.
    #[error("{} {why}: receipts are signed with Ed25519; make a key with `valetkey receipt key new`", path.display())]
    ReceiptKey {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file of faults holds something else.
    #[error("{} describes no faults: {why}", path.display())]
    Faults {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The catalog cannot be opened.
    #[error("the catalog cannot be opened")]
    Catalog(#[from] CatalogError),
    /// The embedded store cannot be opened.
    #[error("the embedded store cannot be opened")]
    Embedded(#[from] OpenError),
    /// The settings of a bucket cannot be used.
    #[error("the bucket `{bucket}` cannot be used")]
    Bucket {
        /// Which.
        bucket: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// Traces cannot be sent.
    #[error("traces cannot be sent: {why}; check `telemetry.otlp_endpoint`")]
    Telemetry {
        /// Why.
        why: String,
    },
    /// The keys of tokens cannot be fetched.
    #[error("the keys `{key}` cannot be fetched")]
    Keys {
        /// Which.
        key: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Limits cannot be shared by way of TLS.
    #[error("`limits.shared` cannot be reached by TLS")]
    Limits {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// Nothing can be sent to webhooks.
    #[error("webhooks cannot be sent")]
    Webhooks(#[from] reqwest::Error),
    /// The parts do not fit together.
    #[error("the service cannot be put together")]
    Engine(#[from] valetkey_engine::Error),
    /// The machine has no random bytes to give.
    #[error("the machine gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// A token cannot be made.
    #[error("the token cannot be made: {why}")]
    Token {
        /// Why, and what is allowed.
        why: String,
    },
    /// A part of the service ended before it was told to.
    #[error("a part of the service ended early")]
    Ended(#[from] tokio::task::JoinError),
}
