//! Counting in this process alone.

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
use valetkey_store::Monotonic;

use super::rate::{Away, Key, Rate, RateLimiter, Rates, Verdict};
use crate::metrics::{LimitMetrics, Refusal};

/// How many are told apart at a time, and how many groups the others are counted in together.
const MOST: usize = 100_000;
const GROUPS: u64 = 1024;

/// From how many on it is worth a look who can be forgotten, and how often at most.
const WORTH_A_LOOK: usize = 1024;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The limits of this process alone.
pub(crate) struct LocalLimiter {
    anonymous: Option<Counter>,
    principal: Option<Counter>,
    global: Option<Counter>,
    from_address: Option<Counter>,
    at_link: Option<Counter>,
    clock: Arc<dyn Monotonic>,
    /// Held while something is taken, so that what was taken from one limit can be put back when the next refuses.
    turn: Mutex<()>,
}

impl LocalLimiter {
    /// Nobody has taken anything yet.
    pub(crate) fn new(rates: &Rates, clock: Arc<dyn Monotonic>, metrics: &LimitMetrics) -> Self {
        let counter = |limit: Refusal, rate: Option<Rate>| {
            Counter::new(rate?, Arc::clone(&clock), metrics.tracked(limit))
        };
        Self {
            anonymous: counter(Refusal::Anonymous, rates.anonymous),
            principal: counter(Refusal::Principal, rates.principal),
            global: counter(Refusal::Global, rates.global),
            from_address: counter(Refusal::Password, rates.from_address),
            // One gauge is for one counter, and addresses are what may become many.
            at_link: rates
                .at_link
                .and_then(|rate| Counter::new(rate, Arc::clone(&clock), Gauge::default())),
            clock,
            turn: Mutex::default(),
        }
    }

    /// As [`RateLimiter::take`], at once.
    pub(super) fn take_now(&self, whom: &[Key], count: NonZeroU32) -> Verdict {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.elapsed();
        let mut first = 0;
        let mut before = Vec::with_capacity(whom.len());
        for (at, who) in whom.iter().enumerate() {
            let Some(counter) = self.counter(who) else {
                continue;
            };
            counter.forget(now);
            let was = counter.tallies.entry(who);
            match counter.take(who, count, now) {
                Ok(left) if at == 0 => first = left,
                Ok(_) => {}
                Err(wait) => {
                    for (counter, (entry, tally)) in before {
                        Counter::put_back(counter, entry, tally);
                    }
                    let left = if at == 0 { 0 } else { first + count.get() };
                    return Verdict::Refused { at, wait, left };
                }
            }
            before.push((counter, was));
        }
        Verdict::Taken { left: first }
    }

    fn counter(&self, who: &Key) -> Option<&Counter> {
        match who {
            Key::Network(_) => self.anonymous.as_ref(),
            Key::Principal(_) => self.principal.as_ref(),
            Key::Everybody => self.global.as_ref(),
            Key::Attempt(_) => self.from_address.as_ref(),
            Key::Link(_) => self.at_link.as_ref(),
        }
    }
}

#[async_trait]
impl RateLimiter for LocalLimiter {
    async fn take(&self, whom: &[Key], count: NonZeroU32) -> Result<Verdict, Away> {
        Ok(self.take_now(whom, count))
    }
}

/// One limit.
struct Counter {
    limiter: governor::RateLimiter<Key, Tallies, Ticks, StateInformationMiddleware>,
    /// When it was last looked who can be forgotten, in milliseconds.
    looked: AtomicU64,
    tallies: Tallies,
    /// Says how many are known.
    tracked: Gauge,
}

impl Counter {
    fn new(rate: Rate, clock: Arc<dyn Monotonic>, tracked: Gauge) -> Option<Self> {
        let quota = Quota::with_period(rate.interval)?.allow_burst(rate.burst);
        let tallies = Tallies::new(MOST);
        Some(Self {
            limiter: governor::RateLimiter::new(quota, tallies.clone(), Ticks(clock)),
            looked: AtomicU64::new(0),
            tallies,
            tracked,
        })
    }

    /// Takes some and says how many are left.
    ///
    /// # Errors
    /// Nothing was taken: there will be enough after a while, or never so many at once.
    fn take(&self, who: &Key, count: NonZeroU32, now: Duration) -> Result<u32, Option<Duration>> {
        let taken = match self.limiter.check_key_n(who, count) {
            Ok(Ok(state)) => Ok(state.remaining_burst_capacity()),
            Ok(Err(not_until)) => Err(Some(not_until.wait_time_from(now))),
            Err(_) => Err(None),
        };
        self.tell();
        taken
    }

    /// Undoes what was taken last by whoever is counted there.
    fn put_back(&self, entry: Entry, tally: Option<Nanos>) {
        match tally {
            Some(tally) => self.tallies.entries().insert(entry, tally),
            None => self.tallies.entries().remove(&entry),
        };
        self.tell();
    }

