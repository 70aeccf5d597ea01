//! Complete: wait a little for the truth, then say where it stands. Repeating it changes nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tracing::Instrument as _;
use valetkey_catalog::{CatalogError, Record};
use valetkey_protocol::file::File;
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::{
    CompleteResult, CompleteUpload, CompleteUploads, MAX_BATCH, Results, State, StillVerifying,
};
use valetkey_protocol::{Checksum, Code, FileId, Subject};

use super::{check_batch, closed, verify};
use crate::{Engine, Error, Principal};

/// How long an answer waits for a verification, be it this worker's or another's: with all the rest it comes within 5 s.
const MAX_WAIT: Duration = Duration::from_millis(4500);
/// How often it looks whether another worker is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What a completion came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// It is a file.
    File(Box<File>),
    /// It takes longer than an answer may wait; asking again finds out.
    Verifying(StillVerifying),
}

impl Engine {
    /// Proves the bytes and makes them a file. Waits up to 5 s.
    ///
    /// # Errors
    /// What is missing or wrong; the upload stays open where it can be mended.
    pub async fn complete_upload(
        self: &Arc<Self>,
        who: &Principal,
        id: FileId,
        complete: CompleteUpload,
    ) -> Result<Completion, Error> {
        let mut found = false;
        let settle = async {
            // A catalog that comes back only just in time has taken some of the time there is.
            self.find(who, Action::CreateUpload, id).await?;
            found = true;
            self.settle(Some(&who.subject), id, complete.checksum).await
        };
        let settled = tokio::time::timeout(MAX_WAIT, settle).await;
        match settled {
            Ok(record) => self.completion(record?, complete.checksum),
            Err(_) if found => Ok(Completion::Verifying(StillVerifying {
                id,
                state: State::Verifying,
            })),
            Err(late) => Err(CatalogError::Unavailable(Box::new(late)).into()),
        }
    }

    /// Completes up to 100 uploads; each has a result of its own.
    ///
    /// # Errors
    /// Too many items.
    pub async fn complete_uploads(
        self: &Arc<Self>,
        who: &Principal,
        batch: CompleteUploads,
    ) -> Result<Results<CompleteResult>, Error> {
        check_batch(batch.ids.len())?;
        let results = stream::iter(batch.ids)
            .map(|text| async move {
                let result = match text.parse() {
                    Ok(id) => {
                        self.complete_upload(who, id, CompleteUpload::default())
                            .await
                    }
                    Err(_) => Err(Error::NotFound),
                };
                complete_result(text, result)
            })
            // All at once, so that a batch waits no longer than one of them.
            .buffered(MAX_BATCH)
            .collect()
            .await;
        Ok(Results { results })
    }

    /// Completes an upload that somebody wants to read. What is no file by then is not there.
    pub(crate) async fn complete_late(
        self: &Arc<Self>,
        by: Option<&Subject>,
        id: FileId,
    ) -> Result<Record, Error> {
        match tokio::time::timeout(MAX_WAIT, self.settle(by, id, None)).await {
            Ok(Err(Error::Refused(_))) | Err(_) => Err(Error::NotFound),
            Ok(settled) => settled,
        }
    }

    /// Brings an upload to an end, by this worker or by waiting for the one that is at it.
    async fn settle(
        self: &Arc<Self>,
        by: Option<&Subject>,
        id: FileId,
        checksum: Option<Checksum>,
    ) -> Result<Record, Error> {
        loop {
            let record = self.catalog.find(id).await?.ok_or(Error::NotFound)?;
            let leased = record
                .lease_until
                .is_some_and(|until| until > self.clock.now());
            match record.state {
                State::Verifying if leased => {}
                State::Pending | State::Verifying => {
                    // On a task of its own: a client that hangs up does not stop a verification halfway.
                    let (engine, by) = (Arc::clone(self), by.cloned());
                    let run =
                        async move { verify::run(&engine, record, checksum, by.as_ref()).await };
                    let run = tokio::spawn(run.in_current_span());
                    let outcome = run
                        .await
                        .map_err(|error| Error::Internal(error.to_string()))?;
                    if let Some(record) = outcome? {
                        return Ok(record);
                    }
                }
                _ => return Ok(record),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn completion(&self, record: Record, declared: Option<Checksum>) -> Result<Completion, Error> {
        if record.state != State::Available {
            return Err(closed(&record));
        }
        let file = self.receipted(record)?;
        let differs =
            |known: Checksum, new: Checksum| known.algorithm() == new.algorithm() && known != new;
        if let (Some(known), Some(new)) = (file.checksum, declared)
            && differs(known, new)
        {
            let detail = "the upload is a file already, and its checksum is another one";
            return Err(Error::refused(Code::ChecksumMismatch, detail));
        }
        Ok(Completion::File(Box::new(file)))
    }
}

fn complete_result(id: String, result: Result<Completion, Error>) -> CompleteResult {
    let empty = CompleteResult {
        status: 200,
        id,
        file: None,
        state: None,
        problem: None,
    };
    match result {
        Ok(Completion::File(file)) => CompleteResult {
            file: Some(*file),
            ..empty
        },
        Ok(Completion::Verifying(still)) => CompleteResult {
            status: 202,
            state: Some(still.state),
            ..empty
        },
        Err(error) => {
            let problem = crate::error::logged(&error);
            CompleteResult {
                status: problem.code.status(),
                problem: Some(problem),
                ..empty
            }
        }
    }
}
