//! Edges of the state machine, taken by a record whose row is locked. What SQLite says in SQL is said here in Rust;
//! one statement then writes whatever changed.

use jiff::Timestamp;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, Problem};

use super::row::to_millisecond;
use crate::{Edge, FileFacts, Passage, Patch, Record, Step, Transfer};

/// A record whose row is locked, and what becomes of it.
pub(super) struct Standing {
    pub(super) record: Record,
    /// The epoch it was found at.
    pub(super) found_at: u64,
    /// When it ended, if it does so now.
    pub(super) settled_at: Option<Timestamp>,
    pub(super) changed: bool,
}

impl Standing {
    pub(super) fn of(record: Record) -> Self {
        Self {
            found_at: record.epoch,
            record,
            settled_at: None,
            changed: false,
        }
    }

    /// Goes along one edge if it stands where the edge begins, and says what is to be remembered of that.
    pub(super) fn advance(&mut self, step: &Step) -> Option<Passage> {
        let (begins, to) = step.edge.ends();
        let record = &mut self.record;
        let from = record.state;
        let at = to_millisecond(step.at);
        let over = record.lease_until.is_some_and(|until| until <= at);
        if record.epoch != step.epoch || !begins.contains(&from) || (from == to && !over) {
            return None;
        }
        record.state = to;
        record.lease_until = None;
        let lost = from == to;
        match &step.edge {
            Edge::Verify {
                lease_until,
                source_etag,
                checksum,
            } => {
                record.lease_until = Some(to_millisecond(*lease_until));
                record.source_etag.clone_from(source_etag);
                record.upload.checksum = record.upload.checksum.or(*checksum);
            }
            Edge::Retry => record.source_etag = None,
            Edge::Finish(facts) => self.finish(facts, at),
            Edge::Fail(problem) => self.fail(problem, at),
            Edge::Delete { lease_until } => {
                record.lease_until = Some(to_millisecond(*lease_until));
                if !lost {
                    self.get_on();
                }
            }
            Edge::Abort | Edge::Expire | Edge::Deleted => self.settle(at),
        }
        Some(self.pass(from, step.at, step.by.clone()))
    }

    /// Changes what people may change of an available file.
    pub(super) fn patch(&mut self, patch: &Patch) -> Option<Passage> {
        let record = &mut self.record;
        if record.epoch != patch.epoch || record.state != State::Available {
            return None;
        }
        let new = &patch.file;
        record.upload.filename = new.filename.clone();
        record.upload.path = new.path.clone();
        record.upload.metadata = new.metadata.clone();
        if let Some(file) = &mut record.file {
            file.expires_at = new.expires_at.map(to_millisecond);
        }
        Some(self.pass(State::Available, patch.at, patch.by.clone()))
    }

    /// Remembers storage's name for a pending multipart upload that has none.
    pub(super) fn attach_multipart(&mut self, name: &str) -> bool {
        let pending = self.record.state == State::Pending;
        match &mut self.record.upload.transfer {
            Transfer::Multipart { upload_id, .. } if pending && upload_id.is_none() => {
                *upload_id = Some(name.to_owned());
                self.change()
            }
            _ => false,
        }
    }

    /// Remembers that upload URLs live until then.
    pub(super) fn extend_urls(&mut self, until: Timestamp) -> bool {
        let upload = &mut self.record.upload;
        if self.record.state != State::Pending {
            return false;
        }
        upload.urls_end_at = upload.urls_end_at.max(to_millisecond(until));
        self.change()
    }

    /// Leaves a run alone for longer, while it still stands where it began.
    pub(super) fn renew(&mut self, epoch: u64, until: Timestamp) -> bool {
        let record = &mut self.record;
        let runs = matches!(record.state, State::Verifying | State::Deleting);
        if record.epoch != epoch || !runs {
            return false;
        }
        record.lease_until = record.lease_until.max(Some(to_millisecond(until)));
        self.change()
    }

    /// Remembers that nothing of it is left besides the file.
    pub(super) fn forget_leftovers(&mut self, epoch: u64) -> bool {
        if self.record.epoch != epoch {
            return false;
        }
        self.record.leftovers = false;
        self.get_on();
        self.change()
    }

    fn finish(&mut self, facts: &FileFacts, at: Timestamp) {
        self.record.verified_at = Some(at);
        let upload = &mut self.record.upload;
        upload.size = facts.size;
        upload.checksum = facts.checksum.or(upload.checksum);
        self.record.file = Some(FileFacts {
            checksum: upload.checksum,
            expires_at: facts.expires_at.map(to_millisecond),
            ..facts.clone()
        });
        self.get_on();
    }

    fn fail(&mut self, problem: &Problem, at: Timestamp) {
        self.record.problem = Some(problem.clone());
        self.settle(at);
    }

    fn settle(&mut self, at: Timestamp) {
        self.settled_at = Some(at);
        self.get_on();
    }

    fn get_on(&mut self) {
        self.record.attempts = 0;
        self.record.postponed_until = None;
    }

    fn pass(
        &mut self,
        from: State,
        at: Timestamp,
        by: Option<valetkey_protocol::Subject>,
    ) -> Passage {
        self.record.epoch += 1;
        self.changed = true;
        Passage {
            seq: self.record.epoch,
            from: Some(from),
            to: self.record.state,
            at: to_millisecond(at),
            by,
        }
    }

    fn change(&mut self) -> bool {
        self.changed = true;
        true
    }

    pub(super) fn id(&self) -> FileId {
        self.record.upload.id
    }
}
