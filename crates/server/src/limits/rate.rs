//! How fast somebody may go: the port that whoever counts answers, in this process or in one place for all replicas.
//!
//! All count by the generic cell rate algorithm (GCRA). What is remembered of each is one number, the instant from which
//! nothing is left to make good. Whoever is past it is forgotten, for there is nothing to tell them from somebody new.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use valetkey_engine::Owner;
use valetkey_protocol::FileId;

use super::address::Network;
use super::layer::{ATTEMPTS_AT_LINK, ATTEMPTS_FROM_ADDRESS};
use crate::config::LimitsConfig;
use crate::metrics::Refusal;

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

/// The limits there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) anonymous: Option<Rate>,
    pub(crate) principal: Option<Rate>,
    pub(crate) global: Option<Rate>,
    /// Passwords that are tried from an address.
    pub(crate) from_address: Option<Rate>,
    /// Passwords that are tried at a link.
    pub(crate) at_link: Option<Rate>,
}

impl Rates {
    /// Those of a configuration.
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        Self {
            anonymous: Rate::new(config.anonymous_per_second, config.anonymous_burst),
            principal: Rate::new(config.principal_per_second, config.principal_burst),
            global: Rate::new(config.global_per_second, config.global_burst),
            from_address: Rate::new(ATTEMPTS_FROM_ADDRESS.0, ATTEMPTS_FROM_ADDRESS.1),
            at_link: Rate::new(ATTEMPTS_AT_LINK.0, ATTEMPTS_AT_LINK.1),
        }
    }

    /// The one that is about somebody.
    pub(crate) fn of(&self, who: &Key) -> Option<Rate> {
        match who {
            Key::Network(_) => self.anonymous,
            Key::Principal(_) => self.principal,
            Key::Everybody => self.global,
            Key::Attempt(_) => self.from_address,
            Key::Link(_) => self.at_link,
        }
    }
}

/// Whom a limit is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Somebody without a token that holds.
    Network(Network),
    /// Somebody with one.
    Principal(Owner),
    /// Whoever tries passwords from an address.
    Attempt(Network),
    /// Whoever tries passwords at a link.
    Link(FileId),
    /// Everybody with one, together.
    Everybody,
}

impl Key {
    /// The limit it is about.
    pub(crate) fn limit(&self) -> Refusal {
        match self {
            Self::Network(_) => Refusal::Anonymous,
            Self::Principal(_) => Refusal::Principal,
            Self::Everybody => Refusal::Global,
            Self::Attempt(_) | Self::Link(_) => Refusal::Password,
        }
    }

    /// The same as a text that no other key has.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Network(network) => format!("address:{network}"),
            // No tenant's segment is a subject's, and none has a slash.
            Self::Principal(Owner { tenant, subject }) => {
                let (tenant, subject) = (tenant.to_key_segment(), subject.to_key_segment());
                format!("principal:{tenant}/{subject}")
            }
            Self::Everybody => "all".to_owned(),
            Self::Attempt(network) => format!("attempt:{network}"),
            Self::Link(id) => format!("link:{id}"),
        }
    }
}

/// What came of asking several limits for some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They were taken from each, and so many are left of the first.
    Taken {
        /// How many.
        left: u32,
    },
    /// Nothing was taken from any, for one has too few.
    Refused {
        /// Which, counted from 0: the first that has.
        at: usize,
        /// After what time it will have enough; `None` when it never has so many at once.
        wait: Option<Duration>,
        /// How many are left of the first, if it is not the one that refused.
        left: u32,
    },
}

/// Nobody can say how often somebody has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away;

/// Counts what is taken: in this process, or in one place for all replicas.
#[async_trait]
pub(crate) trait RateLimiter: Send + Sync {
    /// Takes `count` from each of these limits, or nothing from any. Keys without a limit are not counted.
    ///
    /// # Errors
    /// Nothing was taken, for the one who counts is away and nobody may be let in uncounted.
    async fn take(&self, whom: &[Key], count: NonZeroU32) -> Result<Verdict, Away>;

    /// Where is counted now; `None` when that is always here.
    fn reach(&self) -> Option<Reach> {
        None
    }
}

/// Where is counted, when it is meant to be one place for all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In that place.
    Shared,
    /// In each server by itself, for that place is away.
    Local,
    /// Nowhere, for that place is away and nobody may be let in uncounted.
    Nowhere,
}

impl Reach {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Local => "local",
            Self::Nowhere => "nowhere",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_none_is_no_limit() {
        assert!(Rate::new(0.0, 50).is_none());
        assert!(Rate::new(10.0, 0).is_none());
        let rate = Rate::new(0.5, 1).unwrap();
        assert_eq!(rate.interval, Duration::from_secs(2));
    }

    fn in_tenant(tenant: &str, subject: &str) -> Key {
        Key::Principal(Owner {
            tenant: tenant.parse().unwrap(),
            subject: subject.parse().unwrap(),
        })
    }

    #[test]
    fn a24_no_two_are_one_text() {
        let address =
            |text: &str| Key::Network(Network::from(text.parse::<std::net::IpAddr>().unwrap()));
        let principal = |text: &str| in_tenant("", text);
        let keys = [
            address("198.51.100.7"),
            address("2001:db8:1:2::1"),
            address("2001:db8:1:3::1"),
            principal("198.51.100.7"),
            principal("a:b"),
            principal("a_3Ab"),
            principal("all"),
            in_tenant("acme", "all"),
            in_tenant("acme/a", "ll"),
            in_tenant("acme", "/all"),
            principal("_t-acme/all"),
            Key::Everybody,
        ];
        let texts: std::collections::BTreeSet<_> = keys.iter().map(Key::text).collect();
        assert_eq!(texts.len(), keys.len(), "{texts:?}");
        assert_eq!(
            address("2001:db8:1:2::1").text(),
            address("2001:db8:1:2::2").text()
        );
    }
}
