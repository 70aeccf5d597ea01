//! What can go wrong between a disk, the service and storage.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use valetkey_protocol::{Code, InvalidValue, Problem};

/// Why bytes did not arrive. No message ever shows a presigned URL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service refused; its problem document says why and what to do.
    #[error("{0}")]
    Problem(Problem),
    /// The service's address is no URL.
    #[error("'{address}' is no address of a service: use one like 'https://files.example.com'")]
    Address {
        /// What was given.
        address: String,
    },
    /// The token cannot be sent in a header.
    #[error("the token has characters no token has: copy it again")]
    Token,
    /// Something answers at the address, but not as the service does.
    #[error("status {status} without a problem document: is this the service's address?")]
    Unexpected {
        /// The HTTP status.
        status: u16,
    },
    /// The service's answer contradicts itself.
    #[error("the service's answer cannot be used: {0}")]
    Answer(&'static str),
    /// Storage refused the bytes or the request.
    #[error("storage answered {status}{}", code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Storage {
        /// The HTTP status.
        status: u16,
        /// Storage's own code, such as `AccessDenied`.
        code: Option<String>,
        /// How long storage asks to wait.
        retry_after: Option<Duration>,
    },
    /// No connection, or a broken one.
    #[error("no connection to {peer}")]
    Network {
        /// The end that could not be reached.
        peer: Peer,
        /// The cause, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// A connection on which nothing moves.
    #[error("the connection to storage stands still")]
    Stalled,
    /// A local file cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file is not the one that was hashed.
    #[error("{} changed while it was uploaded: upload it again once it is at rest", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A name, type or folder the service does not take.
    #[error("the {what} of {} {source}", path.display())]
    Invalid {
        /// Which value.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is allowed.
        #[source]
        source: InvalidValue,
    },
    /// There is a file already, and it is kept.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// More or fewer bytes came than the file has.
    #[error("{received} bytes came instead of {expected}: fetch it again")]
    Size {
        /// The file's bytes.
        expected: u64,
        /// The bytes that came.
        received: u64,
    },
    /// A receipt, or a file held against it, proves nothing.
    #[error(transparent)]
    Receipt(#[from] crate::receipt::ReceiptError),
    /// The bytes that came are not the file's.
    #[error("the checksum of the bytes that came is not the file's: fetch it again")]
    Checksum,
}

/// The two ends a client talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The API.
    Service,
    /// The bucket.
    Storage,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Service => "the service",
            Self::Storage => "storage",
        })
    }
}

impl Error {
    pub(crate) fn network(peer: Peer, source: reqwest::Error) -> Self {
        Self::Network {
            peer,
            source: source.without_url(),
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the same request may do better later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Problem(problem) => is_worth_repeating(problem.code),
            Self::Unexpected { status } => matches!(status, 429 | 502..=504),
            Self::Storage { status, code, .. } => {
                // 409 is two conditional writes at once; S3 says 400 when a body comes too slowly.
                matches!(status, 408 | 409 | 425 | 429 | 500 | 502..=504)
                    || (*status == 400 && code.as_deref() == Some("RequestTimeout"))
            }
            Self::Network { .. } | Self::Stalled => true,
            _ => false,
        }
    }

    /// How long the other end asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem(problem) => problem.retry_after().map(Duration::from_secs),
            Self::Storage { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether storage refused the permission itself, as it does with one that has expired.
    pub(crate) fn is_refused_permission(&self) -> bool {
        matches!(self, Self::Storage { status: 403, .. })
    }
}

fn is_worth_repeating(code: Code) -> bool {
    match code {
        Code::RateLimited
        | Code::RequestInProgress
        | Code::Internal
        | Code::Overloaded
        | Code::StorageUnavailable
        | Code::ClockSkew
        | Code::AuthUnavailable
        | Code::LimitsUnavailable
        | Code::CatalogUnavailable => true,
        Code::MalformedRequest
        | Code::Unauthenticated
        | Code::TokenExpired
        | Code::Forbidden
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::Conflict
        | Code::UploadIncomplete
        | Code::SizeMismatch
        | Code::ChecksumMismatch
        | Code::TypeMismatch
        | Code::UploadExpired
        | Code::EventsForgotten
        | Code::LinkOver
        | Code::BodyTooLarge
        | Code::FileTooLarge
        | Code::QuotaExceeded
        | Code::BatchTooLarge
        | Code::ContentTypeUnsupported
        | Code::InvalidRequest
        | Code::UnknownField
        | Code::ContentTypeNotAllowed
        | Code::IdempotencyMismatch
        | Code::TooManyUploads
        | Code::StorageFull => false,
    }
}
