//! The tasks that write: everything that waits for one goes into one transaction, and nobody is answered before it is
//! on disk. Each has a connection of its own, and makes it anew when it is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::backoff::Backoff;
use super::error::{Class, class, from_postgres, is_unpartitioned, shared, unavailable, violates};
use super::once;
use super::pool::patiently;
use super::session::{Connector, Session};
use crate::CatalogError;

/// The most jobs of one transaction: it bounds how long the first of them waits for the last.
const MAX_JOBS: usize = 512;

/// The most jobs that wait.
const QUEUE: usize = 8192;

/// How often a transaction that others were in the way of is tried again.
const RETRIES: u32 = 8;

/// How long a transaction may take; its statements have shorter limits of their own, unless the server hangs.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(3);

/// One kind of transaction: what it takes up, and how it does all of it at once.
pub(super) trait Lane: Send + 'static {
    /// What is asked.
    type Work: Send + Sync;
    /// What came of it.
    type Answer: Send;

    /// Does all of it in one transaction, as if one after the other, and says what came of each. A work that fails
    /// by itself has changed nothing and harms no other.
    fn commit(
        &mut self,
        session: &Session,
        works: &[&Self::Work],
    ) -> impl Future<Output = Result<Answers<Self>, Failure>> + Send;
}

/// What came of each work.
pub(super) type Answers<L> = Vec<Result<<L as Lane>::Answer, CatalogError>>;

/// Why a transaction came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// Others were in the way.
    Busy(CatalogError),
    /// The connection was lost, before the transaction could end.
    Gone(CatalogError),
    /// One of its works cannot be done.
    Work(CatalogError),
    /// None of its works can be done.
    All(CatalogError),
    /// The connection was lost while the transaction ended: it may have come to its end all the same.
    Doubt(CatalogError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let class = class(&error);
        // A key that another server wrote in between is found the next time, and a week that it dropped is made.
        if violates(&error, once::KEY) || is_unpartitioned(&error) {
            return Self::Busy(unavailable("another server was faster"));
        }
        let error = from_postgres(error);
        match class {
            Class::Busy => Self::Busy(error),
            Class::Gone => Self::Gone(error),
            Class::Refused => Self::Work(error),
            Class::Full | Class::Corrupt | Class::Other => Self::All(error),
        }
    }
}

/// The way to one of the tasks.
pub(super) struct Writer<L: Lane> {
    jobs: mpsc::Sender<Job<L>>,
}

impl<L: Lane> Writer<L> {
    /// Starts the task. It ends when this is dropped, after what waits was done.
    pub(super) fn start(lane: L, connector: Arc<Connector>, backoff: Backoff) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let task = Task {
            lane,
            connector,
            backoff,
            session: None,
        };
        tokio::spawn(task.run(waiting));
        Self { jobs }
    }

    /// Has this done in the next transaction, and answers once it is on disk.
    pub(super) async fn ask(&self, work: L::Work) -> Result<L::Answer, CatalogError> {
        let (reply, answer) = oneshot::channel();
        let asking = async {
            // Either fails only when the task is gone.
            let _ = self.jobs.send(Job { work, reply }).await;
            answer
                .await
                .unwrap_or_else(|_| Err(unavailable("the catalog is closed")))
        };
        patiently(asking).await
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }
}

struct Job<L: Lane> {
    work: L::Work,
    reply: oneshot::Sender<Result<L::Answer, CatalogError>>,
}

struct Task<L> {
    lane: L,
    connector: Arc<Connector>,
    backoff: Backoff,
    session: Option<Session>,
}

impl<L: Lane> Task<L> {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job<L>>) {
        let mut jobs = Vec::with_capacity(MAX_JOBS);
        let mut outage = 0;
        loop {
            if jobs.is_empty() && waiting.recv_many(&mut jobs, MAX_JOBS).await == 0 {
                return;
            }
            // Nobody is to find done what they gave up long ago.
            jobs.retain(|job| !job.reply.is_closed());
            if jobs.is_empty() {
                continue;
            }
            let Some(session) = self.session().await else {
                tokio::time::sleep(self.backoff.pause(outage)).await;
                outage += 1;
                continue;
            };
            outage = 0;
            self.serve(session, &mut jobs).await;
        }
    }

    /// The connection, as it is or anew.
    async fn session(&mut self) -> Option<Session> {
        match self.session.take().filter(|session| !session.is_closed()) {
            Some(session) => Some(session),
            None => match self.connector.connect().await {
                Ok(session) => Some(session),
                Err(unreached) => {
                    tracing::warn!(why = unreached.why, "the catalog is not reached");
                    None
                }
            },
        }
    }

    /// Does all jobs: in one transaction or, when one of them cannot be done, in halves and halves of halves, until it
    /// is alone. Keeps the connection if it can be used again, and the jobs that were not tried if not.
    async fn serve(&mut self, session: Session, jobs: &mut Vec<Job<L>>) {
        let mut parts = vec![std::mem::take(jobs)];
        let mut retries = 0;
        while let Some(mut part) = parts.pop() {
            match self.commit(&session, &part).await {
                Ok(answers) => answer(part, answers),
                Err(failure) if is_lost(&failure) => {
                    match failure {
                        Failure::Doubt(error) => answer_all(part, &error),
                        _ => parts.push(part),
                    }
                    jobs.extend(parts.into_iter().rev().flatten());
                    return;
                }
                Err(Failure::Work(_)) if part.len() > 1 => {
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(Failure::Busy(_)) if retries < RETRIES => {
                    tokio::time::sleep(self.backoff.pause(0)).await;
                    retries += 1;
                    part.retain(|job| !job.reply.is_closed());
                    if !part.is_empty() {
                        parts.push(part);
                    }
                }
                Err(failure) => answer_all(part, failure.error()),
            }
        }
        self.session = Some(session);
    }

    async fn commit(&mut self, session: &Session, jobs: &[Job<L>]) -> Result<Answers<L>, Failure> {
        let works: Vec<_> = jobs.iter().map(|job| &job.work).collect();
        let commit = self.lane.commit(session, &works);
        let committed = timeout(TRANSACTION_TIMEOUT, commit).await;
        let late = |_| Err(Failure::Doubt(unavailable("the database took too long")));
        match committed.unwrap_or_else(late) {
            Err(failure) if !is_lost(&failure) => {
                let undone = session.client().batch_execute("ROLLBACK");
                match timeout(TRANSACTION_TIMEOUT, undone).await {
                    Ok(Ok(())) => Err(failure),
                    _ => Err(Failure::Gone(shared(failure.error()))),
                }
            }
            done => done,
        }
    }
}

impl Failure {
    fn error(&self) -> &CatalogError {
        match self {
            Self::Busy(error)
            | Self::Gone(error)
            | Self::Work(error)
            | Self::All(error)
            | Self::Doubt(error) => error,
        }
    }
}

/// Whether the connection cannot be used any more.
fn is_lost(failure: &Failure) -> bool {
    matches!(failure, Failure::Gone(_) | Failure::Doubt(_))
}

fn answer<L: Lane>(jobs: Vec<Job<L>>, answers: Answers<L>) {
    for (job, answer) in jobs.into_iter().zip(answers) {
        // Whoever asked may have gone away; what was done stays done.
        let _ = job.reply.send(answer);
    }
}

fn answer_all<L: Lane>(jobs: Vec<Job<L>>, error: &CatalogError) {
    for job in jobs {
        let _ = job.reply.send(Err(shared(error)));
    }
}
