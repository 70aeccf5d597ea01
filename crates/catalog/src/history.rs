//! What happened to an upload: for those who check, and for those who want to be told.

use jiff::Timestamp;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, Subject};

/// One line of the audit log: an edge that was taken, or a change of what people may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The epoch it led to; 0 is the creation.
    pub seq: u64,
    /// Where it began; nowhere at the creation.
    pub from: Option<State>,
    /// Where it ended. A change of a file's name, folder or notes begins and ends at `available`.
    pub to: State,
    /// When.
    pub at: Timestamp,
    /// Who asked for it; nobody when the service acted by itself.
    pub by: Option<Subject>,
}

/// What others may want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// An upload became a file.
    UploadCompleted,
    /// The bytes of an upload were not what was declared.
    UploadFailed,
    /// The client gave an upload up.
    UploadAborted,
    /// The session of an upload ended without its bytes.
    UploadExpired,
    /// A file is gone.
    FileDeleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::UploadCompleted,
        Self::UploadFailed,
        Self::UploadAborted,
        Self::UploadExpired,
        Self::FileDeleted,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UploadCompleted => "upload.completed",
            Self::UploadFailed => "upload.failed",
            Self::UploadAborted => "upload.aborted",
            Self::UploadExpired => "upload.expired",
            Self::FileDeleted => "file.deleted",
        }
    }
}

/// One line of the outbox: written with its edge, and read by whoever tells others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place among all events; rises.
    pub position: u64,
    /// Of which upload or file.
    pub id: FileId,
    /// Its place among the events of this upload: the epoch it led to. Rises, with gaps.
    pub seq: u64,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
}
