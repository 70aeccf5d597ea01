//! What is due: sessions that ended, runs that were lost, retentions that are over, leftovers that may go.
//!
//! Records are claimed bucket by bucket: one bucket whose storage does not answer holds up nobody else. What cannot be
//! done is left alone, ever longer, and comes behind what fell due meanwhile.

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{Claim, Due, Edge, Postponement, Record, Transfer};
use valetkey_protocol::ObjectKey;
use valetkey_protocol::sweep::{Action, Finding};
use valetkey_protocol::upload::State;
use valetkey_store::StoreError;

use super::{about, kind_of};
use crate::engine::from_now;
use crate::upload::{abort_all, discard, verify};
use crate::{Bucket, Engine, Error};

/// How many records of a bucket one sweep looks at.
const SWEPT_AT_MOST: usize = 1000;
/// How many of them are claimed at a time: few, so that the last one does not wait for longer than its claim lasts.
const CLAIMED_AT_ONCE: u32 = 32;
/// How many of them at the same time.
const SWEPT_AT_ONCE: usize = 8;
/// How long a claim lasts. It only runs out when its sweep was cut off: what fails is postponed anew.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);

/// When a record is tried again that could not be done; twice as long after each time.
const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(30);
/// The longest delay when storage or catalog did not answer: they may at any time.
const LONGEST_OUTAGE_DELAY: SignedDuration = SignedDuration::from_mins(5);
/// The longest delay when they did, and refused: somebody has to mend something.
const LONGEST_DELAY: SignedDuration = SignedDuration::from_hours(1);

/// How long after its session an upload is ended whose bytes storage refuses to make a file of.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

