//! Files: what uploads became.

mod by_key;
mod delete;
mod list;
mod patch;

use std::sync::Arc;

pub use by_key::PublicRead;
pub(crate) use by_key::{has_key, ids_in, public_name};
use valetkey_catalog::{FileFacts, Record};
use valetkey_protocol::FileId;
use valetkey_protocol::file::File;
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::State;

use crate::policy::Deed;
use crate::{Engine, Error, Principal};

impl Engine {
    /// Looks at a file.
    ///
    /// # Errors
    /// It is not there, or not available.
    pub async fn get_file(self: &Arc<Self>, who: &Principal, id: FileId) -> Result<File, Error> {
        self.receipted(self.find_or_complete(who, Action::Read, id).await?)
    }

    /// Finds a file that is available to the caller, who wants to do this to it.
    pub(crate) async fn find_file(
        &self,
        who: &Principal,
        deed: impl Into<Deed>,
        id: FileId,
    ) -> Result<Record, Error> {
        let record = self.find(who, deed, id).await?;
        self.check_available(&record)?;
        Ok(record)
    }

    /// Finds a file that is available to the caller. An upload whose bytes are all there is completed first: its client
    /// may have vanished after the last one, or be one that never completes.
    pub(crate) async fn find_or_complete(
        self: &Arc<Self>,
        who: &Principal,
        deed: impl Into<Deed>,
        id: FileId,
    ) -> Result<Record, Error> {
        let mut record = self.find(who, deed, id).await?;
        if record.state == State::Pending {
            record = self.complete_late(Some(&who.subject), id).await?;
        }
        self.check_available(&record)?;
        Ok(record)
    }

    /// Lets through what is a file and whose retention lasts.
    pub(crate) fn check_available(&self, record: &Record) -> Result<(), Error> {
        let ends = record.file.as_ref().and_then(|facts| facts.expires_at);
        let over = ends.is_some_and(|instant| instant <= self.clock.now());
        if record.state == State::Available && !over {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }
}

/// A file as its owner sees it in lists, without its receipt.
pub(crate) fn view(record: Record) -> Result<File, Error> {
    let upload = record.upload;
    let facts = record.file.ok_or_else(|| no_file(upload.id))?;
    Ok(File {
        id: upload.id,
        bucket: upload.bucket,
        key: upload.key,
        filename: upload.filename,
        path: upload.path,
        content_type: upload.content_type,
        detected_type: facts.detected_type,
        size: upload.size,
        checksum: facts.checksum,
        integrity: facts.integrity,
        etag: facts.etag,
        metadata: upload.metadata,
        tenant: upload.tenant,
        owner: upload.owner,
        created_at: upload.created_at,
        expires_at: facts.expires_at,
        download_count: record.download_count,
        receipt: None,
    })
}

/// What was found when it became a file.
pub(crate) fn facts(record: &Record) -> Result<&FileFacts, Error> {
    let facts = record.file.as_ref();
    facts.ok_or_else(|| no_file(record.upload.id))
}

fn no_file(id: FileId) -> Error {
    Error::Internal(format!("{id} is no file"))
}
