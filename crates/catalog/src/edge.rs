//! The edges of an upload's life.

use jiff::Timestamp;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Checksum, FileId, Problem, Subject};

use crate::{EventKind, FileFacts};

/// One step along an edge, by somebody at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Of which upload.
    pub id: FileId,
    /// Where it must still stand.
    pub epoch: u64,
    /// Along which edge.
    pub edge: Edge,
    /// When. A lease that ends at this instant is over.
    pub at: Timestamp,
    /// Who asked for it; nobody when the service acts by itself.
    pub by: Option<Subject>,
}

/// The edges of the state machine, each with what it writes. All the rest is illegal.
#[derive(Debug, Clone, PartialEq)]
pub enum Edge {
    /// `pending → verifying`, or `verifying → verifying` when the lease of a lost run is over.
    Verify {
        /// Until when others leave this run alone.
        lease_until: Timestamp,
        /// What storage said the quarantined object is; `None` for multipart.
        source_etag: Option<String>,
        /// The checksum, when it was declared only now; one declared before stays.
        checksum: Option<Checksum>,
    },
    /// `verifying → pending`: something is missing or did not answer, and more bytes may come.
    Retry,
    /// `verifying → available`.
    Finish(FileFacts),
    /// `verifying → failed`.
    Fail(Problem),
    /// `pending → aborted`.
    Abort,
    /// `pending → expired`.
    Expire,
    /// `available → deleting`, or `deleting → deleting` when the lease of a lost run is over.
    Delete {
        /// Until when others leave this run alone.
        lease_until: Timestamp,
    },
    /// `deleting → deleted`.
    Deleted,
}

impl Edge {
    /// The states it may begin at, and the one it ends at. A self-loop is only legal when the lease is over.
    pub fn ends(&self) -> (&'static [State], State) {
        use State::{Aborted, Available, Deleted, Deleting, Expired, Failed, Pending, Verifying};
        match self {
            Self::Verify { .. } => (&[Pending, Verifying], Verifying),
            Self::Retry => (&[Verifying], Pending),
            Self::Finish(_) => (&[Verifying], Available),
            Self::Fail(_) => (&[Verifying], Failed),
            Self::Abort => (&[Pending], Aborted),
            Self::Expire => (&[Pending], Expired),
            Self::Delete { .. } => (&[Available, Deleting], Deleting),
            Self::Deleted => (&[Deleting], Deleted),
        }
    }

    /// Its name in logs and fail points.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Verify { .. } => "verify",
            Self::Retry => "retry",
            Self::Finish(_) => "finish",
            Self::Fail(_) => "fail",
            Self::Abort => "abort",
            Self::Expire => "expire",
            Self::Delete { .. } => "delete",
            Self::Deleted => "deleted",
        }
    }

    /// Whether it leads to fewer bytes: it is taken on a full disk too.
    pub fn makes_room(&self) -> bool {
        match self {
            Self::Verify { .. } | Self::Finish(_) => false,
            Self::Retry
            | Self::Fail(_)
            | Self::Abort
            | Self::Expire
            | Self::Delete { .. }
            | Self::Deleted => true,
        }
    }

    /// What others are told of it. The edges between are nobody else's business.
    pub fn event(&self) -> Option<EventKind> {
        match self {
            Self::Finish(_) => Some(EventKind::UploadCompleted),
            Self::Fail(_) => Some(EventKind::UploadFailed),
            Self::Abort => Some(EventKind::UploadAborted),
            Self::Expire => Some(EventKind::UploadExpired),
            Self::Deleted => Some(EventKind::FileDeleted),
            Self::Verify { .. } | Self::Retry | Self::Delete { .. } => None,
        }
    }
}
