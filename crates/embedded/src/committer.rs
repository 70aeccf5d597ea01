//! Group commit: one thread owns all writes of the index and puts those that wait into one transaction.
//!
//! A commit costs an fsync however much is in it, so writers that arrive while one is running share the
//! next. Within a transaction they run one after the other, each seeing what the ones before it did: that is
//! what makes eight `If-None-Match: *` have one winner.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use crate::blob::Blobs;
use crate::error::Failure;
use crate::index::{Index, Tables};
use crate::journal::Journal;

/// As many waiting writes as one transaction takes.
const BATCH: usize = 256;

const GONE: Failure = Failure::Broken("the store is closed");

/// The way to the writing thread.
pub(crate) struct Committer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Starts the thread.
    pub(crate) fn start(
        index: Arc<Index>,
        blobs: Arc<Blobs>,
        journal: Option<Arc<Journal>>,
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("embedded-commit".to_owned())
            .spawn(move || run(&index, &blobs, journal.as_deref(), &jobs))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs `step` inside the next transaction and waits until that is durable.
    ///
    /// A step that refuses must not have changed anything yet: it looks first, then writes. It runs even when
    /// the caller stops waiting.
    pub(crate) async fn write<T, F>(&self, step: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.submit(step)?.await.unwrap_or(Err(GONE))
    }

    /// [`Committer::write`] for a thread of its own.
    pub(crate) fn write_blocking<T, F>(&self, step: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.submit(step)?.blocking_recv().unwrap_or(Err(GONE))
    }

    /// Ends the thread after what already waits.
    pub(crate) fn stop(&self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }

    fn submit<T, F>(&self, step: F) -> Result<oneshot::Receiver<Result<T, Failure>>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Box::new(Write {
            step: Some(step),
            result: None,
            reply,
        }))?;
        Ok(answer)
    }

    fn send(&self, job: Box<dyn Job>) -> Result<(), Failure> {
        let queue = lock(&self.queue);
        let queue = queue.as_ref().ok_or(GONE)?;
        queue.send(job).map_err(|_| GONE)
    }
}

/// A write that waits for its turn.
trait Job: Send {
    /// Looks and writes. An error means that the whole transaction has to be given up.
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), Failure>;

    /// Tells the caller how it ended.
    fn settle(self: Box<Self>, commit: Result<(), Failure>);
}

struct Write<T, F> {
    step: Option<F>,
    result: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), Failure> {
        let Some(step) = self.step.take() else {
            return Ok(());
        };
        match step(tables) {
            Ok(value) => {
                tables.changed();
                self.result = Some(Ok(value));
                Ok(())
            }
            Err(refusal @ Failure::Refused(_)) => {
                self.result = Some(Err(refusal));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    fn settle(self: Box<Self>, commit: Result<(), Failure>) {
        let result = match (commit, self.result) {
            (_, Some(Err(refusal))) => Err(refusal),
            (Ok(()), Some(result)) => result,
            (Err(failure), _) => Err(failure),
            (Ok(()), None) => Err(GONE),
        };
        let _ = self.reply.send(result);
    }
}

fn run(
    index: &Index,
    blobs: &Blobs,
    journal: Option<&Journal>,
    queue: &mpsc::Receiver<Box<dyn Job>>,
) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let outcome = index.write(|tables| batch.iter_mut().try_for_each(|job| job.run(tables)));
        let commit = match outcome {
            Ok(effects) => {
                if let Some(journal) = journal
                    && let Err(source) = journal.append(blobs, effects.accepted)
                {
                    tracing::error!(%source, "the journal of the embedded store is not whole");
                }
                for body in effects.released {
                    blobs.release(body.id, body.blobs);
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        };
        for job in batch {
            job.settle(commit.clone());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
