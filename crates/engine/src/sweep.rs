//! Sweep: finish what was left, end what is over, remove what nobody needs, and find what does not add up. Any
//! replica may do it, none must.
//!
//! What is *due* the catalog knows. What does *not add up* only a walk over both sides shows: the *survey*.

mod due;
mod judge;
mod place;
mod survey;
mod walk;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{Due, Record};
use valetkey_protocol::sweep::{Action, Finding, FindingKind};

use crate::{Engine, Error};
pub use survey::Surveyed;
pub(crate) use walk::Sweepers;

/// How many uploads without a file are forgotten at a time.
const FORGOTTEN_AT_ONCE: u32 = 1000;

/// How many findings of each kind a sweep had, and what was done about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport(BTreeMap<(FindingKind, Action), u64>);

impl Engine {
    /// The names of all buckets, in their order.
    pub fn bucket_names(&self) -> impl Iterator<Item = &str> {
        self.buckets.keys().map(String::as_str)
    }

    /// Forgets uploads that ended without a file, deleted files and events, once they are so old. Says how many
    /// uploads it forgot.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forget_history(&self, older_than: SignedDuration) -> Result<u64, Error> {
        let now = self.clock.now();
        let then = now.checked_sub(older_than).unwrap_or(Timestamp::MIN);
        let forgotten = self.catalog.forget_history_until(then, FORGOTTEN_AT_ONCE);
        Ok(forgotten.await?)
    }
}

impl SweepReport {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut report = Self::default();
        for finding in findings {
            *report.0.entry((finding.kind, finding.action)).or_default() += 1;
        }
        report
    }

    /// How many findings of a kind were dealt with so.
    pub fn count(&self, kind: FindingKind, action: Action) -> u64 {
        self.0.get(&(kind, action)).copied().unwrap_or_default()
    }

    /// Every count that is not zero.
    pub fn iter(&self) -> impl Iterator<Item = (FindingKind, Action, u64)> {
        self.0
            .iter()
            .map(|((kind, action), count)| (*kind, *action, *count))
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What is due, as a finding.
fn kind_of(due: Due) -> FindingKind {
    match due {
        Due::BytesAwaited => FindingKind::BytesAwaited,
        Due::SessionEnded => FindingKind::SessionEnded,
        Due::VerifyLost => FindingKind::VerifyLost,
        Due::RetentionEnded => FindingKind::RetentionEnded,
        Due::DeleteLost => FindingKind::DeleteLost,
        Due::LeftoversOver => FindingKind::LeftoversOver,
    }
}

/// A finding about a record.
fn about(record: &Record, kind: FindingKind, action: Action) -> Finding {
    let upload = &record.upload;
    Finding {
        kind,
        action,
        bucket: upload.bucket.clone(),
        key: upload.key.to_string(),
        id: Some(upload.id),
        multipart_id: None,
        size: record.known_size(),
    }
}
