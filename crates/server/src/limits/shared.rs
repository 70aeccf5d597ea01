//! Counting in one place for all replicas, as long as that place answers.

mod circuit;
mod redis;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::circuit::Circuit;
use self::redis::{NoAnswer, Redis};
use super::local::LocalLimiter;
use super::rate::{Away, Key, RateLimiter, Rates, Reach, Verdict};
use crate::ServeError;
use crate::config::{LimitsConfig, WhenAway};
use crate::metrics::{SharedAnswer, SharedMetrics};

pub(crate) use self::redis::Address;

/// How long a server waits for the first connection before it serves without.
const FIRST: Duration = Duration::from_secs(1);
/// How often it is looked whether an answer comes, after one came, and after none did.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOK_EVERY_WHILE_AWAY: Duration = Duration::from_millis(250);

/// The limits of all replicas.
pub(crate) struct SharedLimiter {
    redis: Redis,
    host: String,
    rates: Rates,
    circuit: Circuit,
    /// Who counts while nobody else does, if that is allowed.
    meanwhile: Option<LocalLimiter>,
    metrics: SharedMetrics,
}

impl SharedLimiter {
    /// Connected, if that is possible at once; [`Self::keep`] goes on trying.
    ///
    /// # Errors
    /// TLS cannot be had.
    pub(crate) async fn open(
        config: &LimitsConfig,
        address: &Address,
        local: LocalLimiter,
        metrics: SharedMetrics,
    ) -> Result<Arc<Self>, ServeError> {
        let redis = Redis::new(address, &config.shared_prefix, config.shared_patience());
        let redis = redis.map_err(|source| ServeError::Limits { source })?;
        let shared = Arc::new(Self {
            redis,
            host: address.host(),
            rates: Rates::new(config),
            circuit: Circuit::broken(),
            meanwhile: (config.when_away == WhenAway::Open).then_some(local),
            metrics,
        });
        shared.metrics.up(false);
        match tokio::time::timeout(FIRST, shared.ask()).await {
            Ok(Ok(())) => shared.found(Ok(())),
            Ok(Err(error)) => shared.say_away(&error),
            Err(_) => shared.say_away(&NoAnswer::Late),
        }
        Ok(shared)
    }

    /// Keeps a connection, and finds out whether questions are answered.
    pub(crate) async fn keep(&self) {
        loop {
            let answer = self.ask().await;
            let pause = match answer {
                Ok(()) => LOOK_EVERY,
                Err(_) => LOOK_EVERY_WHILE_AWAY,
            };
            self.found(answer);
            tokio::time::sleep(pause).await;
        }
    }

    /// Lets the connection go.
    pub(crate) async fn close(&self) {
        self.redis.quit().await;
    }

    /// Connects where there is no connection, and asks something.
    async fn ask(&self) -> Result<(), NoAnswer> {
        self.redis.connect().await?;
        self.redis.probe().await
    }

    /// Learns from a question that was asked to find out.
    fn found(&self, answer: Result<(), NoAnswer>) {
        match answer {
            Ok(()) => {
                if self.circuit.well() {
                    self.metrics.up(true);
                    tracing::info!(redis = self.host, "limits are shared with other servers");
                }
            }
            Err(error) => self.learn(&error),
        }
    }

    fn learn(&self, error: &NoAnswer) {
        if self.circuit.failed(matches!(error, NoAnswer::Lost(_))) {
            self.metrics.up(false);
            self.say_away(error);
        }
    }

    fn say_away(&self, error: &NoAnswer) {
        let meanwhile = match self.meanwhile {
            Some(_) => "each server counts for itself",
            None => "nobody is let in",
        };
        tracing::error!(redis = self.host, %error, "limits are not shared: {meanwhile} until Redis answers");
    }
}

#[async_trait]
impl RateLimiter for SharedLimiter {
    async fn take(&self, whom: &[Key], count: NonZeroU32) -> Result<Verdict, Away> {
        let answer = match self.circuit.holds() {
            false => SharedAnswer::Skipped,
            true => match self.redis.take(whom, &self.rates, count).await {
                Ok(verdict) => {
                    self.circuit.answered();
                    self.metrics.answered(SharedAnswer::Counted);
                    return Ok(verdict);
                }
                Err(error) => {
                    self.learn(&error);
                    match error {
                        NoAnswer::Late => SharedAnswer::Late,
                        NoAnswer::Lost(_) | NoAnswer::Refused(_) => SharedAnswer::Failed,
                    }
                }
            },
        };
        self.metrics.answered(answer);
        let local = self.meanwhile.as_ref().ok_or(Away)?;
        Ok(local.take_now(whom, count))
    }

    fn reach(&self) -> Option<Reach> {
        Some(match (self.circuit.holds(), &self.meanwhile) {
            (true, _) => Reach::Shared,
            (false, Some(_)) => Reach::Local,
            (false, None) => Reach::Nowhere,
        })
    }
}
