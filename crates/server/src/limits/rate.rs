//! How fast somebody may go: the port, and the answer of one process by the generic cell rate algorithm (GCRA).
//!
//! What is remembered of each is one number, the instant from which nothing is left to make good. Whoever is past it is
//! forgotten, for there is nothing to tell them from somebody new.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use governor::Quota;
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use prometheus_client::metrics::gauge::Gauge;
use valetkey_engine::Owner;
use valetkey_protocol::FileId;
use valetkey_store::Monotonic;

use super::address::Network;

/// How many are told apart at a time, and how many groups the others are counted in together.
const MOST: usize = 100_000;
const GROUPS: u64 = 1024;

/// From how many on it is worth a look who can be forgotten, and how often at most.
const WORTH_A_LOOK: usize = 1024;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How fast, and how much at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// How much may be taken at once by somebody who took nothing for a while.
    pub(crate) burst: NonZeroU32,
    /// How long until one more may be taken.
    pub(crate) interval: Duration,
}

impl Rate {
    /// So many each second; `None` when that is none, for then there is no limit.
    pub(crate) fn new(per_second: f64, burst: u32) -> Option<Self> {
        let interval = Duration::try_from_secs_f64(per_second.recip()).ok()?;
        let burst = NonZeroU32::new(burst)?;
        (!interval.is_zero()).then_some(Self { burst, interval })
    }
}

/// Whom a limit is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Somebody without a token that holds.
    Network(Network),
    /// Somebody with one.
    Principal(Owner),
    /// Whoever tries passwords at a link.
    Link(FileId),
    /// Everybody with one, together.
    Everybody,
    /// One of the groups of those who are too many to be told apart.
    Group(u64),
}

/// What came of asking for some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They were taken, and so many are left.
    Taken {
        /// How many.
        left: u32,
    },
    /// Nothing was taken; all of them can be had after a while.
    Wait(Duration),
    /// So many can never be had at once.
    Never,
}

/// Counts what is taken: in this process, or in one place for all replicas.
#[async_trait]
pub(crate) trait RateLimiter: Send + Sync {
    /// Takes `count` of what `who` has left, all or nothing.
    async fn take(&self, who: &Key, count: NonZeroU32) -> Verdict;
}

/// The limit of this process alone.
pub(crate) struct LocalLimiter {
    limiter: governor::RateLimiter<Key, Tallies, Ticks, StateInformationMiddleware>,
    /// When it was last looked who can be forgotten, in milliseconds.
    looked: AtomicU64,
    tallies: Tallies,
    tracked: Gauge,
}

impl LocalLimiter {
    /// Nobody has taken anything yet. The gauge says of how many it knows.
    pub(crate) fn new(rate: Rate, clock: Arc<dyn Monotonic>, tracked: Gauge) -> Option<Self> {
        let quota = Quota::with_period(rate.interval)?.allow_burst(rate.burst);
        let tallies = Tallies::new(MOST);
        Some(Self {
            limiter: governor::RateLimiter::new(quota, tallies.clone(), Ticks(clock)),
            looked: AtomicU64::new(0),
            tallies,
            tracked,
        })
    }

    /// Forgets who has nothing left to make good, once in a while and only when there are many.
    fn forget(&self, now: Duration) {
        if self.tallies.len() < WORTH_A_LOOK {
            return;
        }
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let due = |looked: u64| now.saturating_sub(looked) >= LOOK_EVERY.as_millis() as u64;
        let mine = |looked| due(looked).then_some(now);
        let (set, load) = (Ordering::AcqRel, Ordering::Acquire);
        if self.looked.fetch_update(set, load, mine).is_ok() {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
    }
}

#[async_trait]
impl RateLimiter for LocalLimiter {
    async fn take(&self, who: &Key, count: NonZeroU32) -> Verdict {
        let now = self.limiter.clock().now();
        self.forget(now);
        let verdict = match self.limiter.check_key_n(who, count) {
            Ok(Ok(state)) => Verdict::Taken {
                left: state.remaining_burst_capacity(),
            },
            Ok(Err(not_until)) => Verdict::Wait(not_until.wait_time_from(now)),
            Err(_) => Verdict::Never,
        };
        let tracked = i64::try_from(self.tallies.len()).unwrap_or(i64::MAX);
        self.tracked.set(tracked);
        verdict
    }
}

/// Time since the start, as the limiter reads it.
#[derive(Clone)]
struct Ticks(Arc<dyn Monotonic>);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What each has to make good. It never grows beyond a number of entries, whoever comes: those who do not fit are
/// counted in groups, and nobody can choose whose.
#[derive(Clone)]
struct Tallies {
    entries: Arc<Mutex<HashMap<Key, Nanos>>>,
    grouping: RandomState,
    most: usize,
}

impl Tallies {
    fn new(most: usize) -> Self {
        Self {
            entries: Arc::default(),
            grouping: RandomState::new(),
            most,
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Nanos>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Tallies {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, take: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut entries = self.entries();
        if let Some(tally) = entries.get_mut(key) {
            let (taken, next) = take(Some(*tally))?;
            *tally = next;
            return Ok(taken);
        }
        let key = match entries.len() < self.most {
            true => key.clone(),
            false => Key::Group(self.grouping.hash_one(key) % GROUPS),
        };
        let (taken, next) = take(entries.get(&key).copied())?;
        entries.insert(key, next);
        Ok(taken)
    }
}

impl ShrinkableKeyedStateStore<Key> for Tallies {
    fn retain_recent(&self, drop_below: Nanos) {
        self.entries().retain(|_, tally| *tally > drop_below);
    }

    fn shrink_to_fit(&self) {
        let mut entries = self.entries();
        if entries.capacity() > 4 * entries.len().max(WORTH_A_LOOK) {
            entries.shrink_to_fit();
        }
    }

    fn len(&self) -> usize {
        self.entries().len()
    }

    fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    /// A clock that stands still until it is told.
    #[derive(Default)]
    struct Still(AtomicU64);

    impl Monotonic for Still {
        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Acquire))
        }
    }

