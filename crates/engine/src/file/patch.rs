//! Patch: what people may change of a file.

use valetkey_catalog::{FilePatch, Patch, Record};
use valetkey_protocol::file::{File, PatchFile};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, Metadata};

use super::facts;
use crate::engine::check_retention;
use crate::policy;
use crate::{Engine, Error, Principal};

/// How often a change is tried again when somebody else changed the file at the same moment.
const TRIES: usize = 5;

impl Engine {
    /// Applies a merge patch (RFC 7396).
    ///
    /// # Errors
    /// It is no file, or a value is not allowed.
    pub async fn patch_file(
        &self,
        who: &Principal,
        id: FileId,
        patch: PatchFile,
    ) -> Result<File, Error> {
        // Whoever ends a file's retention deletes it.
        let deletes = patch.retain_for.is_some();
        if deletes {
            policy::check_may(who, Action::Delete)?;
        }
        for _ in 0..TRIES {
            let record = self.find_file(who, Action::Update, id).await?;
            if deletes {
                self.check_access(who, Action::Delete.into(), &record)?;
            }
            let change = self.merged(&record, &patch)?;
            self.check_becoming(who, &record, &change)?;
            let patch = Patch {
                id,
                epoch: record.epoch,
                file: change,
                at: self.clock.now(),
                by: Some(who.subject.clone()),
            };
            if let Some(record) = self.catalog.patch(patch).await? {
                return self.receipted(record);
            }
        }
        Err(Error::conflict(
            State::Available,
            "others change the file at the same moment; try again",
        ))
    }

    fn merged(&self, record: &Record, patch: &PatchFile) -> Result<FilePatch, Error> {
        let upload = &record.upload;
        let metadata = match &patch.metadata {
            None => upload.metadata.clone(),
            Some(None) => Metadata::default(),
            Some(Some(pairs)) => upload
                .metadata
                .merged(pairs)
                .map_err(|error| ("metadata", error))?,
        };
        let bucket = self.bucket_of(record)?;
        if let Some(filename) = &patch.filename {
            bucket.check_name(filename)?;
        }
        let expires_at = match patch.retain_for {
            None => facts(record)?.expires_at,
            Some(Some(0)) => {
                return Err(Error::invalid(
                    "retain_for",
                    "must be 1 or more seconds; DELETE removes a file at once",
                ));
            }
            Some(wanted) => {
                wanted.map_or(Ok(()), check_retention)?;
                bucket.changed_end(record, wanted, self.clock.now())?
            }
        };
        Ok(FilePatch {
            filename: patch
                .filename
                .clone()
                .unwrap_or_else(|| upload.filename.clone()),
            path: match &patch.path {
                None => upload.path.clone(),
                Some(path) => path.clone().unwrap_or_default(),
            },
            metadata,
            expires_at,
        })
    }
}
