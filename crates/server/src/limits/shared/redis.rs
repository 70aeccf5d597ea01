//! Redis, Valkey, and whatever else speaks their protocol and runs scripts.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike as _, LuaInterface as _};
use fred::types::ConnectHandle;
use fred::types::config::{
    Config, ConnectionConfig, Options, ReconnectPolicy, TlsConnector, UnresponsiveConfig,
};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use valetkey_protocol::hex;

use super::super::rate::{Key, Rate, Rates, Verdict};

/// What counts, all or nothing, by the clock of Redis.
const COUNT: &str = include_str!("count.lua");

/// How long connecting and signing in may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection may be silent while something is asked; then there is another one.
const SILENCE: Duration = Duration::from_secs(1);
/// How long after a lost connection there is a new attempt, in milliseconds; a little differs by chance.
const RECONNECT_MILLIS: u32 = 150;

/// What is asked to find out whether an answer comes: who is never anybody, at a rate that refuses nobody.
const NOBODY: &str = "nobody";
const NO_RATE: Rate = Rate {
    burst: NonZeroU32::MAX,
    interval: Duration::from_micros(1),
};

/// Where it is, and who we are there.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: bool,
}

impl Address {
    /// Reads `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS, of which all but the host may be left out.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (tls, rest) = match url.strip_prefix("rediss://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("redis://")?),
        };
        if rest.contains(['?', '#']) {
            return None;
        }
        let config = Config::from_url_centralized(&format!("redis://{rest}")).ok()?;
        let hosts = config.server.hosts();
        let named = hosts.iter().all(|server| !server.host.is_empty());
        named.then_some(Self { config, tls })
    }

    /// Whether the URL had a password.
    pub(crate) fn has_password(&self) -> bool {
        self.config.password.is_some()
    }

    /// Its host and port, for the log.
    pub(crate) fn host(&self) -> String {
        let hosts = self.config.server.hosts();
        let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        hosts.join(",")
    }
}

/// Why there was no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// None came in time.
    Late,
    /// There is no connection, and there was none in time.
    Lost(Error),
    /// It refused.
    Refused(Error),
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => f.write_str("no answer came in time"),
            Self::Lost(error) | Self::Refused(error) => f.write_str(error.details()),
        }
    }
}

impl From<Error> for NoAnswer {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Timeout => Self::Late,
            ErrorKind::Canceled | ErrorKind::IO => Self::Lost(error),
            _ => Self::Refused(error),
        }
    }
}

/// One connection, over which all requests are sent.
pub(super) struct Redis {
    client: Client,
    /// The same, for questions that are asked once and in time, or not at all.
    hasty: WithOptions<Client>,
    /// What keeps the connection.
    task: Mutex<Option<ConnectHandle>>,
    patience: Duration,
    prefix: String,
    /// The name under which Redis keeps the script, once it has it.
    script: String,
}

