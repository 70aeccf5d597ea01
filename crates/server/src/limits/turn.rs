//! A request's turn: it may be given back for a while, so that clients who send slowly take nobody's place meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use valetkey_protocol::Problem;

use super::layer::Limits;
use super::queue::Place;

/// The turn of one request, shared by the door and whoever reads the body.
#[derive(Clone)]
pub(crate) struct Turn {
    limits: Arc<Limits>,
    place: Arc<Mutex<Option<Place>>>,
}

impl Turn {
    /// Waits in line; somebody who waited before has that much less time.
    ///
    /// # Errors
    /// The line is too long, or does not move.
    pub(crate) async fn wait(limits: &Arc<Limits>, waited: Duration) -> Result<Self, Problem> {
        let turn = Self {
            limits: Arc::clone(limits),
            place: Arc::default(),
        };
        turn.line_up(waited).await?;
        Ok(turn)
    }

    /// Gives the place to somebody else.
    pub(crate) fn pause(&self) {
        self.put(None);
    }

    /// Waits in line again. The time for storage begins anew then: nothing of it was used, and what was waited for is no
    /// fault of storage.
    ///
    /// # Errors
    /// As for the first time; nothing was done.
    pub(crate) async fn resume(&self) -> Result<(), Problem> {
        self.line_up(Duration::ZERO).await?;
        self.limits.renew_budget();
        Ok(())
    }

    async fn line_up(&self, waited: Duration) -> Result<(), Problem> {
        let place = self.limits.place(waited).await?;
        self.put(Some(place));
        Ok(())
    }

    fn put(&self, place: Option<Place>) {
        let mut held = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *held = place;
    }
}

#[cfg(test)]
mod tests {
    use valetkey_store::time_left;

    use super::super::local::LocalLimiter;
    use super::super::rate::Rates;
    use super::super::tests::Still;
    use super::*;
    use crate::config::LimitsConfig;
    use crate::metrics::LimitMetrics;

    #[tokio::test]
    async fn time_in_line_and_for_a_slow_body_is_not_taken_from_the_time_for_storage() {
        let config = LimitsConfig {
            concurrency: 1,
            queue_seconds: 10.0,
            ..LimitsConfig::default()
        };
        let (clock, metrics) = (Arc::new(Still::default()), LimitMetrics::default());
        let counter = LocalLimiter::new(&Rates::new(&config), clock.clone(), &metrics);
        let limits = Limits::new(&config, Arc::new(counter), clock.clone(), metrics.clone());
        let limits = Arc::new(limits);
        let left = |clock: &Still| time_left(valetkey_store::Monotonic::elapsed(clock));
        let first = Turn::wait(&limits, Duration::ZERO).await.unwrap();
        let (behind, time) = (Arc::clone(&limits), Arc::clone(&clock));
        let second = tokio::spawn(async move {
            let turn = Turn::wait(&behind, Duration::ZERO).await.unwrap();
            let handler = async {
                let whole = left(&time);
                turn.pause();
                time.advance(Duration::from_secs(20));
                let none = left(&time);
                turn.resume().await.unwrap();
                (whole, none, left(&time))
            };
            behind.within_budget(handler).await
        });
        while metrics.waiting.get() < 1 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(9));
        first.pause();
        let whole = Some(Duration::from_millis(4500));
        assert_eq!(second.await.unwrap(), (whole, Some(Duration::ZERO), whole));
    }
}