    impl Still {
        fn advance(&self, milliseconds: u64) {
            self.0.fetch_add(milliseconds, Ordering::AcqRel);
        }
    }

    fn limiter(per_second: f64, burst: u32) -> (LocalLimiter, Arc<Still>) {
        let clock = Arc::new(Still::default());
        let rate = Rate::new(per_second, burst).unwrap();
        let limiter = LocalLimiter::new(rate, clock.clone(), Gauge::default()).unwrap();
        (limiter, clock)
    }

    fn address(number: u32) -> Key {
        let address = Ipv4Addr::from(0x0a00_0000 + number);
        Key::Network(IpAddr::V4(address).into())
    }

    async fn take(limiter: &LocalLimiter, who: &Key, count: u32) -> Verdict {
        limiter.take(who, NonZeroU32::new(count).unwrap()).await
    }

    #[tokio::test]
    async fn a_burst_is_there_at_once_and_comes_back_at_its_rate() {
        let (limiter, clock) = limiter(10.0, 3);
        let who = address(1);
        for left in [2, 1, 0] {
            assert_eq!(take(&limiter, &who, 1).await, Verdict::Taken { left });
        }
        let wait = Verdict::Wait(Duration::from_millis(100));
        assert_eq!(take(&limiter, &who, 1).await, wait);
        assert_eq!(
            take(&limiter, &address(2), 1).await,
            Verdict::Taken { left: 2 }
        );
        clock.advance(100);
        assert_eq!(take(&limiter, &who, 1).await, Verdict::Taken { left: 0 });
        clock.advance(10_000);
        assert_eq!(take(&limiter, &who, 1).await, Verdict::Taken { left: 2 });
    }

    #[tokio::test]
    async fn several_are_taken_together_or_not_at_all() {
        let (limiter, clock) = limiter(1.0, 5);
        let alice = |tenant: &str| {
            Key::Principal(Owner {
                tenant: tenant.parse().unwrap(),
                subject: "alice".parse().unwrap(),
            })
        };
        // One of the same name in another tenant is somebody else.
        let other = alice("acme");
        assert_eq!(take(&limiter, &other, 5).await, Verdict::Taken { left: 0 });
        let who = alice("");
        assert_eq!(take(&limiter, &who, 3).await, Verdict::Taken { left: 2 });
        assert_eq!(
            take(&limiter, &who, 4).await,
            Verdict::Wait(Duration::from_secs(2))
        );
        assert_eq!(take(&limiter, &who, 2).await, Verdict::Taken { left: 0 });
        assert_eq!(take(&limiter, &who, 6).await, Verdict::Never);
        clock.advance(5000);
        assert_eq!(take(&limiter, &who, 5).await, Verdict::Taken { left: 0 });
    }

    #[tokio::test]
    async fn who_has_nothing_to_make_good_is_forgotten() {
        let (limiter, clock) = limiter(10.0, 50);
        clock.advance(5000);
        for number in 0..5000 {
            take(&limiter, &address(number), 1).await;
        }
        assert_eq!(limiter.tracked.get(), 5000);
        clock.advance(2000);
        take(&limiter, &address(9999), 1).await;
        assert_eq!(limiter.tracked.get(), 1);
    }

    #[tokio::test]
    async fn addresses_without_end_take_no_memory_without_end_and_are_limited_all_the_same() {
        let (limiter, _) = limiter(0.1, 5);
        let (mut taken, most) = (0_u32, MOST as u64 + GROUPS);
        for number in 0..MOST as u32 * 3 {
            if let Verdict::Taken { .. } = take(&limiter, &address(number), 1).await {
                taken += 1;
            }
        }
        assert!(
            limiter.tallies.len() as u64 <= most,
            "{}",
            limiter.tallies.len()
        );
        // Each group has one burst.
        assert!(u64::from(taken) <= MOST as u64 + 5 * GROUPS, "{taken}");
    }

    #[test]
    fn a_rate_of_none_is_no_limit() {
        assert!(Rate::new(0.0, 50).is_none());
        assert!(Rate::new(10.0, 0).is_none());
        let rate = Rate::new(0.5, 1).unwrap();
        assert_eq!(rate.interval, Duration::from_secs(2));
    }
}
