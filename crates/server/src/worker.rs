//! The workers: one sweeps what is due, one surveys what does not add up, one compares clocks, again and again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use valetkey_engine::{Engine, Error, Place, SweepReport};
use valetkey_protocol::Clock as _;

use crate::clock::{Stopwatch, SystemClock};
use crate::config::SweepConfig;
use crate::metrics::Metrics;

/// How often clocks are compared. Every other answer of storage does it too, but there may be none for long.
const CLOCKS_EVERY: Duration = Duration::from_secs(60);
/// How often while nothing is signed because of them.
const CLOCKS_EVERY_WHILE_APART: Duration = Duration::from_secs(5);

/// What the workers work with.
pub(crate) struct Workers {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: SweepConfig,
}

impl Workers {
    /// Works until it is told to stop. What is cut off is no loss: each step can be repeated.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.sweep() => {}
            () = self.survey() => {}
            () = self.compare_clocks() => {}
        }
    }

    /// Sweeps at once and then every period.
    async fn sweep(&self) {
        let mut ticks = ticks(self.config.period());
        loop {
            ticks.tick().await;
            let span = tracing::info_span!("sweep");
            self.sweep_once().instrument(span).await;
        }
    }

    /// Asks every bucket what time it is there, and more often while it is another time than here.
    async fn compare_clocks(&self) {
        loop {
            let pause = match self.engine.compare_clocks().await {
                Ok(()) => CLOCKS_EVERY,
                Err(_) => CLOCKS_EVERY_WHILE_APART,
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn sweep_once(&self) {
        let watch = Stopwatch::start();
        match self.sweep_and_forget().await {
            Ok(report) => {
                self.metrics
                    .swept(&report, SystemClock.now(), watch.elapsed());
                tell("swept", &report);
            }
            Err(error) => {
                self.metrics.sweep_failed();
                tracing::error!(error = chain(&error), "a sweep failed, trying again");
            }
        }
    }

    async fn sweep_and_forget(&self) -> Result<SweepReport, Error> {
        let findings = self.engine.sweep_due().await?;
        if let Some(age) = self.config.history() {
            let uploads = self.engine.forget_history(age).await?;
            if uploads > 0 {
                tracing::info!(uploads, "forgot uploads that ended long ago");
            }
        }
        Ok(SweepReport::of(&findings))
    }

    /// Looks at one page of the survey every period, and begins again at its end.
    async fn survey(&self) {
        let Some(period) = self.config.survey_period() else {
            return std::future::pending().await;
        };
        let mut ticks = ticks(period);
        let mut place = Place::first();
        loop {
            ticks.tick().await;
            let span = tracing::info_span!("survey");
            match self.engine.survey(&place).instrument(span).await {
                Ok((findings, next)) => {
                    let report = SweepReport::of(&findings);
                    self.metrics.surveyed(&report, next.is_none());
                    tell("surveyed", &report);
                    place = next.unwrap_or_else(Place::first);
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), "a survey stopped, going on later");
                }
            }
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Says what was found, line by line.
fn tell(what: &'static str, report: &SweepReport) {
    for (kind, action, count) in report.iter() {
        let (kind, action) = (kind.as_str(), action.as_str());
        tracing::info!(kind, action, count, "{what}");
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
