//! Delete: invisible at once, gone from storage as soon as storage answers.

use jiff::Timestamp;
use valetkey_catalog::{Edge, Record, Transfer};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, Subject};

use crate::engine::later;
use crate::upload::clear_quarantine;
use crate::{Bucket, Engine, Error, Principal};

/// How long a run that deletes is left alone, in seconds: bytes are gone within a minute.
const LEASE_SECONDS: u64 = 30;

impl Engine {
    /// Deletes a file; one that is deleted already is fine.
    ///
    /// # Errors
    /// It is not there, not a file (an open upload is aborted, not deleted), or to be kept for longer.
    pub async fn delete_file(&self, who: &Principal, id: FileId) -> Result<(), Error> {
        let record = self.find(who, Action::Delete, id).await?;
        match record.state {
            State::Available => {
                let bucket = self.bucket_of(&record)?;
                bucket.check_retained(&record, self.clock.now())?;
                self.remove(&record, &who.subject).await
            }
            State::Deleting | State::Deleted => Ok(()),
            _ => Err(Error::NotFound),
        }
    }

    /// Takes a file out of sight and then out of storage. From the first step on it is deleted for everybody, so what
    /// cannot be done now is left to the sweep.
    async fn remove(&self, record: &Record, by: &Subject) -> Result<(), Error> {
        let Some(record) = self.hide(record, Some(by)).await? else {
            return Ok(());
        };
        if let Err(error) = self.erase(&record, Some(by)).await {
            let id = record.upload.id;
            tracing::warn!(%id, %error, "left the bytes of a deleted file to the sweep");
        }
        Ok(())
    }

    /// Takes a file, or one whose last removal was lost, out of sight; `None` when somebody else is at it.
    pub(crate) async fn hide(
        &self,
        record: &Record,
        by: Option<&Subject>,
    ) -> Result<Option<Record>, Error> {
        let edge = Edge::Delete {
            lease_until: later(self.clock.now(), LEASE_SECONDS),
        };
        self.advance(record, edge, by).await
    }

    /// Takes a hidden file out of storage.
    pub(crate) async fn erase(&self, record: &Record, by: Option<&Subject>) -> Result<(), Error> {
        let bucket = self.bucket_of(record)?;
        remove_bytes(bucket, record, self.clock.now()).await?;
        self.advance(record, Edge::Deleted, by).await?;
        Ok(())
    }
}

/// Removes the bytes.
async fn remove_bytes(bucket: &Bucket, record: &Record, now: Timestamp) -> Result<(), Error> {
    if record.leftovers && record.upload.transfer == Transfer::Single {
        clear_quarantine(bucket, record, now).await?;
    }
    bucket.store.delete(&record.upload.key).await?;
    Ok(())
}
