//! What happened to an upload: for those who check, and for those who want to be told.

use jiff::Timestamp;
use valetkey_protocol::event::EventKind;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, Subject, Tenant};

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

/// One line of the outbox: written with its edge, and read by whoever tells others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place among all events; rises.
    pub position: u64,
    /// Of which upload or file.
    pub id: FileId,
    /// Its place among the events of this upload: the epoch it led to. Rises, with gaps. Of an issued download it is
    /// its place among the downloads of this file.
    pub seq: u64,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Whose upload it is. Nobody knows any more of an upload that was forgotten, if its event was written by a version
    /// that did not write this down.
    pub owner: Option<Subject>,
    /// In which tenant; as for the owner.
    pub tenant: Option<Tenant>,
    /// In which bucket; as for the owner.
    pub bucket: Option<String>,
}

/// Which events to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventList {
    /// Only after this position.
    pub after: u64,
    /// At most so many.
    pub limit: u32,
    /// Only in this tenant; in every one when absent.
    pub tenant: Option<Tenant>,
    /// Only of this owner's uploads.
    pub owner: Option<Subject>,
    /// Only in this bucket.
    pub bucket: Option<String>,
    /// Only of this upload.
    pub id: Option<FileId>,
    /// Only of these kinds; of every kind when there are none.
    pub kinds: Vec<EventKind>,
}

impl EventList {
    /// Every event after a position, up to `limit` of them.
    pub fn after(position: u64, limit: u32) -> Self {
        Self {
            after: position,
            limit,
            ..Self::default()
        }
    }
}

/// A download that was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Of which file.
    pub id: FileId,
    /// When, if others are to be told of it.
    pub announced_at: Option<Timestamp>,
}
