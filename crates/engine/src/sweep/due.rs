//! What is due: sessions that ended, runs that were lost, retentions that are over, leftovers that may go.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use valetkey_catalog::{Due, Edge, Record, Transfer};
use valetkey_protocol::ObjectKey;
use valetkey_protocol::sweep::{Action, Finding};
use valetkey_protocol::upload::State;

use super::{about, kind_of};
use crate::upload::{abort_all, discard, verify};
use crate::{Engine, Error};

/// How many records one sweep looks at.
const SWEPT_AT_MOST: u32 = 1000;
/// How many of them at the same time.
const SWEPT_AT_ONCE: usize = 8;

impl Engine {
    /// Does what is due now, up to a thousand records.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn sweep_due(self: &Arc<Self>) -> Result<Vec<Finding>, Error> {
        let now = self.clock.now();
        self.forget_old_keys(now).await?;
        let due = self.catalog.due(now, SWEPT_AT_MOST).await?;
        let swept = stream::iter(due).map(|(why, record)| async move {
            let finding = about(&record, kind_of(why), Action::Postponed);
            match self.sweep_one(why, record).await {
                Ok(action) => Finding { action, ..finding },
                Err(error) => {
                    let id = finding.id;
                    tracing::warn!(?id, ?why, %error, "a sweep postponed a record");
                    finding
                }
            }
        });
        Ok(swept.buffer_unordered(SWEPT_AT_ONCE).collect().await)
    }

    /// Says what is due now, and does nothing about it.
    pub(super) async fn plan_due(&self) -> Result<Vec<Finding>, Error> {
        let due = self.catalog.due(self.clock.now(), SWEPT_AT_MOST).await?;
        let planned = due
            .iter()
            .map(|(why, record)| about(record, kind_of(*why), Action::Planned));
        Ok(planned.collect())
    }

    async fn sweep_one(&self, why: Due, record: Record) -> Result<Action, Error> {
        match why {
            Due::SessionEnded => self.end_session(record).await,
            Due::VerifyLost => self.verify_again(record).await,
            Due::RetentionEnded | Due::DeleteLost => {
                self.remove(&record, None).await?;
                Ok(Action::Removed)
            }
            Due::LeftoversOver => self.remove_leftovers(&record).await,
        }
    }

    /// Runs a lost verification again. What cannot be verified any more goes back to where a session ends.
    async fn verify_again(&self, record: Record) -> Result<Action, Error> {
        match verified(verify::run(self, record.clone(), None, None).await) {
            Err(Error::Refused(_)) => {
                self.advance(&record, Edge::Retry, None).await?;
                Ok(Action::Postponed)
            }
            other => other,
        }
    }

    /// A client that vanished after its last byte still gets its file; without the bytes the upload expires.
    async fn end_session(&self, record: Record) -> Result<Action, Error> {
        // A session is over by the clock its URLs were signed with.
        self.bucket_of(&record)?.store.check_clock()?;
        match verified(verify::run(self, record.clone(), None, None).await) {
            Err(Error::Refused(_)) => {}
            other => return other,
        }
        match self.advance(&record, Edge::Expire, None).await? {
            Some(expired) => {
                let bucket = self.bucket_of(&expired)?;
                self.discard_or_leave(bucket, &expired).await;
                Ok(Action::Ended)
            }
            None => Ok(Action::Skipped),
        }
    }

    /// Removes what lies in storage besides the file, now that no upload URL can write any more.
    async fn remove_leftovers(&self, record: &Record) -> Result<Action, Error> {
        let bucket = self.bucket_of(record)?;
        if record.state != State::Available {
            discard(bucket, record, self.clock.now()).await?;
        }
        let upload = &record.upload;
        match upload.transfer {
            Transfer::Single => {
                let quarantined = ObjectKey::quarantine(upload.id);
                bucket.store.delete(&quarantined).await?;
            }
            Transfer::Multipart { .. } => abort_all(bucket, &upload.key).await?,
        }
        // Whoever moved it on meanwhile may have left something: then it falls due again.
        match self
            .catalog
            .forget_leftovers(upload.id, record.epoch)
            .await?
        {
            true => Ok(Action::Removed),
            false => Ok(Action::Skipped),
        }
    }
}

fn verified(outcome: Result<Option<Record>, Error>) -> Result<Action, Error> {
    Ok(match outcome?.map(|record| record.state) {
        Some(State::Available) => Action::Completed,
        Some(_) => Action::Ended,
        None => Action::Skipped,
    })
}
