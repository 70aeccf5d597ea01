//! Why the demonstration could not go on.

use std::io;
use std::path::PathBuf;

/// What went wrong; each says what to do, where something can be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A file or folder of the demonstration.
    #[error(
        "cannot {doing} {}: give a folder with more room, or one you may write to, as TMPDIR", path.display()
    )]
    Folder {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A server did not start, or ended.
    #[error("the {name} did not start: {said}")]
    Start {
        /// Which.
        name: &'static str,
        /// What it wrote to stderr last.
        said: String,
    },
    /// Two of the processes do not reach one another.
    #[error("no connection to the {name}")]
    Connection {
        /// To which.
        name: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A connection broke.
    #[error("the connection to the {name} broke")]
    Http {
        /// To which.
        name: &'static str,
        /// The cause.
        #[source]
        source: hyper::Error,
    },
    /// A server refused what it should take.
    #[error("the {name} answered {status}: {said}")]
    Refused {
        /// Which.
        name: &'static str,
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        said: String,
    },
    /// What was sent is not in the store.
    #[error("{key} has {stored:?} bytes in the store instead of {sent}")]
    Lost {
        /// The object.
        key: String,
        /// Its bytes; none when there is no such object.
        stored: Option<u64>,
        /// The bytes that were sent.
        sent: u64,
    },
    /// Our own client failed.
    #[error("a direct upload failed")]
    Client(#[from] valetkey_client::Error),
    /// The service's part failed.
    #[error(transparent)]
    Serve(#[from] valetkey_server::ServeError),
    /// The service's configuration was refused.
    #[error(transparent)]
    Config(#[from] valetkey_server::config::ConfigError),
    /// A request was not signed.
    #[error("a request cannot be signed")]
    Sign(#[from] valetkey_sign::SignError),
    /// The store's address cannot be used.
    #[error("the store's address cannot be used")]
    Endpoint(#[from] valetkey_sign::EndpointError),
    /// A message of one process to another is not as it should be.
    #[error("{0}")]
    Message(String),
}

impl DemoError {
    /// A file or folder that could not be used.
    pub(super) fn folder(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder {
            doing,
            path,
            source,
        }
    }
}
