//! Sweep: finish what was left, end what is over, remove what nobody needs. Any replica may do it, none must.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use valetkey_catalog::{Due, Edge, Record, Transfer};
use valetkey_protocol::ObjectKey;
use valetkey_protocol::upload::State;

use crate::upload::{discard, verify};
use crate::{Engine, Error};

/// How many records one sweep looks at.
const SWEPT_AT_MOST: u32 = 1000;
/// How many of them at the same time.
const SWEPT_AT_ONCE: usize = 8;

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Uploads that became files although their clients never completed them.
    pub completed: u64,
    /// Uploads that ended without a file.
    pub expired: u64,
    /// Files removed because their retention, or an earlier removal, was over.
    pub deleted: u64,
    /// Quarantined objects removed.
    pub emptied: u64,
    /// Records left for the next sweep because something did not answer.
    pub postponed: u64,
}

impl Engine {
    /// Does what is due now, up to a thousand records.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn sweep(self: &Arc<Self>) -> Result<SweepReport, Error> {
        let now = self.clock.now();
        self.forget_old_keys(now).await?;
        let due = self.catalog.due(now, SWEPT_AT_MOST).await?;
        let report = stream::iter(due)
            .map(|(why, record)| async move {
                let id = record.upload.id;
                self.sweep_one(why, record).await.inspect_err(|error| {
                    tracing::warn!(%id, ?why, %error, "a sweep postponed a record");
                })
            })
            .buffer_unordered(SWEPT_AT_ONCE)
            .fold(SweepReport::default(), |report, outcome| async move {
                report.with(outcome)
            })
            .await;
        Ok(report)
    }

    async fn sweep_one(&self, why: Due, record: Record) -> Result<Swept, Error> {
        match why {
            Due::SessionEnded => self.end_session(record).await,
            Due::VerifyLost => verified(verify::run(self, record, None, None).await),
            Due::RetentionEnded | Due::DeleteLost => {
                self.remove(&record, None).await?;
                Ok(Swept::Deleted)
            }
            Due::LeftoversOver => self.remove_leftovers(&record).await,
        }
    }

    /// A client that vanished after its last byte still gets its file; without the bytes the upload expires.
    async fn end_session(&self, record: Record) -> Result<Swept, Error> {
        match verified(verify::run(self, record.clone(), None, None).await) {
            Err(Error::Refused(_)) => {}
            other => return other,
        }
        if let Some(expired) = self.advance(&record, Edge::Expire, None).await? {
            self.discard_or_leave(self.bucket_of(&expired)?, &expired)
                .await;
        }
        Ok(Swept::Expired)
    }

    /// Removes what lies in storage besides the file, now that no upload URL can write any more.
    async fn remove_leftovers(&self, record: &Record) -> Result<Swept, Error> {
        let bucket = self.bucket_of(record)?;
        if record.state != State::Available {
            discard(bucket, record).await?;
        }
        if record.upload.transfer == Transfer::Single {
            bucket
                .store
                .delete(&ObjectKey::quarantine(record.upload.id))
                .await?;
        }
        self.catalog.forget_leftovers(record.upload.id).await?;
        Ok(Swept::Emptied)
    }
}

enum Swept {
    Completed,
    Expired,
    Deleted,
    Emptied,
    /// Another worker was first.
    Nothing,
}

fn verified(outcome: Result<Option<Record>, Error>) -> Result<Swept, Error> {
    Ok(match outcome?.map(|record| record.state) {
        Some(State::Available) => Swept::Completed,
        Some(_) => Swept::Expired,
        None => Swept::Nothing,
    })
}

impl SweepReport {
    fn with(mut self, outcome: Result<Swept, Error>) -> Self {
        match outcome {
            Ok(Swept::Completed) => self.completed += 1,
            Ok(Swept::Expired) => self.expired += 1,
            Ok(Swept::Deleted) => self.deleted += 1,
            Ok(Swept::Emptied) => self.emptied += 1,
            Ok(Swept::Nothing) => {}
            Err(_) => self.postponed += 1,
        }
        self
    }
}
