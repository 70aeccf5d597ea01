//! What is remembered of those who use links.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::SignedDuration;
use serde::Deserialize;

use super::{ConfigError, invalid};

/// The longest that uses are remembered, in days.
const LONGEST: u32 = 3660;

/// How much of an address is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptAddress {
    /// All of it.
    Full,
    /// Its network: the first 24 bits of IPv4, the first 48 of IPv6.
    #[default]
    Truncated,
    /// Nothing.
    None,
}

impl KeptAddress {
    /// What is remembered of one.
    pub(crate) fn of(self, address: IpAddr) -> Option<String> {
        match (self, address.to_canonical()) {
            (Self::None, _) => None,
            (Self::Full, address) => Some(address.to_string()),
            (Self::Truncated, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                Some(format!("{}/24", Ipv4Addr::new(a, b, c, 0)))
            }
            (Self::Truncated, IpAddr::V6(v6)) => {
                let [a, b, c, ..] = v6.segments();
                Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
            }
        }
    }
}

/// What is remembered of those who use links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinksConfig {
    /// How much of their addresses: `full`, `truncated` or `none`.
    pub ip: KeptAddress,
    /// For how many days uses are remembered, and links that ended.
    pub keep_days: u32,
}

impl Default for LinksConfig {
    fn default() -> Self {
        Self {
            ip: KeptAddress::default(),
            keep_days: 90,
        }
    }
}

impl LinksConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if (1..=LONGEST).contains(&self.keep_days) {
            return Ok(());
        }
        let problem = "is not between 1 and 3660 days: set it to 90, for example";
        Err(invalid("links.keep_days", problem))
    }

    /// How long uses are remembered.
    pub(crate) fn kept(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.keep_days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_an_address_is_kept_than_the_configuration_says() {
        for (kept, address, expected) in [
            (
                KeptAddress::Truncated,
                "198.51.100.77",
                Some("198.51.100.0/24"),
            ),
            (
                KeptAddress::Truncated,
                "::ffff:198.51.100.77",
                Some("198.51.100.0/24"),
            ),
            (
                KeptAddress::Truncated,
                "2001:db8:a:b:c::1",
                Some("2001:db8:a::/48"),
            ),
            (KeptAddress::Full, "198.51.100.77", Some("198.51.100.77")),
            (KeptAddress::None, "198.51.100.77", None),
        ] {
            assert_eq!(kept.of(address.parse().unwrap()).as_deref(), expected);
        }
    }
}
