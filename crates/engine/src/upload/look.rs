//! Look: where an upload stands, and which parts storage already has.

use valetkey_catalog::Transfer;
use valetkey_protocol::FileId;
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::{State, Upload, UploadedPart};

use super::view;
use crate::{Engine, Error, Principal};

impl Engine {
    /// Looks at an upload. Of an open multipart upload it tells the parts as storage reports them, so that any
    /// device can go on with it.
    ///
    /// # Errors
    /// It is not there, or storage does not answer.
    pub async fn get_upload(&self, who: &Principal, id: FileId) -> Result<Upload, Error> {
        let record = self.find(who, Action::CreateUpload, id).await?;
        let bucket = self.bucket_of(&record)?;
        let mut answer = view(&record, bucket);
        if let (State::Pending, Transfer::Multipart { upload_id, .. }) =
            (record.state, &record.upload.transfer)
        {
            let stored = match upload_id {
                Some(upload_id) => {
                    bucket
                        .store
                        .list_parts(&record.upload.key, upload_id)
                        .await?
                }
                None => None,
            };
            let parts = stored
                .unwrap_or_default()
                .into_iter()
                .map(|part| UploadedPart {
                    part_number: part.number,
                    size: part.size,
                    etag: part.etag,
                });
            answer.uploaded_parts = Some(parts.collect());
        }
        Ok(answer)
    }
}
