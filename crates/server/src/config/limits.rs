//! How fast each may ask, and how much is done at a time.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use valetkey_protocol::Secret;

use super::{ConfigError, invalid, take_file};
use crate::limits::Address;

/// The environment variable that takes the place of `limits.shared`.
pub const REDIS_VARIABLE: &str = "VALETKEY_REDIS";

/// The slowest and the fastest rates, and the largest burst: what whole nanoseconds can tell apart.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;
const LARGEST_BURST: u32 = 1_000_000;

/// How many proxies there may be in a row.
const MOST_PROXIES: usize = 10;

/// The most that can be done at a time, or wait.
const MOST_REQUESTS: usize = 1_000_000;

/// How long one question may take, in milliseconds.
const PATIENCE: std::ops::RangeInclusive<u64> = 1..=1000;

/// What happens while nobody counts for all servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenAway {
    /// Each server counts for itself.
    #[default]
    Open,
    /// Nobody is let in who would be counted.
    Closed,
}

impl WhenAway {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// How fast each may ask, and how much is done at a time.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    /// The URL of a Redis or Valkey where all servers count together; each counts for itself when empty.
    pub shared: Secret,
    /// A file that holds its password, instead of the URL.
    pub shared_password_file: String,
    /// What the keys there begin with: servers that share limits have the same.
    pub shared_prefix: String,
    /// How long a request may wait for it, in milliseconds.
    pub shared_milliseconds: u64,
    /// What happens while it does not answer.
    pub when_away: WhenAway,
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
            shared: Secret::new(""),
            shared_password_file: String::new(),
            shared_prefix: "valetkey".to_owned(),
            shared_milliseconds: 50,
            when_away: WhenAway::default(),
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
        self.check_shared()?;
        self.check_line()
    }

    fn check_shared(&self) -> Result<(), ConfigError> {
        self.shared_address()?;
        if self.shared.expose().is_empty() && !self.shared_password_file.is_empty() {
            let problem = "has no meaning while limits.shared is empty: set that to a URL such as redis://cache.internal, or remove this";
            return Err(invalid("limits.shared_password_file", problem));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
        let prefix = &self.shared_prefix;
        if !(1..=100).contains(&prefix.len()) || !prefix.bytes().all(plain) {
            let problem = "is not 1 to 100 of the characters A-Z, a-z, 0-9, . _ - : and /: set it to valetkey, for example";
            return Err(invalid("limits.shared_prefix", problem));
        }
        if !PATIENCE.contains(&self.shared_milliseconds) {
            let problem = "is not between 1 and 1000: set it to 50, for example";
            return Err(invalid("limits.shared_milliseconds", problem));
        }
        Ok(())
    }

    fn check_line(&self) -> Result<(), ConfigError> {
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

    /// Takes the environment's URL in the place of this one, and puts the password of the file into it.
    ///
    /// # Errors
    /// The file cannot be read, or the URL has a password already.
    pub(super) fn read_outside(&mut self, variable: Option<String>) -> Result<(), ConfigError> {
        if let Some(url) = variable.filter(|url| !url.is_empty()) {
            self.shared = Secret::new(url);
        }
        let mut password = Secret::new("");
        let (key, file) = ("limits.shared_password", &self.shared_password_file);
        take_file(key, &mut password, file)?;
        let Some(address) = self.shared_address()?.filter(|_| !file.is_empty()) else {
            return Ok(());
        };
        if address.has_password() {
            let problem = "has a password and stands beside `limits.shared_password_file`: keep one of the two";
            return Err(invalid("limits.shared", problem));
        }
        let url = self.shared.expose();
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        let password = utf8_percent_encode(password.expose(), NON_ALPHANUMERIC);
        self.shared = Secret::new(format!("{scheme}://{user}:{password}@{host}"));
        Ok(())
    }

    /// Where all servers count together, if they do.
    ///
    /// # Errors
    /// The URL cannot be used; what it is is not told, for it may hold a password.
    pub(crate) fn shared_address(&self) -> Result<Option<Address>, ConfigError> {
        let url = self.shared.expose();
        if url.is_empty() {
            return Ok(None);
        }
        let problem = "is no URL of Redis or Valkey: write redis://HOST:6379/0, or rediss://USER@HOST:6379/0 for TLS, with special characters as %XX";
        let address = Address::parse(url).ok_or_else(|| invalid("limits.shared", problem))?;
        Ok(Some(address))
    }

    /// How long a request waits for whoever counts for all servers.
    pub(crate) fn shared_patience(&self) -> Duration {
        Duration::from_millis(self.shared_milliseconds)
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
        let cases: [(&str, Change); 16] = [
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
            ("shared", |c| {
                c.shared = Secret::new("http://:hunter2@cache")
            }),
            ("shared", |c| c.shared = Secret::new("hunter2")),
            ("shared_password_file", |c| {
                c.shared_password_file = "password".to_owned();
            }),
            ("shared_prefix", |c| c.shared_prefix = "a{b".to_owned()),
            ("shared_milliseconds", |c| c.shared_milliseconds = 0),
            ("shared_milliseconds", |c| c.shared_milliseconds = 1001),
        ];
        assert!(LimitsConfig::default().check().is_ok());
        for (name, change) in cases {
            let mut config = LimitsConfig::default();
            change(&mut config);
            let told = config.check().unwrap_err().to_string();
            let key = told
                .strip_prefix("`limits.")
                .and_then(|rest| rest.split('`').next());
            assert_eq!(key, Some(name), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn the_password_is_in_the_url_or_in_a_file_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hunter2 @/:\n").unwrap();
        let mut config = LimitsConfig {
            shared: Secret::new("redis://elsewhere"),
            shared_password_file: file.to_str().unwrap().to_owned(),
            ..LimitsConfig::default()
        };
        let variable = Some("rediss://app@cache".to_owned());
        config.read_outside(variable).unwrap();
        config.check().unwrap();
        let url = config.shared.expose();
        assert_eq!(url, "rediss://app:hunter2%20%40%2F%3A@cache");
        let address = config.shared_address().unwrap().unwrap();
        assert!(address.has_password());
        assert_eq!(address.host(), "cache:6379");
        // Now it has one, and the file is there as well.
        let told = config.read_outside(None).unwrap_err().to_string();
        assert!(told.contains("keep one of the two"), "{told}");
        let shown = format!("{told} {config:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
