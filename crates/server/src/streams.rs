//! The streams of events that are open: how many there may be, and when all of them end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use valetkey_engine::Owner;
use valetkey_protocol::{Code, Problem};

use crate::config::EventsConfig;

/// How long a client waits before it tries again, in seconds.
const RETRY_AFTER: u64 = 10;

/// Every stream of this server.
pub(crate) struct Streams {
    config: EventsConfig,
    gauge: Gauge,
    stop: CancellationToken,
    open: Mutex<BTreeMap<Owner, usize>>,
}

/// One stream's place, for as long as it is there.
pub(crate) struct Stay {
    streams: Arc<Streams>,
    who: Owner,
}

impl Streams {
    /// None yet; all end with `stop`.
    pub(crate) fn new(config: EventsConfig, gauge: Gauge, stop: CancellationToken) -> Self {
        Self {
            config,
            gauge,
            stop,
            open: Mutex::default(),
        }
    }

    /// Lets one more in.
    ///
    /// # Errors
    /// There are too many, of this user or altogether.
    pub(crate) fn enter(self: &Arc<Self>, who: &Owner) -> Result<Stay, Problem> {
        let mut open = self.open();
        if open.values().sum::<usize>() >= self.config.max_streams {
            let detail = "this server has as many streams of events as it may; try again, or read them page by page";
            return Err(Problem::new(Code::Overloaded, detail).with("retry_after", RETRY_AFTER));
        }
        let limit = self.config.max_streams_per_user;
        let own = open.entry(who.clone()).or_default();
        if *own >= limit {
            let detail =
                format!("you have {own} streams of events here, the most there may be; close one");
            let problem = Problem::new(Code::RateLimited, detail).with("retry_after", RETRY_AFTER);
            return Err(problem.with("limit", limit as u64));
        }
        *own += 1;
        self.gauge.inc();
        Ok(Stay {
            streams: Arc::clone(self),
            who: who.clone(),
        })
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Owner, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stay {
    /// Ends when the server does.
    pub(crate) fn stopped(&self) -> WaitForCancellationFuture<'_> {
        self.streams.stop.cancelled()
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if let Some(own) = open.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.who);
            }
        }
        self.streams.gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams(max_streams: usize, max_streams_per_user: usize) -> Arc<Streams> {
        let config = EventsConfig {
            max_streams,
            max_streams_per_user,
        };
        let stop = CancellationToken::new();
        Arc::new(Streams::new(config, Gauge::default(), stop))
    }

    #[test]
    fn each_user_and_all_together_have_their_limit_and_whoever_leaves_makes_room() {
        let streams = streams(3, 2);
        let [alice, bob] = ["", "acme"].map(|tenant| Owner {
            tenant: tenant.parse().unwrap(),
            subject: "alice".parse().unwrap(),
        });
        let first = streams.enter(&alice).unwrap();
        let _second = streams.enter(&alice).unwrap();
        let code = |who| streams.enter(who).map(drop).unwrap_err().code;
        assert_eq!(code(&alice), Code::RateLimited);
        let _third = streams.enter(&bob).unwrap();
        assert_eq!(code(&bob), Code::Overloaded);
        assert_eq!(streams.gauge.get(), 3);
        drop(first);
        assert_eq!(streams.gauge.get(), 2);
        assert!(streams.enter(&alice).is_ok());
    }
}
