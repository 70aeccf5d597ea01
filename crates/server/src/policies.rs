//! Keeps policies as their files say: read again when one changes, or at SIGHUP. Those that cannot hold never take the
//! place of good ones.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use valetkey_engine::{BucketRules, Engine, Policies};

use crate::config::{Config, ConfigError, PolicyConfig};
use crate::metrics::Metrics;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a file looked like: its place, length and last change.
type Stamp = (PathBuf, Option<(u64, SystemTime)>);

/// Where policies come from.
pub(crate) struct PolicySource {
    config: PolicyConfig,
    rules: Vec<(String, BucketRules)>,
    /// What the files say now does not hold.
    stale: AtomicBool,
}

impl PolicySource {
    pub(crate) fn new(config: &Config) -> Self {
        let buckets = config.buckets.iter();
        Self {
            config: config.policy.clone(),
            rules: buckets
                .map(|(name, bucket)| (name.clone(), bucket.rules.clone()))
                .collect(),
            stale: AtomicBool::new(false),
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// A file cannot be read, or what it says cannot hold.
    pub(crate) fn read(&self) -> Result<Policies, ConfigError> {
        let rules = self.rules.iter();
        self.config
            .read(rules.map(|(name, rules)| (name.as_str(), rules)))
    }

    /// Whether what the files say now does not hold: then older policies do.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// What the files look like.
    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: PathBuf| {
            let found = std::fs::metadata(&path).ok();
            let found = found.and_then(|found| Some((found.len(), found.modified().ok()?)));
            (path, found)
        };
        let paths = self.config.paths().unwrap_or_default();
        paths.into_iter().map(stamp).collect()
    }
}

/// Whoever reads them again.
pub(crate) struct PolicyWorker {
    pub(crate) source: Arc<PolicySource>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
}

impl PolicyWorker {
    /// Works until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.watch() => {}
        }
    }

    async fn watch(&self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.source.stamps();
        loop {
            let asked = tokio::select! {
                () = received(hangup.as_mut()) => true,
                _ = ticks.tick() => false,
            };
            let now = self.source.stamps();
            if asked || now != seen {
                self.reload();
                seen = now;
            }
        }
    }

    fn reload(&self) {
        let read = self.source.read();
        self.metrics.policies_read(read.is_ok());
        self.source.stale.store(read.is_err(), Ordering::Relaxed);
        match read {
            Ok(policies) => {
                tracing::info!(policies = policies.len(), "read the policies again");
                self.engine.policies().replace(policies);
            }
            Err(error) => {
                tracing::error!(%error, "the policies cannot be read, so those from before hold");
            }
        }
    }
}

/// Ends when the signal arrives; never, where there is none.
async fn received(signal: Option<&mut Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending().await
    }
}
