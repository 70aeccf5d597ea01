//! Many files: created and completed in batches, so that a small file costs the service a hundredth of two calls.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join;
use futures_util::stream::{self, Stream, StreamExt};
use valetkey_protocol::FileId;
use valetkey_protocol::file::File;
use valetkey_protocol::upload::{
    CompleteResult, CreateResult, CreateUpload, MAX_BATCH, Strategy, Upload,
};

use super::{PutOptions, Session, declare};
use crate::source::Source;
use crate::{Budget, Client, Error, Progress};

/// Batches under way at a time: while one sends its bytes, the next is hashed and created.
const BATCHES: usize = 2;
/// The fewest files that are completed together while others of their batch are still being sent.
const FEWEST: usize = 4;

/// A file to upload, and what is said about it.
#[derive(Debug, Clone)]
pub struct ToPut {
    /// Where it is.
    pub path: PathBuf,
    /// What is said about it besides its bytes.
    pub options: PutOptions,
}

/// Uploads files, up to 100 with one call to create them, and tells what became of each by its place in the list,
/// batch by batch as they are done. The first batch is small, so that bytes move soon; of each batch the first half is
/// completed while the other is sent, then half of the rest, so that little is left to do at its end. `progress` is
/// asked for a listener when the bytes of a file begin to move. What a batch refuses for a while is tried alone, with
/// pauses; a file that fails holds up no other, and its upload is aborted.
pub fn put_files<'a, P>(
    client: &'a Client,
    files: Vec<ToPut>,
    budget: &'a Budget,
    progress: P,
) -> impl Stream<Item = (usize, Result<File, Error>)> + 'a
where
    P: Fn(usize) -> Arc<dyn Progress> + Send + Sync + 'a,
{
    let many = Arc::new(Many {
        client,
        budget,
        progress,
    });
    let mut files = files.into_iter().enumerate();
    let mut size = budget.size().min(MAX_BATCH);
    let batches = std::iter::from_fn(move || {
        let batch: Vec<_> = files.by_ref().take(size).collect();
        size = MAX_BATCH;
        (!batch.is_empty()).then_some(batch)
    });
    stream::iter(batches)
        .map(move |batch| {
            let many = Arc::clone(&many);
            async move { many.put(batch).await }
        })
        .buffer_unordered(BATCHES)
        .flat_map(stream::iter)
}

/// What the files of one call share.
struct Many<'a, P> {
    client: &'a Client,
    budget: &'a Budget,
    progress: P,
}

/// A value and the place of its file in the list.
type Placed<T> = (usize, T);

/// A file that was hashed.
struct Declared {
    source: Source,
    intent: CreateUpload,
}

impl<'a, P: Fn(usize) -> Arc<dyn Progress>> Many<'a, P> {
    async fn put(&self, batch: Vec<Placed<ToPut>>) -> Vec<Placed<Result<File, Error>>> {
        let declared = self.declare(batch).await;
        let created = self.create(declared).await;
        let in_parts = |session: &Session| session.upload.strategy == Strategy::Multipart;
        let (large, small) = created
            .into_iter()
            .partition(|(_, one)| one.as_ref().is_ok_and(in_parts));
        // Small files do not wait for large ones to be complete.
        let (mut done, large) = join(self.put_small(small), self.put_large(large)).await;
        done.extend(large);
        done
    }

    /// Sends all, and completes what is sent by halves of what is left.
    async fn put_small(
        &self,
        small: Vec<Placed<Result<Session<'a>, Error>>>,
    ) -> Vec<Placed<Result<File, Error>>> {
        let left = small.len();
        let sent = stream::iter(small)
            .map(async |(place, session)| match session {
                Ok(session) => (place, self.send(place, session).await),
                Err(error) => (place, Err(error)),
            })
            // Each waits for its turn in the budget.
            .buffer_unordered(MAX_BATCH);
        let groups = stream::unfold((Box::pin(sent), left), async |(mut sent, left)| {
            let size = left.div_ceil(2).max(FEWEST).min(left);
            let group: Vec<_> = sent.by_ref().take(size).collect().await;
            (!group.is_empty()).then_some((group, (sent, left - size)))
        });
        groups
            .map(|group| self.complete(group))
            // So many that none of them ever keeps bytes from being sent.
            .buffer_unordered(MAX_BATCH)
            .flat_map(stream::iter)
            .collect()
            .await
    }

