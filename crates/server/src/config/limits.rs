//! How fast each may ask, and how much is done at a time.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, invalid};

/// The slowest and the fastest rates, and the largest burst: what whole nanoseconds can tell apart.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;
const LARGEST_BURST: u32 = 1_000_000;

/// How many proxies there may be in a row.
const MOST_PROXIES: usize = 10;

/// The most that can be done at a time, or wait.
const MOST_REQUESTS: usize = 1_000_000;

/// How fast each may ask, and how much is done at a time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// How many proxies of yours every request passes, each of which adds to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// How many requests without a valid token an address may send each second; any number when 0.
    pub anonymous_per_second: f64,
    /// How many of them at once.
    pub anonymous_burst: u32,
    /// Whether requests of this machine that no proxy sent on are limited, too.
    pub limit_loopback: bool,
    /// Whether the tokens of an address that sent too many wrong ones are not even looked at.
    pub refuse_before_verifying: bool,
    /// How many requests each principal may send each second; any number when 0.
    pub principal_per_second: f64,
    /// How many of them at once.
    pub principal_burst: u32,
    /// How many requests all principals together may send each second; any number when 0.
    pub global_per_second: f64,
    /// How many of them at once.
    pub global_burst: u32,
    /// How many requests are served at a time.
    pub concurrency: usize,
    /// How many more may wait.
    pub queue: usize,
    /// How long they may, in seconds.
    pub queue_seconds: f64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            trusted_proxies: 0,
            anonymous_per_second: 10.0,
            anonymous_burst: 50,
            limit_loopback: false,
            refuse_before_verifying: false,
            principal_per_second: 0.0,
            principal_burst: 100,
            global_per_second: 0.0,
            global_burst: 1000,
            concurrency: 512,
            queue: 1024,
            queue_seconds: 1.0,
        }
    }
}

impl LimitsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.trusted_proxies > MOST_PROXIES {
            let problem = "is more than 10: set it to how many proxies of yours each request passes, usually 0 or 1";
            return Err(invalid("limits.trusted_proxies", problem));
        }
        for (name, per_second, burst) in [
            ("anonymous", self.anonymous_per_second, self.anonymous_burst),
            ("principal", self.principal_per_second, self.principal_burst),
            ("global", self.global_per_second, self.global_burst),
        ] {
            if per_second != 0.0 && !RATES.contains(&per_second) {
                let problem = "is not between 0.01 and 1000000: set it to requests per second, or to 0 for no limit";
                return Err(invalid(format!("limits.{name}_per_second"), problem));
            }
            if !(1..=LARGEST_BURST).contains(&burst) {
                let problem = format!(
                    "is not between 1 and 1000000: set it to how many requests may come at once, or limits.{name}_per_second to 0 for no limit"
                );
                return Err(invalid(format!("limits.{name}_burst"), problem));
            }
        }
        if !(1..=MOST_REQUESTS).contains(&self.concurrency) {
            let problem = "is not between 1 and 1000000: set it to 512, for example";
            return Err(invalid("limits.concurrency", problem));
        }
        if self.queue > MOST_REQUESTS {
            let problem = "is more than 1000000: set it to 1024, for example, or to 0 for no queue";
            return Err(invalid("limits.queue", problem));
        }
        if !(0.01..=10.0).contains(&self.queue_seconds) {
            let problem = "is not between 0.01 and 10 seconds: set it to 1.0, for example";
            return Err(invalid("limits.queue_seconds", problem));
        }
        Ok(())
    }

    /// How long a request waits to be served.
    pub(crate) fn patience(&self) -> Duration {
        Duration::try_from_secs_f64(self.queue_seconds).unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_name() {
        type Change = fn(&mut LimitsConfig);
        let cases: [(&str, Change); 10] = [
            ("trusted_proxies", |c| c.trusted_proxies = 11),
            ("anonymous_per_second", |c| c.anonymous_per_second = -1.0),
            ("anonymous_per_second", |c| {
                c.anonymous_per_second = f64::NAN
            }),
            ("principal_per_second", |c| c.principal_per_second = 0.001),
            ("global_per_second", |c| c.global_per_second = f64::INFINITY),
            ("anonymous_burst", |c| c.anonymous_burst = 0),
            ("concurrency", |c| c.concurrency = 0),
            ("queue", |c| c.queue = usize::MAX),
            ("queue_seconds", |c| c.queue_seconds = 0.0),
            ("queue_seconds", |c| c.queue_seconds = 11.0),
        ];
        assert!(LimitsConfig::default().check().is_ok());
        for (name, change) in cases {
            let mut config = LimitsConfig::default();
            change(&mut config);
            let told = config.check().unwrap_err().to_string();
            assert!(told.starts_with(&format!("`limits.{name}` is ")), "{told}");
        }
    }
}
