//! Serving no more at a time than can be served well: the others wait in a line that is short and moves, or are told
//! at once that there is too much to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use valetkey_protocol::{Code, Problem};

use crate::clock::Stopwatch;
use crate::config::LimitsConfig;
use crate::metrics::{LimitMetrics, Refusal};

/// How many requests are looked at, at a time: whether their token holds, and whether there is room. What was let in goes
/// on between them. Without it, whoever is served would wait at each step for all who knock to be refused first.
const LOOKED_AT: usize = 16;

/// The line in front of the handlers.
pub(crate) struct Queue {
    gate: Semaphore,
    places: Arc<Semaphore>,
    /// How many wait.
    waiting: AtomicUsize,
    room: usize,
    patience: Duration,
    metrics: LimitMetrics,
}

/// A place among those that are served, until it is dropped.
pub(crate) struct Place {
    running: Gauge,
    _permit: OwnedSemaphorePermit,
}

/// Whose turn it is to be looked at.
pub(crate) struct Look<'a> {
    /// How long that took.
    pub(crate) waited: Duration,
    _permit: SemaphorePermit<'a>,
}

/// A place in the line.
struct Waiting<'a>(&'a Queue);

impl Queue {
    /// An empty one.
    pub(crate) fn new(config: &LimitsConfig, metrics: LimitMetrics) -> Self {
        Self {
            gate: Semaphore::new(LOOKED_AT),
            places: Arc::new(Semaphore::new(config.concurrency)),
            waiting: AtomicUsize::new(0),
            room: config.queue,
            patience: config.patience(),
            metrics,
        }
    }

