//! Which limits a request meets, and in which order.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::http::Extensions;
use valetkey_engine::Owner;
use valetkey_protocol::{Code, FileId, Problem};
use valetkey_store::Monotonic;

use super::address::{self, Network, Peer};
use super::queue::{Place, Queue};
use super::rate::{Key, LocalLimiter, Rate, RateLimiter, Verdict};
use super::shut::Shut;
use super::told::{self, Holder, Standing, Told};
use crate::config::LimitsConfig;
use crate::metrics::{LimitMetrics, Refusal};

/// The share of one item, and of a request.
const ONE: NonZeroU32 = NonZeroU32::MIN;

/// What kind of thing a route is, for limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Health, the console and the client for browsers: always answered.
    Free,
    /// For everybody, at the price of one anonymous request.
    Public,
    /// A content URL: its own permission, which may not hold.
    Content,
    /// For whoever has a token.
    Private,
}

impl Way {
    /// Whether it waits in line.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Content | Self::Private)
    }
}

/// Where a request comes from; nobody when it is not to be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(Option<Network>);

/// How many passwords may be tried at a link, or from an address: so many each second, after so many at once.
const ATTEMPTS_AT_LINK: (f64, u32) = (1.0, 30);
const ATTEMPTS_FROM_ADDRESS: (f64, u32) = (0.1, 10);

/// One limit, and who counts.
struct Limit {
    refusal: Refusal,
    rate: Rate,
    limiter: Arc<dyn RateLimiter>,
}

/// Everything that limits.
pub(crate) struct Limits {
    proxies: usize,
    loopback_too: bool,
    anonymous: Option<Limit>,
    principal: Option<Limit>,
    global: Option<Limit>,
    at_link: Option<Limit>,
    from_address: Option<Limit>,
    shut: Option<Shut>,
    queue: Queue,
    metrics: LimitMetrics,
    clock: Arc<dyn Monotonic>,
    /// Whether it was said that a proxy is there which the configuration does not know.
    wondered: AtomicBool,
}

impl Limits {
    /// As configured; nobody has asked for anything yet.
    pub(crate) fn new(
        config: &LimitsConfig,
        clock: Arc<dyn Monotonic>,
        metrics: LimitMetrics,
    ) -> Self {
        let limit = |refusal: Refusal, per_second, burst| {
            let rate = Rate::new(per_second, burst)?;
            let tracked = metrics.tracked(refusal);
            let limiter = LocalLimiter::new(rate, Arc::clone(&clock), tracked)?;
            Some(Limit {
                refusal,
                rate,
                limiter: Arc::new(limiter),
            })
        };
        let LimitsConfig {
            anonymous_per_second,
            principal_per_second,
            global_per_second,
            ..
        } = *config;
        Self {
            proxies: config.trusted_proxies,
            loopback_too: config.limit_loopback,
            anonymous: limit(
                Refusal::Anonymous,
                anonymous_per_second,
                config.anonymous_burst,
            ),
            principal: limit(
                Refusal::Principal,
                principal_per_second,
                config.principal_burst,
            ),
            global: limit(Refusal::Global, global_per_second, config.global_burst),
            at_link: limit(Refusal::Password, ATTEMPTS_AT_LINK.0, ATTEMPTS_AT_LINK.1),
            from_address: limit(
                Refusal::Password,
                ATTEMPTS_FROM_ADDRESS.0,
                ATTEMPTS_FROM_ADDRESS.1,
            ),
            shut: config.refuse_before_verifying.then(Shut::default),
            queue: Queue::new(config, metrics.clone()),
            metrics,
            clock,
            wondered: AtomicBool::new(false),
        }
    }

