//! Accounts: what uploads and files take, and how much they may.
//!
//! A new upload reserves its declared size, or the most there may be. Becoming a file turns the reservation into the
//! bytes that are stored; every other end gives it back; the removal of a file gives its bytes back. Each is part of the transaction of its edge, so
//! that it happens exactly once.

use crate::{Due, Edge, NewUpload, Once, TicketUse};

/// What one account holds at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Uploads that are neither a file nor over.
    pub open_uploads: u64,
    /// The bytes they declared, or the most they may have.
    pub reserved_bytes: u64,
    /// Files, those included whose removal is not finished.
    pub files: u64,
    /// Their bytes.
    pub stored_bytes: u64,
}

/// What the accounts of a new upload may hold with it; no limit when absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Open uploads of its owner in its bucket.
    pub open_uploads: Option<u64>,
    /// Bytes of its owner in its bucket, reserved and stored.
    pub owner_bytes: Option<u64>,
    /// Bytes of everybody in its bucket, reserved and stored.
    pub bucket_bytes: Option<u64>,
}

/// A new upload, and what its accounts may hold with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// The upload.
    pub upload: NewUpload,
    /// The limits.
    pub limits: Limits,
    /// The ticket it is created under, if there is one.
    pub ticket: Option<TicketUse>,
}

/// What came of an [`Intent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insertion {
    /// It is remembered, and its size is reserved.
    New,
    /// Its key stands for another upload, which was remembered before.
    Known(Once),
    /// It would go over a limit. Nothing is remembered.
    Over(Over),
}

/// A limit that an upload would go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// Which.
    pub limit: Limit,
    /// What it allows.
    pub allowed: u64,
    /// What is taken without the upload.
    pub used: u64,
}

/// The limits there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::open_uploads`].
    OpenUploads,
    /// [`Limits::owner_bytes`].
    OwnerBytes,
    /// [`Limits::bucket_bytes`].
    BucketBytes,
    /// [`TicketUse::max_uploads`].
    TicketUploads,
    /// [`TicketUse::max_bytes`].
    TicketBytes,
}

/// How much work there is, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Records with work due, for each reason.
    pub due: Vec<(Due, u64)>,
    /// Records with work due that is left alone at the moment: somebody is at it, or could not do it.
    pub postponed: u64,
    /// Uploads that are being verified.
    pub verifying: u64,
    /// Files that are being removed.
    pub deleting: u64,
    /// Events that are remembered.
    pub outbox: u64,
    /// Changes that wait to be written.
    pub waiting: u64,
}

impl Usage {
    /// Bytes reserved and stored.
    pub fn bytes(&self) -> u64 {
        self.reserved_bytes.saturating_add(self.stored_bytes)
    }
}

impl Limits {
    /// The first limit that `size` more bytes, in one more upload, would go over.
    pub fn exceeded(&self, owner: &Usage, bucket: &Usage, size: u64) -> Option<Over> {
        let checks = [
            (Limit::OpenUploads, self.open_uploads, owner.open_uploads, 1),
            (Limit::OwnerBytes, self.owner_bytes, owner.bytes(), size),
            (Limit::BucketBytes, self.bucket_bytes, bucket.bytes(), size),
        ];
        checks.into_iter().find_map(|(limit, allowed, used, more)| {
            let allowed = allowed.unwrap_or(LARGEST).min(LARGEST);
            let over = used.saturating_add(more) > allowed;
            over.then_some(Over {
                limit,
                allowed,
                used,
            })
        })
    }
}

/// The largest sum an account has room for, whatever the limits say.
const LARGEST: u64 = i64::MAX.unsigned_abs();

/// How an edge changes the accounts of its upload. Each of these edges begins at one state alone and is never
/// taken twice, which is what makes it exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// The reservation becomes a file.
    Store {
        /// The bytes that were reserved.
        reserved: u64,
        /// The bytes of the file.
        stored: u64,
    },
    /// The reservation of so many bytes is given back.
    Release(u64),
    /// The file's bytes, so many, are given back.
    Remove(u64),
}

impl Settlement {
    /// The settlement that belongs to an edge of an upload that had this size before it.
    pub(crate) fn of(edge: &Edge, size: u64) -> Option<Self> {
        match edge {
            Edge::Finish(facts) => Some(Self::Store {
                reserved: size,
                stored: facts.size,
            }),
            Edge::Fail(_) | Edge::Abort | Edge::Expire => Some(Self::Release(size)),
            Edge::Deleted => Some(Self::Remove(size)),
            Edge::Verify { .. } | Edge::Retry | Edge::Delete { .. } => None,
        }
    }
}