impl Redis {
    /// Not connected yet. Keys begin with `prefix`, in braces, so that all of them are in one slot of a cluster.
    ///
    /// # Errors
    /// TLS cannot be had.
    pub(super) fn new(
        address: &Address,
        prefix: &str,
        patience: Duration,
    ) -> Result<Self, rustls::Error> {
        let mut config = address.config.clone();
        if address.tls {
            config.tls = Some(tls()?.into());
        }
        let connection = ConnectionConfig {
            connection_timeout: CONNECT_TIMEOUT,
            internal_command_timeout: CONNECT_TIMEOUT,
            max_command_attempts: 1,
            reconnect_on_auth_error: true,
            unresponsive: UnresponsiveConfig {
                max_timeout: Some(SILENCE),
                interval: SILENCE / 4,
            },
            ..ConnectionConfig::default()
        };
        let policy = ReconnectPolicy::new_constant(0, RECONNECT_MILLIS);
        let client = Client::new(config, None, Some(connection), Some(policy));
        let hasty = client.with_options(&Options {
            max_attempts: Some(1),
            timeout: Some(patience),
            fail_fast: true,
            ..Options::default()
        });
        Ok(Self {
            client,
            hasty,
            task: Mutex::default(),
            patience,
            prefix: format!("{{{prefix}}}:"),
            script: hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, COUNT.as_bytes()).as_ref()),
        })
    }

    /// Connects, unless somebody is at it: a connection that is lost is made again by itself, but not the first, nor one
    /// that is refused.
    ///
    /// # Errors
    /// There is none to be had now.
    pub(super) async fn connect(&self) -> Result<(), NoAnswer> {
        let at_it = |task: &ConnectHandle| !task.is_finished();
        if self.task().as_ref().is_some_and(at_it) {
            return Ok(());
        }
        let connected = timeout(2 * CONNECT_TIMEOUT, self.client.init()).await;
        *self.task() = Some(connected.map_err(|_| NoAnswer::Late)??);
        Ok(())
    }

    fn task(&self) -> MutexGuard<'_, Option<ConnectHandle>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection.
    pub(super) async fn quit(&self) {
        let quit = timeout(self.patience, self.client.quit()).await;
        if !matches!(quit, Ok(Ok(()))) {
            tracing::debug!("the connection to Redis ends without a word");
        }
    }

    /// Takes `count` from each of these limits, or nothing from any.
    ///
    /// # Errors
    /// There was no answer in time; whether something was taken is not known.
    pub(super) async fn take(
        &self,
        whom: &[Key],
        rates: &Rates,
        count: NonZeroU32,
    ) -> Result<Verdict, NoAnswer> {
        let limited = |who: &Key| Some((who.text(), rates.of(who)?));
        let limited: Vec<_> = whom.iter().filter_map(limited).collect();
        let answer = self.count(limited, count).await?;
        Ok(verdict(answer))
    }

    /// Finds out whether questions are answered, by one that writes as they do.
    ///
    /// # Errors
    /// There was no answer in time.
    pub(super) async fn probe(&self) -> Result<(), NoAnswer> {
        let nobody = vec![(NOBODY.to_owned(), NO_RATE)];
        self.count(nobody, NonZeroU32::MIN).await.map(drop)
    }

    async fn count(
        &self,
        limited: Vec<(String, Rate)>,
        count: NonZeroU32,
    ) -> Result<(i64, i64, i64), NoAnswer> {
        let mut arguments = vec![count.to_string()];
        let mut keys = Vec::with_capacity(limited.len());
        for (text, Rate { burst, interval }) in limited {
            keys.push(format!("{}{text}", self.prefix));
            arguments.extend([burst.to_string(), micros(interval)]);
        }
        let (more_keys, more_arguments) = (keys.clone(), arguments.clone());
        let asking = async {
            match self.hasty.evalsha(&*self.script, keys, arguments).await {
                // It was restarted, or is another one.
                Err(error) if error.details().starts_with("NOSCRIPT") => {
                    self.hasty.eval(COUNT, more_keys, more_arguments).await
                }
                answer => answer,
            }
        };
        match timeout(self.patience, asking).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(NoAnswer::Late),
        }
    }
}

fn verdict((refused, wait, left): (i64, i64, i64)) -> Verdict {
    let left = u32::try_from(left).unwrap_or(0);
    match usize::try_from(refused - 1) {
        Err(_) => Verdict::Taken { left },
        Ok(at) => Verdict::Refused {
            at,
            wait: u64::try_from(wait).ok().map(Duration::from_micros),
            left: if at == 0 { 0 } else { left },
        },
    }
}

/// Microseconds, with what is less than one behind the point.
fn micros(interval: Duration) -> String {
    let nanos = interval.as_nanos();
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

/// TLS with the roots that this machine trusts.
fn tls() -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(config.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_with_a_host_and_maybe_more() {
        for (url, host, password) in [
            ("redis://cache", "cache:6379", false),
            ("redis://cache:6380/3", "cache:6380", false),
            (
                "rediss://app:hun%2Fter2@cache.example.com",
                "cache.example.com:6379",
                true,
            ),
            ("redis://:hunter2@127.0.0.1:7000", "127.0.0.1:7000", true),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (address.host().as_str(), address.has_password()),
                (host, password)
            );
            assert_eq!(address.tls, url.starts_with("rediss"));
        }
        for url in [
            "",
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://:6379",
            "redis://cache/zero",
            "redis://cache/0?timeout=1",
            "redis://cache:port",
            "redis-cluster://cache",
        ] {
            assert!(Address::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn an_interval_keeps_its_nanoseconds() {
        assert_eq!(micros(Duration::from_nanos(333_333_333)), "333333.333");
        assert_eq!(micros(Duration::from_nanos(1_007)), "1.007");
        assert_eq!(micros(Duration::from_secs(100)), "100000000.000");
    }
}
