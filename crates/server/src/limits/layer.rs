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
use super::queue::{Look, Place, Queue};
use super::rate::{Away, Key, Rate, RateLimiter, Rates, Reach, Verdict};
use super::shut::Shut;
use super::told::{self, Holder, Standing, Told};
use crate::config::LimitsConfig;
use crate::metrics::{LimitMetrics, Refusal};

/// How long one request may wait for storage, all its calls together. A call alone gives up before that, so that
/// its end tells of storage and not of the request; what is left to five seconds is the catalog's.
const STORAGE_BUDGET: Duration = Duration::from_millis(4500);

/// How long it may take until somebody counts again, in seconds: what to tell those who were turned away.
const UNCOUNTED_SECONDS: u64 = 2;

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
    /// A link or a drop link, which may not hold: only its handler knows.
    Link,
    /// For whoever has a token.
    Private,
}

impl Way {
    /// Whether it waits in line.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Content | Self::Link | Self::Private)
    }
}

/// Where a request comes from; nobody when it is not to be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin(Option<Network>);

/// How many passwords may be tried at a link, or from an address: so many each second, after so many at once.
pub(super) const ATTEMPTS_AT_LINK: (f64, u32) = (1.0, 30);
pub(super) const ATTEMPTS_FROM_ADDRESS: (f64, u32) = (0.1, 10);

/// Everything that limits.
pub(crate) struct Limits {
    proxies: usize,
    loopback_too: bool,
    rates: Rates,
    limiter: Arc<dyn RateLimiter>,
    shut: Option<Shut>,
    queue: Queue,
    metrics: LimitMetrics,
    clock: Arc<dyn Monotonic>,
    /// Whether it was said that a proxy is there which the configuration does not know.
    wondered: AtomicBool,
}

impl Limits {
    /// As configured; `limiter` counts.
    pub(crate) fn new(
        config: &LimitsConfig,
        limiter: Arc<dyn RateLimiter>,
        clock: Arc<dyn Monotonic>,
        metrics: LimitMetrics,
    ) -> Self {
        Self {
            proxies: config.trusted_proxies,
            loopback_too: config.limit_loopback,
            rates: Rates::new(config),
            limiter,
            shut: config.refuse_before_verifying.then(Shut::default),
            queue: Queue::new(config, metrics.clone()),
            metrics,
            clock,
            wondered: AtomicBool::new(false),
        }
    }

    /// The address a request comes from, for policies: none where it came by a proxy that `trusted_proxies` does not count,
    /// for then it is whatever somebody wrote.
    pub(crate) fn address(&self, request: &Request) -> Option<IpAddr> {
        let (headers, peer) = (request.headers(), request.extensions().get::<Peer>()?);
        let unsure = self.proxies == 0 && address::is_forwarded(headers);
        (!unsure).then(|| address::client(Some(*peer), headers, self.proxies))
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
        if self.rates.anonymous.is_none() || (at_home && !forwarded && !self.loopback_too) {
            return Origin(None);
        }
        let client = address::client(peer.copied(), headers, self.proxies);
        Origin(Some(client.into()))
    }

    /// Lets somebody try a password at a link: neither one link nor one address can be tried without end.
    ///
    /// # Errors
    /// Too many were tried there, or from this address.
    pub(crate) async fn attempt(&self, link: FileId, origin: Origin) -> Result<(), Problem> {
        let mut whom: Vec<_> = origin.0.map(Key::Attempt).into_iter().collect();
        whom.push(Key::Link(link));
        self.take(&whom, ONE, &mut Told::default()).await
    }

