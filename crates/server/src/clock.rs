//! The only place that asks the machine what time it is.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use valetkey_protocol::Clock;
use valetkey_store::Monotonic;

/// The machine's own clock, cut to whole milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge where the clock is read"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// How long the process has been running; the time of day may jump, this does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uptime(Stopwatch);

impl Uptime {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(Stopwatch::start())
    }
}

impl Monotonic for Uptime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Measures how long something took, for metrics and deadlines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "elapsed time is measured at the edge"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has been.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_comes_in_whole_milliseconds() {
        let now = SystemClock.now();
        assert_eq!(now.as_nanosecond() % 1_000_000, 0);
    }
}