    /// Waits until it is their turn to be looked at, first come, first served.
    ///
    /// # Errors
    /// So many came that it took as long as the line may: nothing was done.
    pub(crate) async fn look(&self) -> Result<Look<'_>, Problem> {
        if let Ok(permit) = self.gate.try_acquire() {
            let waited = Duration::ZERO;
            return Ok(Look {
                waited,
                _permit: permit,
            });
        }
        let watch = Stopwatch::start();
        match timeout(self.patience, self.gate.acquire()).await {
            Ok(Ok(permit)) => Ok(Look {
                waited: watch.elapsed(),
                _permit: permit,
            }),
            _ => Err(self.refuse(Refusal::Deadline)),
        }
    }

    /// Whether whoever comes now may line up, which saves looking at the tokens of those who may not.
    ///
    /// # Errors
    /// The line is full: nothing was done.
    pub(crate) fn has_room(&self) -> Result<(), Problem> {
        let moves = self.places.available_permits() > 0;
        match moves || self.waiting.load(Ordering::Acquire) < self.room {
            true => Ok(()),
            false => Err(self.refuse(Refusal::Queue)),
        }
    }

    /// Waits until there is a place, first come, first served; who waited before has that much less time. Whoever gives up
    /// waiting leaves nothing behind.
    ///
    /// # Errors
    /// The line is full, or did not move in time: nothing was done.
    pub(crate) async fn enter(&self, waited: Duration) -> Result<Place, Problem> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(self.serve(permit));
        }
        let waiting = self.line_up()?;
        let watch = Stopwatch::start();
        let patience = self.patience.saturating_sub(waited);
        let permit = timeout(patience, Arc::clone(&self.places).acquire_owned()).await;
        drop(waiting);
        self.metrics.waited(watch.elapsed());
        match permit {
            Ok(Ok(permit)) => Ok(self.serve(permit)),
            _ => Err(self.refuse(Refusal::Deadline)),
        }
    }

    fn serve(&self, permit: OwnedSemaphorePermit) -> Place {
        self.metrics.running.inc();
        Place {
            running: self.metrics.running.clone(),
            _permit: permit,
        }
    }

    fn line_up(&self) -> Result<Waiting<'_>, Problem> {
        let one_more = |waiting| (waiting < self.room).then_some(waiting + 1);
        match self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
        {
            Ok(_) => {
                self.metrics.waiting.inc();
                Ok(Waiting(self))
            }
            Err(_) => Err(self.refuse(Refusal::Queue)),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Problem {
        self.metrics.refused(refusal);
        let detail = "there is too much to do at this moment; nothing was done, try again";
        // By then whoever waits now was served or sent away.
        let seconds = self.patience.as_secs() + 1;
        Problem::new(Code::Overloaded, detail).with("retry_after", seconds)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.dec();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
        self.0.metrics.waiting.dec();
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    fn queue(concurrency: usize, room: usize) -> Arc<Queue> {
        let config = LimitsConfig {
            concurrency,
            queue: room,
            queue_seconds: 1.5,
            ..LimitsConfig::default()
        };
        Arc::new(Queue::new(&config, LimitMetrics::default()))
    }

    fn code(entered: Result<Place, Problem>) -> Option<(Code, Option<u64>)> {
        let problem = entered.err()?;
        Some((problem.code, problem.retry_after()))
    }

    #[tokio::test]
    async fn whoever_leaves_lets_the_first_of_the_line_in() {
        let queue = queue(1, 2);
        let first = queue.enter(Duration::ZERO).await.unwrap();
        let (one, two) = (Arc::clone(&queue), Arc::clone(&queue));
        let one = tokio::spawn(async move { one.enter(Duration::ZERO).await.map(drop).is_ok() });
        let two = tokio::spawn(async move { two.enter(Duration::ZERO).await.map(drop).is_ok() });
        while queue.metrics.waiting.get() < 2 {
            yield_now().await;
        }
        // Three are too many, and are told so without waiting, before anybody looks at their token.
        let refused = queue.has_room().err().map(|problem| problem.code);
        assert_eq!(refused, Some(Code::Overloaded));
        assert_eq!(
            code(queue.enter(Duration::ZERO).await),
            Some((Code::Overloaded, Some(2)))
        );
        drop(first);
        assert!(one.await.unwrap() && two.await.unwrap());
        assert_eq!(
            (queue.metrics.waiting.get(), queue.metrics.running.get()),
            (0, 0)
        );
        assert!(queue.enter(Duration::ZERO).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_deadline() {
        let queue = queue(1, 1);
        let first = queue.enter(Duration::ZERO).await.unwrap();
        assert_eq!(
            code(queue.enter(Duration::ZERO).await),
            Some((Code::Overloaded, Some(2)))
        );
        assert_eq!(queue.metrics.waiting.get(), 0);
        drop(first);
        assert!(queue.enter(Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_the_line() {
        let queue = queue(1, 1);
        let first = queue.enter(Duration::ZERO).await.unwrap();
        let left = tokio::time::timeout(Duration::ZERO, queue.enter(Duration::ZERO)).await;
        assert!(left.is_err());
        assert_eq!(queue.metrics.waiting.get(), 0);
        drop(first);
        assert!(queue.enter(Duration::ZERO).await.is_ok());
        assert_eq!(queue.metrics.running.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_looked_at_together_and_what_the_others_wait_is_taken_from_their_time() {
        let queue = queue(1, 1);
        let mut looks = Vec::new();
        for _ in 0..LOOKED_AT {
            looks.push(queue.look().await.unwrap());
        }
        assert!(looks.iter().all(|look| look.waited.is_zero()));
        let refused = queue.look().await.err().map(|problem| problem.code);
        assert_eq!(refused, Some(Code::Overloaded));
        looks.pop();
        assert!(queue.look().await.is_ok());
        // There is no place, and no time left to wait for one.
        let first = queue.enter(Duration::ZERO).await.unwrap();
        assert!(queue.has_room().is_ok());
        let refused = timeout(Duration::ZERO, queue.enter(Duration::from_secs(2))).await;
        assert_eq!(code(refused.unwrap()), Some((Code::Overloaded, Some(2))));
        drop(first);
    }
}
