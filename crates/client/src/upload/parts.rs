//! Many PUTs at a time.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;
use valetkey_protocol::PartNumber;
use valetkey_protocol::upload::{MAX_SIGNED_PARTS, PartRequest};

use super::{Session, is_stale};
use crate::source::Range;
use crate::{Error, clock, storage};

/// The signed requests of a run of parts, made when the first of them is needed.
type Batch = OnceCell<Vec<PartRequest>>;

impl Session<'_> {
    pub(super) async fn put_parts(&self) -> Result<(), Error> {
        let count = self.upload.part_count.unwrap_or(0);
        if count == 0 {
            return Err(Error::Answer("a multipart upload has no parts"));
        }
        let numbers = (1..=count)
            .map(PartNumber::new)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Error::Answer("an upload has too many parts"))?;
        let batches: Vec<Batch> = numbers
            .chunks(MAX_SIGNED_PARTS)
            .map(|_| Batch::new())
            .collect();
        let work = numbers.chunks(MAX_SIGNED_PARTS).zip(&batches);
        let parts = work.flat_map(|(numbers, batch)| {
            numbers.iter().map(move |number| (*number, numbers, batch))
        });
        stream::iter(parts)
            .map(|(number, numbers, batch)| self.put_part(number, numbers, batch))
            .buffer_unordered(self.budget.size())
            .try_collect()
            .await
    }

    async fn put_part(
        &self,
        number: PartNumber,
        numbers: &[PartNumber],
        batch: &Batch,
    ) -> Result<(), Error> {
        let mut part = self.signed(number, numbers, batch).await?;
        let mut attempt = 1;
        let mut fresh = false;
        loop {
            let turn = self.budget.turn().await;
            if !fresh && is_stale(&part.request, clock::now()) {
                part = self.sign_again(number).await?;
                fresh = true;
            }
            let range = self.range(&part)?;
            let (request, progress) = (&part.request, &self.progress);
            let outcome =
                storage::put(self.client, request, &self.source, range, progress, attempt).await;
            drop(turn);
            match outcome {
                Ok(()) => return Ok(()),
                Err(error) if error.is_refused_permission() && !fresh => {
                    part = self.sign_again(number).await?;
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

    /// The part's request: from the answer that made the upload, or from its batch, signed by whoever
    /// comes first.
    async fn signed(
        &self,
        number: PartNumber,
        numbers: &[PartNumber],
        batch: &Batch,
    ) -> Result<PartRequest, Error> {
        if let Some(part) = find(self.upload.parts.as_deref().unwrap_or_default(), number) {
            return Ok(part);
        }
        let signed = batch
            .get_or_try_init(|| self.client.sign_parts(self.upload.id, numbers.to_vec()))
            .await?;
        find(signed, number).ok_or(Error::Answer("a part was not signed"))
    }

    async fn sign_again(&self, number: PartNumber) -> Result<PartRequest, Error> {
        let signed = self.client.sign_parts(self.upload.id, vec![number]).await?;
        find(&signed, number).ok_or(Error::Answer("a part was not signed"))
    }

    fn range(&self, part: &PartRequest) -> Result<Range, Error> {
        let end = part.offset.checked_add(part.size);
        if end.is_none_or(|end| end > self.source.size()) {
            return Err(Error::Answer("a part lies outside the file"));
        }
        Ok(Range {
            offset: part.offset,
            size: part.size,
        })
    }
}

fn find(parts: &[PartRequest], number: PartNumber) -> Option<PartRequest> {
    parts
        .iter()
        .find(|part| part.part_number == number)
        .cloned()
}