impl Engine {
    /// Does what is due now in every bucket, up to a thousand records in each.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn sweep_due(&self) -> Result<Vec<Finding>, Error> {
        self.forget_old_keys().await?;
        let sweeps = self.buckets.values().map(|bucket| self.sweep_one(bucket));
        Ok(try_join_all(sweeps).await?.concat())
    }

    /// Does what is due now in one bucket, up to a thousand records.
    ///
    /// # Errors
    /// There is no such bucket, or the catalog does not answer.
    pub async fn sweep_bucket(&self, name: &str) -> Result<Vec<Finding>, Error> {
        self.sweep_one(self.requested_bucket(Some(name))?).await
    }

    async fn sweep_one(&self, bucket: &Bucket) -> Result<Vec<Finding>, Error> {
        let began = self.clock.now();
        let mut findings = Vec::new();
        while findings.len() < SWEPT_AT_MOST {
            let claimed = self.claim(bucket, began, CLAIMED_AT_ONCE).await?;
            if claimed.is_empty() {
                break;
            }
            let seen = stream::iter(claimed).map(|(why, record)| self.see_to(why, record));
            findings.extend(
                seen.buffer_unordered(SWEPT_AT_ONCE)
                    .collect::<Vec<_>>()
                    .await,
            );
        }
        Ok(findings)
    }

    /// Takes up what was due then.
    pub(super) async fn claim(
        &self,
        bucket: &Bucket,
        then: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Due, Record)>, Error> {
        let claim = Claim {
            bucket: bucket.name.clone(),
            now: then,
            until: from_now(self.clock.now(), CLAIM),
            limit,
        };
        Ok(self.catalog.claim_due(claim).await?)
    }

    /// Does what a claimed record needs; one that cannot be done is left alone, ever longer.
    pub(super) async fn see_to(&self, why: Due, record: Record) -> Finding {
        let finding = about(&record, kind_of(why), Action::Postponed);
        let (id, attempt) = (record.upload.id, record.attempts);
        let error = match self.settle_due(why, record).await {
            Ok(action) => return Finding { action, ..finding },
            Err(error) => error,
        };
        let until = from_now(self.clock.now(), delay(attempt, &error));
        tracing::warn!(%id, ?why, %error, attempt, %until, "a sweep postponed a record");
        let postponement = Postponement { id, attempt, until };
        // Without it, it is tried again when the claim is over.
        if let Err(error) = self.catalog.postpone(vec![postponement]).await {
            tracing::warn!(%id, %error, "a postponement could not be written down");
        }
        finding
    }

    async fn settle_due(&self, why: Due, record: Record) -> Result<Action, Error> {
        match why {
            Due::BytesAwaited => self.look_for_bytes(record).await,
            Due::SessionEnded => self.end_session(record).await,
            Due::VerifyLost => self.verify_again(record).await,
            Due::RetentionEnded => self.end_retention(record).await,
            Due::DeleteLost => self.remove_file(&record).await,
            Due::LeftoversOver => self.remove_leftovers(&record).await,
        }
    }

    /// What its bucket keeps for longer, by a rule that is younger than the file, is looked at again then.
    async fn end_retention(&self, record: Record) -> Result<Action, Error> {
        let bucket = self.bucket_of(&record)?;
        let Some(until) = bucket.retained_until(&record, self.clock.now()) else {
            return self.remove_file(&record).await;
        };
        let (id, attempt) = (record.upload.id, record.attempts);
        let postponement = Postponement { id, attempt, until };
        self.catalog.postpone(vec![postponement]).await?;
        Ok(Action::Postponed)
    }

    async fn remove_file(&self, record: &Record) -> Result<Action, Error> {
        match self.hide(record, None).await? {
            Some(hidden) => {
                self.erase(&hidden, None).await?;
                Ok(Action::Removed)
            }
            None => Ok(Action::Skipped),
        }
    }

    /// A client that never says when it is done gets its file as soon as its bytes are seen.
    async fn look_for_bytes(&self, record: Record) -> Result<Action, Error> {
        if record.upload.session_ends_at <= self.clock.now() {
            return self.end_session(record).await;
        }
        match verified(verify::run(self, record.clone(), None, None).await) {
            Err(Error::Refused(_)) => self.look_later(&record).await,
            other => other,
        }
    }

    /// Runs a lost verification again. What cannot be verified any more goes back to where a session ends, and ends
    /// with it.
    async fn verify_again(&self, record: Record) -> Result<Action, Error> {
        match verified(verify::run(self, record.clone(), None, None).await) {
            Err(Error::Refused(_)) => {}
            other => return other,
        }
        match self.advance(&record, Edge::Retry, None).await? {
            Some(pending) if pending.upload.session_ends_at <= self.clock.now() => {
                self.expire(&pending).await
            }
            _ => Ok(Action::Postponed),
        }
    }

    /// A client that vanished after its last byte still gets its file; without the bytes the upload expires, and so
    /// it does when storage refuses to make a file of them for a day.
    async fn end_session(&self, record: Record) -> Result<Action, Error> {
        let (id, ended) = (record.upload.id, record.upload.session_ends_at);
        match verified(verify::run(self, record, None, None).await) {
            Err(Error::Refused(_)) => {}
            Err(Error::Store(error))
                if refuses(&error) && from_now(ended, PATIENCE) <= self.clock.now() =>
            {
                tracing::error!(%id, %error, "gave an upload up whose bytes storage makes no file of");
            }
            other => return other,
        }
        // The run may have gone to verifying and back.
        match self.catalog.find(id).await? {
            Some(pending) if pending.state == State::Pending => self.expire(&pending).await,
            _ => Ok(Action::Skipped),
        }
    }

    /// Ends what is over, unless the clock that says so is far from the one its URLs are held against.
    async fn expire(&self, record: &Record) -> Result<Action, Error> {
        self.bucket_of(record)?.store.check_clock()?;
        match self.advance(record, Edge::Expire, None).await? {
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

/// Whether storage answered, and will say the same again.
pub(super) fn refuses(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { .. } | StoreError::Full | StoreError::ClockSkew { .. } => false,
        StoreError::NotFound
        | StoreError::PreconditionFailed
        | StoreError::Refused { .. }
        | StoreError::Unsignable { .. }
        | StoreError::Settings { .. } => true,
    }
}

/// How long a record is left alone that could not be done.
fn delay(attempt: u64, error: &Error) -> SignedDuration {
    let longest = match error {
        Error::Store(error) if refuses(error) => LONGEST_DELAY,
        Error::Store(_) | Error::Catalog(_) => LONGEST_OUTAGE_DELAY,
        Error::NotFound | Error::Refused(_) | Error::Internal(_) => LONGEST_DELAY,
    };
    let doubled = attempt.saturating_sub(1).min(10);
    (FIRST_DELAY * (1 << doubled)).min(longest)
}
