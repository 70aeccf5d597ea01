//! Work that is due: why, who is at it, and when it is tried again.

use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::FileId;

use crate::{QUARANTINE_GRACE_SECONDS, Record};

/// Why a record has work due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Due {
    /// Pending, of a client that does not say when it is done, and it is time to look for its bytes.
    BytesAwaited,
    /// Pending, and its session is over.
    SessionEnded,
    /// Verifying, and its lease is over: the run was lost.
    VerifyLost,
    /// Available, and its retention is over.
    RetentionEnded,
    /// Deleting, and its lease is over: the run was lost.
    DeleteLost,
    /// Settled, and its last upload URL has been dead long enough to remove what it left:
    /// [`QUARANTINE_GRACE_SECONDS`] after `urls_end_at`.
    LeftoversOver,
}

/// Whoever takes up what is due in one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// In which bucket.
    pub bucket: String,
    /// At what time.
    pub now: Timestamp,
    /// Until when others leave the records alone.
    pub until: Timestamp,
    /// At most so many.
    pub limit: u32,
}

/// A claimed record that could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Postponement {
    /// Which.
    pub id: FileId,
    /// Its attempt, as it was claimed.
    pub attempt: u64,
    /// When it is tried again.
    pub until: Timestamp,
}

/// What is due in one bucket for one reason, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueList {
    /// In which bucket.
    pub bucket: String,
    /// Why.
    pub reason: Due,
    /// At what time.
    pub now: Timestamp,
    /// Only after this one, by [`Due::since`] and id.
    pub after: Option<(Timestamp, FileId)>,
    /// At most so many.
    pub limit: u32,
}

/// Work that one of all servers does at a time, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// How often it was taken: whoever leaves it must have taken it last.
    pub fence: u64,
    /// Where it stands; nowhere before it was first left.
    pub place: Option<String>,
}

impl Due {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::BytesAwaited,
        Self::SessionEnded,
        Self::VerifyLost,
        Self::RetentionEnded,
        Self::DeleteLost,
        Self::LeftoversOver,
    ];

    /// Its name in reports and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BytesAwaited => "bytes_awaited",
            Self::SessionEnded => "session_ended",
            Self::VerifyLost => "verify_lost",
            Self::RetentionEnded => "retention_ended",
            Self::DeleteLost => "delete_lost",
            Self::LeftoversOver => "leftovers_over",
        }
    }

    /// Since when a record is due for this reason, or when it will be; a postponed one is not before it is tried
    /// again, which puts it behind those that are due by then.
    pub fn since(self, record: &Record) -> Option<Timestamp> {
        let instant = match self {
            Self::BytesAwaited => record.upload.look_at?,
            Self::SessionEnded => record.upload.session_ends_at,
            Self::VerifyLost | Self::DeleteLost => record.lease_until?,
            Self::RetentionEnded => record.file.as_ref()?.expires_at?,
            Self::LeftoversOver => {
                let grace = SignedDuration::from_secs(QUARANTINE_GRACE_SECONDS);
                record.upload.urls_end_at.checked_add(grace).ok()?
            }
        };
        Some(
            record
                .postponed_until
                .map_or(instant, |until| instant.max(until)),
        )
    }
}
