//! Abort: the client gives an upload up.

use jiff::Timestamp;
use valetkey_catalog::{Edge, QUARANTINE_GRACE_SECONDS, Record, Transfer};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, ObjectKey};

use crate::engine::later;
use crate::{Bucket, Engine, Error, Principal};

impl Engine {
    /// Gives up an open upload; one that is over without a file is fine.
    ///
    /// # Errors
    /// It is being verified, or is a file by now: then it is deleted as a file.
    pub async fn abort_upload(&self, who: &Principal, id: FileId) -> Result<(), Error> {
        let record = self.find(who, Action::CreateUpload, id).await?;
        match record.state {
            State::Aborted | State::Expired | State::Failed => return Ok(()),
            State::Pending => {}
            State::Verifying => {
                return Err(Error::conflict(
                    State::Verifying,
                    "the upload is being verified; ask again in a moment",
                ));
            }
            State::Available | State::Deleting | State::Deleted => {
                return Err(Error::conflict(
                    record.state,
                    "the upload is a file by now; DELETE /v1/files/{id} removes it",
                ));
            }
        }
        match self
            .advance(&record, Edge::Abort, Some(&who.subject))
            .await?
        {
            Some(record) => {
                let bucket = self.bucket_of(&record)?;
                self.discard_or_leave(bucket, &record).await;
                Ok(())
            }
            None => Err(Error::conflict(
                State::Verifying,
                "the upload went on at the same moment; ask again",
            )),
        }
    }

    /// Throws away what an upload without a file left in storage. What cannot be thrown away now, the sweep does.
    pub(crate) async fn discard_or_leave(&self, bucket: &Bucket, record: &Record) {
        if let Err(error) = discard(bucket, record, self.clock.now()).await {
            let id = record.upload.id;
            tracing::warn!(%id, %error, "left bytes of a closed upload to the sweep");
        }
    }
}

/// Empties the quarantined object while its upload URL may live, so that it still blocks it, and removes it after
/// that: then nobody looks for it again.
pub(crate) async fn clear_quarantine(
    bucket: &Bucket,
    record: &Record,
    now: Timestamp,
) -> Result<(), Error> {
    let quarantined = ObjectKey::quarantine(record.upload.id);
    let grace = QUARANTINE_GRACE_SECONDS.unsigned_abs();
    if now < later(record.upload.urls_end_at, grace) {
        bucket.store.put_empty(&quarantined).await?;
    } else {
        bucket.store.delete(&quarantined).await?;
    }
    Ok(())
}

/// Gives up every multipart upload of a key, named in a record or not.
pub(crate) async fn abort_all(bucket: &Bucket, key: &ObjectKey) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = bucket
            .store
            .list_multiparts(key.as_str(), after.as_deref())
            .await?;
        for open in page.items.iter().filter(|open| open.key == key.as_str()) {
            bucket.store.abort_multipart(key, &open.upload_id).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Removes what an upload without a file has in storage.
pub(crate) async fn discard(bucket: &Bucket, record: &Record, now: Timestamp) -> Result<(), Error> {
    let upload = &record.upload;
    match &upload.transfer {
        Transfer::Single => clear_quarantine(bucket, record, now).await?,
        Transfer::Multipart {
            upload_id: Some(upload_id),
            ..
        } => {
            bucket.store.abort_multipart(&upload.key, upload_id).await?;
        }
        // It may have been started all the same, and the answer lost.
        Transfer::Multipart {
            upload_id: None, ..
        } => abort_all(bucket, &upload.key).await?,
    }
    if record.epoch > 1 {
        // It was verifying once, so the final object may exist.
        bucket.store.delete(&upload.key).await?;
    }
    Ok(())
}