    /// Finds out where a request comes from. Programs on the same machine are not counted, unless they are a proxy.
    pub(crate) fn origin(&self, request: &Request) -> Origin {
        let (headers, peer) = (request.headers(), request.extensions().get::<Peer>());
        let forwarded = address::is_forwarded(headers);
        if forwarded && self.proxies == 0 && !self.wondered.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "requests come with X-Forwarded-For: if a proxy of yours adds it, set limits.trusted_proxies, or all who come through it are counted as one"
            );
        }
        let at_home = peer.is_some_and(|peer| peer.0.is_loopback());
        if self.anonymous.is_none() || (at_home && !forwarded && !self.loopback_too) {
            return Origin(None);
        }
        let client = address::client(peer.copied(), headers, self.proxies);
        Origin(Some(client.into()))
    }

    /// The address a request comes from, as far as that is sure.
    pub(crate) fn address(&self, request: &Request) -> IpAddr {
        let peer = request.extensions().get::<Peer>();
        address::client(peer.copied(), request.headers(), self.proxies)
    }

    /// Lets somebody try a password at a link: neither one link nor one address can be tried without end.
    ///
    /// # Errors
    /// Too many were tried there, or from this address.
    pub(crate) async fn attempt(&self, link: FileId, origin: Origin) -> Result<(), Problem> {
        let network = origin.0.map(Key::Network);
        let tried = [
            (&self.from_address, network),
            (&self.at_link, Some(Key::Link(link))),
        ];
        for (limit, key) in tried {
            let (Some(limit), Some(key)) = (limit, key) else {
                continue;
            };
            let taken = self.take(limit, &key, ONE, &mut Told::default()).await;
            taken.map_err(|wait| {
                let seconds = seconds(wait);
                let detail = format!("too many passwords were tried; try again in {seconds} s");
                limited(detail, wait)
            })?;
        }
        Ok(())
    }

    /// Lets somebody without a token have something that is for everybody.
    ///
    /// # Errors
    /// This address asked too often.
    pub(crate) async fn anybody(&self, origin: Origin, told: &mut Told) -> Result<(), Problem> {
        let (Some(limit), Some(network)) = (&self.anonymous, origin.0) else {
            return Ok(());
        };
        let taken = self.take(limit, &Key::Network(network), ONE, told).await;
        taken.map_err(|wait| self.too_often(network, wait))
    }

    /// Before a token is looked at: whether nothing from this address is, because too much was wrong.
    ///
    /// # Errors
    /// It is so.
    pub(crate) fn before(&self, request: &Request) -> Result<(), Problem> {
        let Some(shut) = self.shut.as_ref().filter(|shut| shut.any()) else {
            return Ok(());
        };
        let Some(network) = self.origin(request).0 else {
            return Ok(());
        };
        match shut.left(network, self.clock.elapsed()) {
            None => Ok(()),
            Some(wait) => {
                self.metrics.refused(Refusal::Anonymous);
                Err(anonymous(wait))
            }
        }
    }

    /// Counts a permission that did not hold, if `code` says so: an outage is not the fault of whoever asks.
    ///
    /// # Errors
    /// This address asked too often, which is then all that it is told.
    pub(crate) async fn nobody(
        &self,
        origin: Origin,
        code: Code,
        told: &mut Told,
    ) -> Result<(), Problem> {
        match code {
            Code::Unauthenticated | Code::TokenExpired | Code::NotFound => {
                self.anybody(origin, told).await
            }
            _ => Ok(()),
        }
    }

    /// Lets somebody in whose token holds, and puts their share beside the request for batches.
    ///
    /// # Errors
    /// They, or all together, asked too often.
    pub(crate) async fn somebody(
        self: &Arc<Self>,
        who: &Owner,
        extensions: &mut Extensions,
        told: &mut Told,
    ) -> Result<(), Problem> {
        if self.principal.is_none() && self.global.is_none() {
            return Ok(());
        }
        self.known(who, ONE, told).await?;
        extensions.insert(Holder {
            limits: Arc::clone(self),
            who: who.clone(),
            told: told.clone(),
        });
        Ok(())
    }

    /// Takes what the items of a batch need beside the first.
    ///
    /// # Errors
    /// They have to wait, or are more than ever can be had at once.
    pub(super) async fn items(
        &self,
        who: &Owner,
        items: u32,
        told: &mut Told,
    ) -> Result<(), Problem> {
        let limits = [&self.principal, &self.global];
        let bursts = limits
            .into_iter()
            .flatten()
            .map(|limit| limit.rate.burst.get());
        if let Some(burst) = bursts.min().filter(|burst| items > *burst) {
            return Err(told::never(items, burst));
        }
        match NonZeroU32::new(items.saturating_sub(1)) {
            Some(others) => self.known(who, others, told).await,
            None => Ok(()),
        }
    }

    async fn known(&self, who: &Owner, count: NonZeroU32, told: &mut Told) -> Result<(), Problem> {
        if let Some(limit) = &self.principal {
            let key = Key::Principal(who.clone());
            let taken = self.take(limit, &key, count, told).await;
            taken.map_err(|wait| {
                let seconds = seconds(wait);
                let detail = format!("you ask too often; try again in {seconds} s, and less often");
                limited(detail, wait)
            })?;
        }
        if let Some(limit) = &self.global {
            let mut untold = Told::default();
            let taken = self.take(limit, &Key::Everybody, count, &mut untold).await;
            taken.map_err(|wait| {
                let seconds = seconds(wait);
                let detail = format!("all together ask too often; try again in {seconds} s");
                limited(detail, wait)
            })?;
        }
        Ok(())
    }

    /// Takes from a limit, and says how it stands then.
    ///
    /// # Errors
    /// How long to wait.
    async fn take(
        &self,
        limit: &Limit,
        who: &Key,
        count: NonZeroU32,
        told: &mut Told,
    ) -> Result<(), Duration> {
        let Rate { burst, interval } = limit.rate;
        let verdict = limit.limiter.take(who, count).await;
        let (left, wait) = match verdict {
            Verdict::Taken { left } => (left, None),
            // A batch that comes again pays for its first item once more.
            Verdict::Wait(wait) if count > ONE => (0, Some(wait + interval)),
            Verdict::Wait(wait) => (0, Some(wait)),
            Verdict::Never => (0, Some(interval * burst.get())),
        };
        told.say(Standing {
            policy: limit.refusal.as_str(),
            quota: burst.get(),
            window: seconds(interval * burst.get()),
            left,
            seconds: seconds(wait.unwrap_or(interval)),
        });
        match wait {
            None => Ok(()),
            Some(wait) => {
                self.metrics.refused(limit.refusal);
                Err(wait)
            }
        }
    }

    fn too_often(&self, network: Network, wait: Duration) -> Problem {
        if let Some(shut) = &self.shut {
            shut.until(network, self.clock.elapsed(), wait);
        }
        anonymous(wait)
    }

    /// Waits in line.
    ///
    /// # Errors
    /// The line is too long, or does not move.
    pub(super) async fn place(&self) -> Result<Place, Problem> {
        self.queue.enter().await
    }
}

fn anonymous(wait: Duration) -> Problem {
    let seconds = seconds(wait);
    let detail = format!(
        "too many requests without a valid token came from your address; send one, or try again in {seconds} s"
    );
    limited(detail, wait)
}

fn limited(detail: String, wait: Duration) -> Problem {
    Problem::new(Code::RateLimited, detail).with("retry_after", seconds(wait))
}

/// Whole seconds, rounded up, and one at least.
fn seconds(duration: Duration) -> u64 {
    let part = u64::from(duration.subsec_nanos() > 0);
    (duration.as_secs() + part).max(1)
}
