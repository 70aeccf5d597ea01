//! The workers: for each bucket one sweeps what is due and one surveys what does not add up, again and again; one for
//! all forgets what is old, one compares clocks, one reads new events for those who follow them, and one
//! keeps the connection to where limits are shared.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::SignedDuration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use valetkey_engine::{Engine, Error, SweepReport};
use valetkey_protocol::Clock as _;
use valetkey_protocol::sweep::Action;

use crate::clock::{Stopwatch, SystemClock};
use crate::config::{LinksConfig, SweepConfig};
use crate::limits::SharedLimiter;
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
    /// Who counts for all servers, if they share limits.
    pub(crate) limits: Option<Arc<SharedLimiter>>,
    pub(crate) links: LinksConfig,
}

impl Workers {
    /// Works until it is told to stop. What is cut off is no loss: each step can be repeated.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let buckets = self.engine.bucket_names();
        let sweeps = join_all(buckets.map(|bucket| self.sweep(bucket)));
        let buckets = self.engine.bucket_names();
        let surveys = join_all(buckets.map(|bucket| self.survey(bucket)));
        tokio::select! {
            () = stop.cancelled() => {}
            _ = join(sweeps, surveys) => {}
            () = self.forget() => {}
            () = self.compare_clocks() => {}
            () = self.engine.feed_events() => {}
            () = self.share_limits() => {}
        }
        if let Some(limits) = &self.limits {
            limits.close().await;
        }
    }

    /// Sweeps a bucket at once and then every period: one that is slow holds up no other.
    async fn sweep(&self, bucket: &str) {
        self.metrics.sweeps_begin(bucket, SystemClock.now());
        let mut ticks = ticks(self.config.period());
        loop {
            ticks.tick().await;
            let span = tracing::info_span!("sweep", bucket);
            self.sweep_once(bucket).instrument(span).await;
        }
    }

    async fn share_limits(&self) {
        match &self.limits {
            Some(limits) => limits.keep().await,
            None => std::future::pending().await,
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

    async fn sweep_once(&self, bucket: &str) {
        let watch = Stopwatch::start();
        match self.engine.sweep_bucket(bucket).await {
            Ok(findings) => {
                let report = SweepReport::of(&findings);
                let (now, took) = (SystemClock.now(), watch.elapsed());
                self.metrics.swept(bucket, &report, now, took);
                tell("swept", &report);
            }
            Err(error) => {
                self.metrics.sweep_failed(bucket);
                tracing::error!(error = chain(&error), "a sweep failed, trying again");
            }
        }
    }

    /// Looks at one page of a bucket's survey every period, and begins again at its end.
    async fn survey(&self, bucket: &str) {
        let Some(period) = self.config.survey_period() else {
            return std::future::pending().await;
        };
        let mut ticks = ticks(period);
        loop {
            ticks.tick().await;
            let span = tracing::info_span!("survey", bucket);
            self.survey_once(bucket, period).instrument(span).await;
        }
    }

    async fn survey_once(&self, bucket: &str, period: Duration) {
        // A tick that comes a little early still finds its page free.
        let free_after = SignedDuration::try_from(period / 10 * 9).unwrap_or_default();
        match self.engine.survey_bucket(bucket, free_after).await {
            Ok(Some(surveyed)) => {
                let report = SweepReport::of(&surveyed.findings);
                self.metrics.surveyed(bucket, &report, surveyed.ended);
                tell("surveyed", &report);
            }
            // Another replica was at it.
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = chain(&error), "a survey stopped, going on later");
            }
        }
    }

    /// Forgets every period what is old.
    async fn forget(&self) {
        self.tell_forsaken().await;
        let mut ticks = ticks(self.config.period());
        loop {
            ticks.tick().await;
            if let Err(error) = self.forget_once().await {
                tracing::error!(error = chain(&error), "could not forget what is old");
            }
        }
    }

    async fn forget_once(&self) -> Result<(), Error> {
        self.engine.forget_old_keys().await?;
        self.engine.forget_links(self.links.kept()).await?;
        self.engine.forget_drops(self.links.kept()).await?;
        if let Some(age) = self.config.history() {
            let uploads = self.engine.forget_history(age).await?;
            if uploads > 0 {
                tracing::info!(uploads, "forgot uploads that ended long ago");
            }
        }
        Ok(())
    }

    /// Says what nobody looks after, because its bucket is not configured any more.
    async fn tell_forsaken(&self) {
        for (bucket, usage) in self.engine.forsaken().await.unwrap_or_default() {
            let (files, open_uploads) = (usage.files, usage.open_uploads);
            tracing::warn!(
                bucket,
                files,
                open_uploads,
                "the catalog knows a bucket that is not configured: nobody looks after it until it is again"
            );
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
        let waits = action == Action::Waiting;
        let (kind, action) = (kind.as_str(), action.as_str());
        // Clients that were given a URL and did not use it yet are every day's business.
        match waits {
            true => tracing::debug!(kind, action, count, "{what}"),
            false => tracing::info!(kind, action, count, "{what}"),
        }
    }
}

/// An error with what is behind it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
