//! One PUT.

use super::{Session, is_stale};
use crate::{Error, clock, storage};

impl Session<'_> {
    pub(super) async fn put_single(&mut self) -> Result<(), Error> {
        let mut attempt = 1;
        let mut fresh = false;
        loop {
            let turn = self.budget.turn().await;
            let Some(request) = &self.upload.request else {
                return Err(Error::Answer("a single upload has no request"));
            };
            if !fresh && is_stale(request, clock::now()) {
                self.start_again().await?;
                fresh = true;
                continue;
            }
            let whole = self.source.whole();
            let outcome = storage::put(
                self.client,
                request,
                &self.source,
                whole,
                &self.progress,
                attempt,
            )
            .await;
            drop(turn);
            match outcome {
                Ok(()) => return Ok(()),
                Err(error) if error.is_refused_permission() && !fresh => {
                    self.start_again().await?;
                    fresh = true;
                }
                Err(error) => {
                    self.client.pause(attempt, error).await?;
                    attempt += 1;
                    fresh = false;
                }
            }
        }
    }

    /// The one request of a single upload cannot be signed again, so another upload takes its place.
    async fn start_again(&mut self) -> Result<(), Error> {
        self.client.abort_upload(self.upload.id).await.ok();
        self.upload = self.client.create_upload(&self.intent).await?;
        Ok(())
    }
}
