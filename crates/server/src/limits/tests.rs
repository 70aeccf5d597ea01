//! Whoever counts, what comes of it is the same.

mod redis;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use valetkey_engine::Owner;
use valetkey_store::Monotonic;

use super::local::LocalLimiter;
use super::rate::{Away, Key, RateLimiter, Rates, Verdict};
use crate::config::LimitsConfig;
use crate::metrics::LimitMetrics;

/// A clock that stands still until it is told.
#[derive(Default)]
pub(super) struct Still(AtomicU64);

impl Monotonic for Still {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Acquire))
    }
}

impl Still {
    pub(super) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::AcqRel);
    }
}

/// Somebody who counts, and whose time can be moved on.
#[async_trait]
trait Counting {
    async fn take(&self, whom: &[Key], count: NonZeroU32) -> Result<Verdict, Away>;

    async fn advance(&self, by: Duration);
}

/// So slow that nothing comes back while a test runs: one anonymous each 100 s, one principal too, all together one each 50 s.
fn slow() -> LimitsConfig {
    LimitsConfig {
        anonymous_per_second: 0.01,
        anonymous_burst: 3,
        principal_per_second: 0.01,
        principal_burst: 5,
        global_per_second: 0.02,
        global_burst: 8,
        ..LimitsConfig::default()
    }
}

fn address(number: u32) -> Key {
    let address = Ipv4Addr::from(0x0a00_0000 + number);
    Key::Network(IpAddr::V4(address).into())
}

fn principal(name: &str) -> Key {
    of_tenant("", name)
}

fn of_tenant(tenant: &str, name: &str) -> Key {
    Key::Principal(Owner {
        tenant: tenant.parse().unwrap(),
        subject: name.parse().unwrap(),
    })
}

/// What a step should come to, with whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Taken(u32),
    Wait { at: usize, seconds: u64, left: u32 },
    Never { at: usize },
}

impl From<Verdict> for Expected {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Taken { left } => Self::Taken(left),
            Verdict::Refused { at, wait, left } => match wait {
                None => Self::Never { at },
                Some(wait) => {
                    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                    Self::Wait { at, seconds, left }
                }
            },
        }
    }
}

enum Step {
    /// Some are asked for, from these limits.
    Take(Vec<Key>, u32, Expected),
    /// So many seconds pass.
    Pass(u64),
}

/// Each row begins when nobody has anything to make good.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn table() -> Vec<(&'static str, Vec<Step>)> {
    use Expected::{Never, Taken, Wait};
    use Step::{Pass, Take};
    let with_all = |name: &str| vec![principal(name), Key::Everybody];
    let alone = |name: &str| vec![principal(name)];
    let wait = |at, seconds, left| Wait { at, seconds, left };
    vec![
        (
            "a burst is there at once and comes back at its rate",
            vec![
                Take(vec![address(1)], 1, Taken(2)),
                Take(vec![address(1)], 1, Taken(1)),
                Take(vec![address(1)], 1, Taken(0)),
                Take(vec![address(1)], 1, wait(0, 100, 0)),
                Take(vec![address(2)], 1, Taken(2)),
                Pass(100),
                Take(vec![address(1)], 1, Taken(0)),
                Take(vec![address(1)], 1, wait(0, 100, 0)),
                Pass(1000),
                Take(vec![address(1)], 1, Taken(2)),
            ],
        ),
        (
            "several are taken together or not at all",
            vec![
                Take(alone("alice"), 3, Taken(2)),
                Take(alone("alice"), 4, wait(0, 200, 0)),
                Take(alone("alice"), 2, Taken(0)),
                Take(alone("alice"), 6, Never { at: 0 }),
                Pass(500),
                Take(alone("alice"), 5, Taken(0)),
            ],
        ),
        (
            "one name in two tenants is two",
            vec![
                Take(vec![of_tenant("acme", "alice")], 5, Taken(0)),
                Take(vec![of_tenant("acme", "alice")], 1, wait(0, 100, 0)),
                Take(vec![of_tenant("other", "alice")], 1, Taken(4)),
                Take(alone("alice"), 1, Taken(4)),
            ],
        ),
        (
            "whom the limit of all refuses was not charged",
            vec![
                Take(with_all("bob"), 5, Taken(0)),
                Take(with_all("carol"), 3, Taken(2)),
                Take(with_all("carol"), 1, wait(1, 50, 2)),
                Take(with_all("carol"), 2, wait(1, 100, 2)),
                Take(alone("carol"), 2, Taken(0)),
                Take(with_all("new"), 1, wait(1, 50, 5)),
                Pass(50),
                Take(with_all("new"), 1, Taken(4)),
            ],
        ),
        (
            "all were not charged for whom their own limit refuses",
            vec![
                Take(with_all("erin"), 5, Taken(0)),
                Take(with_all("erin"), 1, wait(0, 100, 0)),
                Take(with_all("erin"), 6, Never { at: 0 }),
                Take(with_all("frank"), 3, Taken(2)),
                Take(with_all("grace"), 1, wait(1, 50, 5)),
            ],
        ),
    ]
}

async fn conforms(counting: &impl Counting) {
    for (title, steps) in table() {
        counting.advance(Duration::from_secs(10_000)).await;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Pass(seconds) => counting.advance(Duration::from_secs(seconds)).await,
                Step::Take(whom, count, expected) => {
                    let count = NonZeroU32::new(count).unwrap();
                    let came = counting.take(&whom, count).await.unwrap();
                    assert_eq!(Expected::from(came), expected, "{title}: step {number}");
                }
            }
        }
    }
}

struct Here {
    limiter: LocalLimiter,
    clock: Arc<Still>,
}

impl Here {
    fn new(config: &LimitsConfig) -> Self {
        let (clock, metrics) = (Arc::new(Still::default()), LimitMetrics::default());
        let limiter = LocalLimiter::new(&Rates::new(config), clock.clone(), &metrics);
        Self { limiter, clock }
    }
}

#[async_trait]
impl Counting for Here {
    async fn take(&self, whom: &[Key], count: NonZeroU32) -> Result<Verdict, Away> {
        self.limiter.take(whom, count).await
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

#[tokio::test]
async fn counting_in_this_process_conforms() {
    conforms(&Here::new(&slow())).await;
}