    /// Lets somebody without a token have something that is for everybody.
    ///
    /// # Errors
    /// This address asked too often.
    pub(crate) async fn anybody(&self, origin: Origin, told: &mut Told) -> Result<(), Problem> {
        match origin.0 {
            None => Ok(()),
            Some(network) => self.take(&[Key::Network(network)], ONE, told).await,
        }
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
        if self.rates.principal.is_none() && self.rates.global.is_none() {
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
        let limits = [self.rates.principal, self.rates.global];
        let bursts = limits.into_iter().flatten().map(|rate| rate.burst.get());
        if let Some(burst) = bursts.min().filter(|burst| items > *burst) {
            return Err(told::never(items, burst));
        }
        match NonZeroU32::new(items.saturating_sub(1)) {
            Some(others) => self.known(who, others, told).await,
            None => Ok(()),
        }
    }

    /// Counts somebody by themselves and with all others: when either refuses, neither was charged.
    async fn known(&self, who: &Owner, count: NonZeroU32, told: &mut Told) -> Result<(), Problem> {
        let mut whom = vec![Key::Principal(who.clone()), Key::Everybody];
        whom.retain(|key| self.rates.of(key).is_some());
        self.take(&whom, count, told).await
    }

    /// Takes from limits that there are, and says how the first stands then.
    ///
    /// # Errors
    /// One of them has too few, or nobody counts.
    async fn take(&self, whom: &[Key], count: NonZeroU32, told: &mut Told) -> Result<(), Problem> {
        let taken = self.limiter.take(whom, count).await;
        let verdict = taken.map_err(|Away| uncounted())?;
        let (left, refused) = match verdict {
            Verdict::Taken { left } => (left, None),
            Verdict::Refused { at, wait, left } => (left, Some((at, wait))),
        };
        let refused = refused.and_then(|(at, wait)| {
            let who = whom.get(at)?;
            let Rate { burst, interval } = self.rates.of(who)?;
            Some((
                who,
                match wait {
                    // A batch that comes again pays for its first item once more.
                    Some(wait) if count > ONE => wait + interval,
                    Some(wait) => wait,
                    None => interval * burst.get(),
                },
            ))
        });
        let first = whom.first();
        if let Some(who) = first.filter(|who| **who != Key::Everybody) {
            let by_it = refused.filter(|(refusing, _)| *refusing == who);
            self.tell(who, left, by_it.map(|(_, wait)| wait), told);
        }
        match refused {
            None => Ok(()),
            Some((who, wait)) => {
                self.metrics.refused(who.limit());
                Err(self.too_often(who, wait))
            }
        }
    }

    /// Says how a limit stands with somebody.
    fn tell(&self, who: &Key, left: u32, wait: Option<Duration>, told: &mut Told) {
        let Some(Rate { burst, interval }) = self.rates.of(who) else {
            return;
        };
        told.say(Standing {
            policy: who.limit().as_str(),
            quota: burst.get(),
            window: seconds(interval * burst.get()),
            left,
            seconds: seconds(wait.unwrap_or(interval)),
        });
    }

    fn too_often(&self, who: &Key, wait: Duration) -> Problem {
        let seconds = seconds(wait);
        let detail = match who {
            Key::Network(network) => {
                if let Some(shut) = &self.shut {
                    shut.until(*network, self.clock.elapsed(), wait);
                }
                return anonymous(wait);
            }
            Key::Principal(_) => {
                format!("you ask too often; try again in {seconds} s, and less often")
            }
            Key::Everybody => format!("all together ask too often; try again in {seconds} s"),
            Key::Attempt(_) | Key::Link(_) => {
                format!("too many passwords were tried; try again in {seconds} s")
            }
        };
        limited(detail, wait)
    }

    /// Where is counted, when that is meant to be one place for all replicas.
    pub(crate) fn reach(&self) -> Option<Reach> {
        self.limiter.reach()
    }

    /// Whether all can be counted who have to be.
    ///
    /// # Errors
    /// `limits_unavailable`.
    pub(crate) fn ready(&self) -> Result<(), Problem> {
        match self.reach() {
            Some(Reach::Nowhere) => Err(uncounted()),
            _ => Ok(()),
        }
    }

    /// Runs a handler within the time that a request has for storage, which begins now.
    pub(crate) async fn within_budget<T>(&self, work: impl Future<Output = T>) -> T {
        valetkey_store::until(self.budget_ends(), work).await
    }

    /// Gives a handler that runs within its time all of that once more.
    pub(super) fn renew_budget(&self) {
        valetkey_store::until_later(self.budget_ends());
    }

    fn budget_ends(&self) -> Duration {
        self.clock.elapsed() + STORAGE_BUDGET
    }

    /// Waits in line.
    ///
    /// # Errors
    /// The line is too long, or does not move.
    pub(super) async fn place(&self, waited: Duration) -> Result<Place, Problem> {
        self.queue.enter(waited).await
    }

    /// Waits until it is their turn to be looked at. Those who wait in line afterwards are sent away when it is full.
    ///
    /// # Errors
    /// There are too many.
    pub(crate) async fn look(&self, way: Way) -> Result<Look<'_>, Problem> {
        let look = self.queue.look().await?;
        match way.waits() {
            true => self.queue.has_room().map(|()| look),
            false => Ok(look),
        }
    }
}

fn anonymous(wait: Duration) -> Problem {
    let seconds = seconds(wait);
    let detail = format!(
        "too many requests without a valid token came from your address; send one, or try again in {seconds} s"
    );
    limited(detail, wait)
}

fn uncounted() -> Problem {
    let detail = "how often you ask cannot be counted at this moment, and nobody is let in uncounted; nothing was done, try again";
    Problem::new(Code::LimitsUnavailable, detail).with("retry_after", UNCOUNTED_SECONDS)
}

fn limited(detail: String, wait: Duration) -> Problem {
    Problem::new(Code::RateLimited, detail).with("retry_after", seconds(wait))
}

/// Whole seconds, rounded up, and one at least.
fn seconds(duration: Duration) -> u64 {
    let part = u64::from(duration.subsec_nanos() > 0);
    (duration.as_secs() + part).max(1)
}