    fn tell(&self) {
        let tracked = i64::try_from(self.tallies.len()).unwrap_or(i64::MAX);
        self.tracked.set(tracked);
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

/// Time since the start, as the limiter reads it.
#[derive(Clone)]
struct Ticks(Arc<dyn Monotonic>);

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Under what somebody is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Entry {
    /// By themselves.
    One(Key),
    /// With others, for they are too many to be told apart.
    Group(u64),
}

/// What each has to make good. It never grows beyond a number of entries, whoever comes: those who do not fit are
/// counted in groups, and nobody can choose whose.
#[derive(Clone)]
struct Tallies {
    entries: Arc<Mutex<HashMap<Entry, Nanos>>>,
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

    fn entries(&self) -> MutexGuard<'_, HashMap<Entry, Nanos>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under what somebody would be counted now, and what is there.
    fn entry(&self, key: &Key) -> (Entry, Option<Nanos>) {
        self.entry_in(&self.entries(), key)
    }

    fn entry_in(&self, entries: &HashMap<Entry, Nanos>, key: &Key) -> (Entry, Option<Nanos>) {
        let one = Entry::One(key.clone());
        let tally = entries.get(&one).copied();
        if tally.is_some() || entries.len() < self.most {
            return (one, tally);
        }
        let group = Entry::Group(self.grouping.hash_one(key) % GROUPS);
        let tally = entries.get(&group).copied();
        (group, tally)
    }
}

impl StateStore for Tallies {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, take: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut entries = self.entries();
        let (entry, tally) = self.entry_in(&entries, key);
        let (taken, next) = take(tally)?;
        entries.insert(entry, next);
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

    use valetkey_engine::Owner;
    use valetkey_protocol::Tenant;

    use super::super::tests::Still;
    use super::*;
    use crate::config::LimitsConfig;

    fn limiter(per_second: f64, burst: u32) -> (LocalLimiter, Arc<Still>, Gauge) {
        let (clock, metrics) = (Arc::new(Still::default()), LimitMetrics::default());
        let config = LimitsConfig {
            anonymous_per_second: per_second,
            anonymous_burst: burst,
            principal_per_second: 1.0,
            principal_burst: 1,
            ..LimitsConfig::default()
        };
        let limiter = LocalLimiter::new(&Rates::new(&config), clock.clone(), &metrics);
        (limiter, clock, metrics.tracked(Refusal::Anonymous))
    }

    fn address(number: u32) -> Key {
        let address = Ipv4Addr::from(0x0a00_0000 + number);
        Key::Network(IpAddr::V4(address).into())
    }

    fn take(limiter: &LocalLimiter, whom: &[Key]) -> Verdict {
        limiter.take_now(whom, NonZeroU32::MIN)
    }

    #[test]
    fn who_has_nothing_to_make_good_is_forgotten() {
        let (limiter, clock, tracked) = limiter(10.0, 50);
        clock.advance(Duration::from_secs(5));
        for number in 0..5000 {
            take(&limiter, &[address(number)]);
        }
        assert_eq!(tracked.get(), 5000);
        clock.advance(Duration::from_secs(2));
        take(&limiter, &[address(9999)]);
        assert_eq!(tracked.get(), 1);
    }

    #[test]
    fn addresses_without_end_take_no_memory_without_end_and_are_limited_all_the_same() {
        let (limiter, _, tracked) = limiter(0.1, 5);
        let (mut taken, most) = (0_u32, MOST as u64 + GROUPS);
        for number in 0..MOST as u32 * 3 {
            if let Verdict::Taken { .. } = take(&limiter, &[address(number)]) {
                taken += 1;
            }
        }
        assert!(tracked.get() as u64 <= most, "{}", tracked.get());
        // Each group has one burst.
        assert!(u64::from(taken) <= MOST as u64 + 5 * GROUPS, "{taken}");
    }

    #[test]
    fn what_is_put_back_leaves_nobody_behind_and_groups_as_they_were() {
        let (limiter, _, tracked) = limiter(0.1, 5);
        let nobody = Key::Principal(Owner {
            tenant: Tenant::default(),
            subject: "nobody".parse().unwrap(),
        });
        take(&limiter, std::slice::from_ref(&nobody));
        for number in 0..MOST as u32 {
            let verdict = take(&limiter, &[address(number), nobody.clone()]);
            assert!(matches!(verdict, Verdict::Refused { at: 1, left: 5, .. }));
            if number == 0 {
                assert_eq!(tracked.get(), 0);
            }
            take(&limiter, &[address(number)]);
        }
        let late = address(u32::MAX >> 8);
        for left in [5, 4] {
            let verdict = take(&limiter, &[late.clone(), nobody.clone()]);
            let Verdict::Refused {
                at: 1, left: has, ..
            } = verdict
            else {
                unreachable!("{verdict:?}");
            };
            assert_eq!(has, left);
            take(&limiter, std::slice::from_ref(&late));
        }
    }
}