    /// Completes each as soon as it is sent.
    async fn put_large(
        &self,
        large: Vec<Placed<Result<Session<'a>, Error>>>,
    ) -> Vec<Placed<Result<File, Error>>> {
        let put = async |(place, session): Placed<Result<Session<'a>, Error>>| {
            let done = async { finish(self.send(place, session?).await?, None).await };
            (place, done.await)
        };
        let done = stream::iter(large).map(put);
        done.buffer_unordered(self.budget.size()).collect().await
    }

    /// Hashes the files, as many at a time as may be sent.
    async fn declare(&self, batch: Vec<Placed<ToPut>>) -> Vec<Placed<Result<Declared, Error>>> {
        let one = async |(place, file): Placed<ToPut>| {
            let declared = async {
                let source = Source::open(&file.path).await?;
                let intent = declare(self.client, &file.path, &source, file.options).await?;
                Ok(Declared { source, intent })
            };
            (place, declared.await)
        };
        let hashed = stream::iter(batch).map(one).buffered(self.budget.size());
        hashed.collect().await
    }

    /// Creates the uploads with one call.
    async fn create(
        &self,
        declared: Vec<Placed<Result<Declared, Error>>>,
    ) -> Vec<Placed<Result<Session<'a>, Error>>> {
        let good = declared.iter().filter_map(|(_, one)| one.as_ref().ok());
        let intents: Vec<_> = good.map(|one| one.intent.clone()).collect();
        // A batch that fails as a whole says nothing about any of them, so each is tried alone; so is a single one,
        // which is created once however often it is sent.
        let results = match intents.len() {
            0 | 1 => Vec::new(),
            _ => self
                .client
                .create_uploads(intents)
                .await
                .unwrap_or_default(),
        };
        let mut results = results.into_iter();
        let with_results = declared.into_iter().map(|(place, one)| match one {
            Ok(one) => (place, Ok((one, results.next()))),
            Err(error) => (place, Err(error)),
        });
        stream::iter(with_results.collect::<Vec<_>>())
            .map(async |(place, one)| match one {
                Ok((declared, result)) => (place, self.open(declared, result).await),
                Err(error) => (place, Err(error)),
            })
            .buffered(self.budget.size())
            .collect()
            .await
    }

    async fn open(
        &self,
        declared: Declared,
        result: Option<CreateResult>,
    ) -> Result<Session<'a>, Error> {
        Ok(Session {
            upload: self.created(&declared.intent, result).await?,
            client: self.client,
            source: declared.source,
            intent: declared.intent,
            budget: self.budget,
            progress: Arc::new(crate::Silent),
        })
    }

    async fn created(
        &self,
        intent: &CreateUpload,
        result: Option<CreateResult>,
    ) -> Result<Upload, Error> {
        let (upload, problem) = result.map_or((None, None), |it| (it.upload, it.problem));
        match (upload, problem.map(Error::Problem)) {
            (Some(upload), _) => Ok(upload),
            (None, Some(problem)) if !problem.is_transient() => Err(problem),
            (None, _) => self.client.create_upload(intent).await,
        }
    }

    /// Sends the bytes of one file.
    async fn send(&self, place: usize, mut session: Session<'a>) -> Result<Session<'a>, Error> {
        // A single PUT shows itself only when it has its turn; a hundred waiting bars would show nothing.
        session.progress = (self.progress)(place);
        match session.send().await {
            Ok(()) => Ok(session),
            Err(error) => Err(session.give_up(error).await),
        }
    }

    /// Completes what was sent with one call.
    async fn complete(
        &self,
        sent: Vec<Placed<Result<Session<'a>, Error>>>,
    ) -> Vec<Placed<Result<File, Error>>> {
        let good = sent.iter().filter_map(|(_, one)| one.as_ref().ok());
        let ids: Vec<_> = good.map(|session| session.upload.id).collect();
        let results = match ids.len() {
            0 | 1 => Vec::new(),
            _ => self.client.complete_uploads(&ids).await.unwrap_or_default(),
        };
        let mut results: HashMap<FileId, CompleteResult> = ids.into_iter().zip(results).collect();
        let with_results = sent.into_iter().map(|(place, one)| match one {
            Ok(session) => {
                let result = results.remove(&session.upload.id);
                (place, Ok((session, result)))
            }
            Err(error) => (place, Err(error)),
        });
        stream::iter(with_results.collect::<Vec<_>>())
            .map(async |(place, one)| match one {
                Ok((session, result)) => (place, finish(session, result).await),
                Err(error) => (place, Err(error)),
            })
            .buffer_unordered(self.budget.size())
            .collect()
            .await
    }
}

async fn finish(session: Session<'_>, result: Option<CompleteResult>) -> Result<File, Error> {
    let (file, problem) = result.map_or((None, None), |it| (it.file, it.problem));
    let done = match (file, problem.map(Error::Problem)) {
        (Some(file), _) => Ok(file),
        (None, Some(problem)) if !problem.is_transient() => Err(problem),
        // Still being checked, or refused for a while.
        (None, _) => session.complete().await,
    };
    match done {
        Ok(file) => Ok(file),
        Err(error) => Err(session.give_up(error).await),
    }
}
