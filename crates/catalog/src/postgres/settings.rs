//! Where PostgreSQL is and how to reach it: libpq's URLs
//! (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>), and nothing that shows a
//! password.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use valetkey_protocol::Secret;

use super::tls::{Trust, Verification};

/// How long one host may take to answer a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// When a silent peer is asked whether it lives, and how long sent bytes may stay unconfirmed before it counts as gone.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_RETRIES: u32 = 3;
const UNCONFIRMED: Duration = Duration::from_secs(10);

/// A PostgreSQL database, or several servers of which one takes writes. Neither Debug nor Display show a password.
#[derive(Clone)]
pub struct Settings {
    /// One for each host of the URL, to be tried in this order.
    pub(super) hosts: Vec<Config>,
    pub(super) trust: Trust,
    pub(super) password_file: Option<PathBuf>,
    shown: String,
}

impl Settings {
    /// Reads a URL, `postgres://user@host:port,host:port/database?sslmode=verify-full`; `password` is what it is
    /// without one.
    ///
    /// Of libpq's parameters it takes those that tokio-postgres knows, and `sslmode`, `sslrootcert`, `sslcert` and
    /// `sslkey`; and one more, `password_file`, which is read at every connection.
    ///
    /// # Errors
    /// Says what is wrong with it and what to do, without showing it.
    pub fn parse(url: &str, password: Option<&Secret>) -> Result<Self, String> {
        let url = Url::cut(url)?;
        let mut own = Own::default();
        let mut rest = Vec::new();
        for pair in url.query.split('&').filter(|pair| !pair.is_empty()) {
            if !own.take(pair)? {
                rest.push(pair);
            }
        }
        let mut hosts = url.hosts(&rest.join("&"))?;
        let names: Vec<_> = rest
            .iter()
            .filter_map(|pair| pair.split('=').next())
            .collect();
        for config in &mut hosts {
            complete(config, &names, own.verification.ssl_mode());
            if let (None, Some(password)) = (config.get_password(), password) {
                config.password(password.expose());
            }
        }
        let doubled = own.password_file.is_some() && hosts.iter().any(has_password);
        if doubled {
            return Err("has a password beside `password_file`: keep one of the two".to_owned());
        }
        Ok(Self {
            shown: show(&hosts)?,
            hosts,
            trust: own.trust()?,
            password_file: own.password_file,
        })
    }

    /// Whether a URL carries a password by itself.
    pub fn has_password(url: &str) -> bool {
        let hosts = Url::cut(url).and_then(|url| url.hosts(url.query));
        // What cannot be read is taken for a secret.
        hosts.map_or(true, |hosts| hosts.iter().any(has_password))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.shown).finish()
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The pieces of a URL, cut where tokio-postgres would cut it.
struct Url<'u> {
    /// `user:password@`, or nothing.
    credentials: &'u str,
    hosts: &'u str,
    /// `/database`, or nothing.
    path: &'u str,
    query: &'u str,
}

impl<'u> Url<'u> {
    fn cut(url: &'u str) -> Result<Self, String> {
        let rest = ["postgres://", "postgresql://"]
            .into_iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .ok_or("must begin with postgres://")?;
        let (credentials, rest) = match rest.find('@') {
            Some(at) => rest.split_at(at + 1),
            None => ("", rest),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if rest.contains('@') || rest.contains('#') {
            return Err(
                "has an @ or a # where none can be: write %40 or %23 for one in a password"
                    .to_owned(),
            );
        }
        let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(Self {
            credentials,
            hosts,
            path,
            query,
        })
    }

    /// One configuration for each host.
    fn hosts(&self, query: &str) -> Result<Vec<Config>, String> {
        let Self {
            credentials, path, ..
        } = self;
        let hosts = self.hosts.split(',');
        let configs = hosts.map(|host| {
            let url = format!("postgres://{credentials}{host}{path}?{query}");
            let config = url.parse::<Config>();
            config.map_err(|error| match std::error::Error::source(&error) {
                Some(why) => format!("is not a URL of PostgreSQL: {why}"),
                None => "is not a URL of PostgreSQL".to_owned(),
            })
        });
        configs.collect()
    }
}

/// The parameters that are read here and not by tokio-postgres.
#[derive(Default)]
struct Own {
    verification: Verification,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    password_file: Option<PathBuf>,
}

impl Own {
    /// Takes a parameter, if it is one of these.
    fn take(&mut self, pair: &str) -> Result<bool, String> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| format!("has a {name} that is not UTF-8"))?;
        let set = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        match name {
            "sslmode" => self.verification = Verification::parse(&value)?,
            "sslrootcert" => self.root = set(&value),
            "sslcert" => self.certificate = set(&value),
            "sslkey" => self.key = set(&value),
            "password_file" => self.password_file = set(&value).map(PathBuf::from),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn trust(&self) -> Result<Trust, String> {
        let identity = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => return Err("needs both `sslcert` and `sslkey`, or neither".to_owned()),
        };
        Ok(Trust {
            verification: self.verification,
            root: self.root.clone(),
            identity,
        })
    }
}

