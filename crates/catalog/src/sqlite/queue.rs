//! The way from a task to a database thread and back: a queue of jobs, each with its own reply.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error;
use crate::CatalogError;

/// Something to do on a connection, and somebody who waits for what comes of it.
pub(super) trait Job: Send {
    /// Does it, and keeps what came of it.
    fn run(&mut self, connection: &Connection);

    /// Why it failed, if it did.
    fn failure(&self) -> Option<&CatalogError>;

    /// Tells the one who waits. With `lost`, the transaction it ran in, or was to run in, came to nothing.
    fn answer(self: Box<Self>, lost: Option<&CatalogError>);
}

/// Jobs in the order they came. What is pushed into a closed queue is dropped, and so is its reply.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    /// How many threads sleep: waking one costs a system call, so it is only done when there is one.
    sleeping: usize,
    closed: bool,
}

impl Queue {
    /// Takes at least one and at most `most` jobs, waiting for the first; `false` when no more will come.
    pub(super) fn take(&self, most: usize, into: &mut Vec<Box<dyn Job>>) -> bool {
        let mut state = self.lock();
        while state.jobs.is_empty() && !state.closed {
            state.sleeping += 1;
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.sleeping -= 1;
        }
        let count = state.jobs.len().min(most);
        into.extend(state.jobs.drain(..count));
        count > 0
    }

    /// Lets the threads finish what is waiting, and nothing after it.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    fn push(&self, job: Box<dyn Job>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.jobs.push_back(job);
        let wake = state.sleeping > 0;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// Held by a thread that serves a queue: when the thread ends, even by a panic, nobody waits in vain.
pub(super) struct Serving<'q>(pub(super) &'q Queue);

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.close();
        let left = std::mem::take(&mut self.0.lock().jobs);
        drop(left);
    }
}

/// Has this done by a thread that serves the queue.
pub(super) async fn ask<T: Send + 'static>(
    queue: &Queue,
    work: impl FnOnce(&Connection) -> Result<T, CatalogError> + Send + 'static,
) -> Result<T, CatalogError> {
    let (reply, answer) = oneshot::channel();
    queue.push(Box::new(Task {
        work: Some(work),
        outcome: None,
        reply,
    }));
    answer
        .await
        .unwrap_or_else(|_| Err(error::unavailable("the catalog is closed")))
}

struct Task<W, T> {
    work: Option<W>,
    outcome: Option<Result<T, CatalogError>>,
    reply: oneshot::Sender<Result<T, CatalogError>>,
}

impl<W, T> Job for Task<W, T>
where
    W: FnOnce(&Connection) -> Result<T, CatalogError> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) {
        self.outcome = self.work.take().map(|work| work(connection));
    }

    fn failure(&self) -> Option<&CatalogError> {
        self.outcome.as_ref()?.as_ref().err()
    }

    fn answer(self: Box<Self>, lost: Option<&CatalogError>) {
        let answer = match (self.outcome, lost) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(lost)) => Err(error::shared(lost)),
            (Some(done), None) => done,
            (None, None) => return,
        };
        // Whoever asked may have gone away; what was done stays done.
        let _ = self.reply.send(answer);
    }
}
