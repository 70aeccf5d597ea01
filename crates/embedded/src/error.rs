//! What can go wrong: while opening the store, and inside one request.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder open.
    #[error(
        "the data folder {} is in use by another process; stop that process or choose another folder",
        .folder.display()
    )]
    InUse {
        /// The folder that both want.
        folder: PathBuf,
    },
    /// The folder cannot be made, read or written.
    #[error(
        "the data folder {} cannot be used; check that it exists and that this user may write to it",
        .folder.display()
    )]
    Folder {
        /// The folder or file that failed.
        folder: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The index is damaged or from another version.
    #[error(
        "the index in {} cannot be read; restore the folder from a backup",
        .folder.display()
    )]
    Index {
        /// The folder the index is in.
        folder: PathBuf,
        /// What the index said.
        #[source]
        source: redb::Error,
    },
    /// A bucket to be created has a name S3 does not allow.
    #[error("{name:?} is not a bucket name: use 3 to 63 of a-z, 0-9, '-' and '.'")]
    BucketName {
        /// The refused name.
        name: String,
    },
    /// The domain is not one.
    #[error(
        "{name:?} is not a domain: give names of a-z, 0-9 and '-' with dots between them, without a port"
    )]
    Domain {
        /// The refused name.
        name: String,
    },
    /// The file of the journal cannot be used.
    #[error("the journal {} cannot be written; check its folder, or name another file", .path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("a thread of the store could not be started")]
    Thread(#[source] io::Error),
}

/// Why a request did not do what it asked for. Cheap to clone: one failed commit answers many requests.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The request itself is refused, with the code and message S3 uses. Nothing was changed.
    Refused(Refusal),
    /// The index failed.
    Index(Arc<redb::Error>),
    /// A file failed.
    Io(Arc<io::Error>),
    /// A record of the index cannot be read, or a thread is gone.
    Broken(&'static str),
}

/// A refusal in S3's own words.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: S3ErrorCode,
    pub(crate) status: Option<StatusCode>,
    pub(crate) message: String,
}

impl Failure {
    /// Refuses with a code that `s3s` knows the status of.
    pub(crate) fn refuse(code: S3ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            code,
            status: None,
            message: message.into(),
        })
    }

    /// Refuses with status 400 and a code `s3s` has no name for.
    pub(crate) fn refuse_named(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            code: S3ErrorCode::Custom(code.into()),
            status: Some(StatusCode::BAD_REQUEST),
            message: message.into(),
        })
    }

    pub(crate) fn no_such_bucket() -> Self {
        Self::refuse(
            S3ErrorCode::NoSuchBucket,
            "The specified bucket does not exist",
        )
    }

    pub(crate) fn no_such_key() -> Self {
        Self::refuse(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
    }

    pub(crate) fn no_such_upload() -> Self {
        Self::refuse(
            S3ErrorCode::NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
        )
    }

    pub(crate) fn malformed_xml() -> Self {
        Self::refuse(
            S3ErrorCode::MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    }

    pub(crate) fn precondition() -> Self {
        Self::refuse(
            S3ErrorCode::PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold",
        )
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Io(source) => is_disk_full(source),
            Self::Index(source) => {
                matches!(source.as_ref(), redb::Error::Io(source) if is_disk_full(source))
            }
            Self::Refused(_) | Self::Broken(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{}", refusal.message),
            Self::Index(source) => write!(f, "the index failed: {source}"),
            Self::Io(source) => write!(f, "a file failed: {source}"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self::Io(Arc::new(source))
    }
}

macro_rules! from_redb {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Failure {
            fn from(source: $kind) -> Self {
                Self::Index(Arc::new(source.into()))
            }
        }
    )*};
}
from_redb!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError
);

impl From<serde_json::Error> for Failure {
    fn from(_: serde_json::Error) -> Self {
        Self::Broken("a record of the index cannot be read")
    }
}

impl From<Failure> for S3Error {
    fn from(failure: Failure) -> Self {
        if failure.is_full() {
            return storage_full();
        }
        match failure {
            Failure::Refused(refusal) => {
                let mut error = Self::with_message(refusal.code, refusal.message);
                if let Some(status) = refusal.status {
                    error.set_status_code(status);
                }
                error
            }
            Failure::Index(_) | Failure::Io(_) | Failure::Broken(_) => {
                tracing::error!(cause = %failure, "the embedded store failed");
                Self::with_message(
                    S3ErrorCode::InternalError,
                    "We encountered an internal error. Please try again.",
                )
            }
        }
    }
}

/// The answer when the disk has no room: 507, which S3 clients repeat like any 5xx.
pub(crate) fn storage_full() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("InsufficientStorage".into()),
        "The disk of the store is full. Make room, then try again.",
    );
    error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    error
}

fn is_disk_full(source: &io::Error) -> bool {
    matches!(
        source.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