/// Sets what the URL leaves open.
fn complete(config: &mut Config, given: &[&str], tls: SslMode) {
    let open = |name| !given.contains(&name);
    config.ssl_mode(tls);
    if open("application_name") {
        config.application_name("valetkey");
    }
    if open("connect_timeout") {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if open("tcp_user_timeout") {
        config.tcp_user_timeout(UNCONFIRMED);
    }
    if open("keepalives_idle") {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if open("keepalives_interval") {
        config.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if open("keepalives_retries") {
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
    if open("target_session_attrs") {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

fn has_password(config: &Config) -> bool {
    config.get_password().is_some()
}

/// The database in messages: who, where and which.
fn show(hosts: &[Config]) -> Result<String, String> {
    let mut places = Vec::new();
    for config in hosts {
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("names no host".to_owned());
        }
        for (index, host) in config.get_hosts().iter().enumerate() {
            let ports = config.get_ports();
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            places.push(match host {
                Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            });
        }
        places.extend(config.get_hostaddrs().iter().map(ToString::to_string));
    }
    let first = hosts.first().ok_or("names no host")?;
    let user = first
        .get_user()
        .map_or(String::new(), |user| format!("{user}@"));
    let database = first.get_dbname().or(first.get_user()).unwrap_or_default();
    Ok(format!("postgres://{user}{}/{database}", places.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Settings {
        Settings::parse(url, None).unwrap()
    }

    #[test]
    fn nothing_shows_a_password() {
        let url = "postgres://app:hunter2@db.example:6432/files?sslmode=disable";
        let settings = parse(url);
        assert_eq!(settings.to_string(), "postgres://app@db.example:6432/files");
        let shown = format!("{settings:?} {settings} {:?}", settings.hosts);
        assert!(!shown.contains("hunter2"), "{shown}");
        for wrong in [
            "postgres://app:hunter2@db:port/files",
            "postgres://app:hun@hunter2@db/files",
            "postgres://app:hunter2@db/files?hunter=2&sslmode=hunter2",
            "postgres://app:hunter2@db/files?password_file=/x",
            "mysql://app:hunter2@db/files",
        ] {
            let message = Settings::parse(wrong, None).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        assert!(Settings::has_password("postgres://app:hunter2@db/files"));
        assert!(Settings::has_password(
            "postgres://app@db/files?password=hunter2"
        ));
        assert!(Settings::has_password("what is this"));
        assert!(!Settings::has_password("postgres://app@db/files"));
    }

    #[test]
    fn a_password_from_outside_fills_in_where_the_url_has_none() {
        let secret = Secret::new("outside");
        let password = |url| {
            let settings = Settings::parse(url, Some(&secret)).unwrap();
            settings.hosts[0].get_password().unwrap().to_vec()
        };
        assert_eq!(password("postgres://app@db/files"), b"outside");
        assert_eq!(password("postgres://app:in%40side@db/files"), b"in@side");
    }

    #[test]
    fn each_host_is_tried_by_itself_and_must_take_writes() {
        let settings = parse("postgresql://app@one,two:6432,[::1]/files?application_name=x");
        assert_eq!(
            settings.to_string(),
            "postgres://app@one:5432,two:6432,[::1]:5432/files"
        );
        assert_eq!(settings.hosts.len(), 3);
        for host in &settings.hosts {
            assert_eq!(
                host.get_target_session_attrs(),
                TargetSessionAttrs::ReadWrite
            );
            assert_eq!(host.get_application_name(), Some("x"));
            assert_eq!(host.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        }
        let any = parse("postgres:///files?host=/run/postgresql&target_session_attrs=any");
        assert_eq!(any.to_string(), "postgres:///run/postgresql:5432/files");
        let attributes = any.hosts[0].get_target_session_attrs();
        assert_eq!(attributes, TargetSessionAttrs::Any);
    }

    #[test]
    fn what_cannot_be_used_says_what_to_do() {
        for (url, remedy) in [
            ("postgres:///files", "names no host"),
            ("postgres://db/files?sslmode=allow", "sslmode"),
            ("postgres://db/files?sslcert=/a", "both"),
            ("postgres://db/files?colour=red", "colour"),
        ] {
            let message = Settings::parse(url, None).unwrap_err();
            assert!(message.contains(remedy), "{message}");
        }
    }
}
