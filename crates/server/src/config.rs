//! The configuration: one TOML file, every key with a default, every message with a remedy.

mod auth;
mod bucket;
mod catalog;
mod compat;
mod events;
mod limits;
mod links;
mod policy;
mod receipts;
mod secret;
mod sweep;
mod telemetry;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use valetkey_protocol::Secret;

pub use crate::auth::KeyAlgorithm;
pub(crate) use auth::KeySource;
pub use auth::{AuthConfig, ClaimsConfig, KeyConfig};
pub use bucket::{Addressing, BucketConfig, BucketEncryption, Provider};
pub(crate) use catalog::Place;
pub use catalog::{CATALOG_VARIABLE, CatalogConfig};
pub use compat::{ClassicConfig, CompatConfig};
pub use events::EventsConfig;
pub use limits::{LimitsConfig, REDIS_VARIABLE, WhenAway};
pub use links::{KeptAddress, LinksConfig};
pub use policy::{ClaimConfig, PolicyConfig};
pub use receipts::ReceiptsConfig;
pub use sweep::SweepConfig;
pub use telemetry::{LogFormat, TelemetryConfig};
pub use webhooks::{EndpointConfig, WebhooksConfig};

/// The environment variable that takes the place of `auth.secret`.
pub const SECRET_VARIABLE: &str = "VALETKEY_SECRET";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}: check that it exists and may be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, or has a key or a type that is not known.
    #[error("{}, line {line}: {message}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value is wrong.
    #[error("`{key}` {problem}")]
    Invalid {
        /// Which.
        key: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the API listens.
    pub listen: String,
    /// Where `/metrics` listens; nowhere when empty.
    pub metrics_listen: String,
    /// Where clients reach the API; `http://` and the listening address when empty.
    pub public_url: String,
    /// Which web pages may call the API: exact origins, or `*` for any.
    pub cors_origins: Vec<String>,
    /// Whether `/` is the console, a page that people sign in to with a token.
    pub console: bool,
    /// How many connections each listener holds open.
    pub max_connections: usize,
    /// How log lines look.
    pub log_format: LogFormat,
    /// The bucket of requests that name none.
    pub default_bucket: String,
    /// Whose tokens hold.
    pub auth: AuthConfig,
    /// Which key receipts are signed with.
    pub receipts: ReceiptsConfig,
    /// How often the service looks after what clients left behind.
    pub sweep: SweepConfig,
    /// How fast each may ask.
    pub limits: LimitsConfig,
    /// Who may do what.
    pub policy: PolicyConfig,
    /// What is remembered of those who use links.
    pub links: LinksConfig,
    /// How many streams of events the service holds open.
    pub events: EventsConfig,
    /// Who is told what happens.
    pub webhooks: WebhooksConfig,
    /// Doors for clients of other services.
    pub compat: CompatConfig,
    /// Where traces go.
    pub telemetry: TelemetryConfig,
    /// What is remembered, and where.
    pub catalog: CatalogConfig,
    /// The store on the local disk, for buckets of the provider `embedded`.
    pub embedded: EmbeddedConfig,
    /// The buckets, by name.
    pub buckets: BTreeMap<String, BucketConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            metrics_listen: "127.0.0.1:8081".to_owned(),
            public_url: String::new(),
            cors_origins: Vec::new(),
            console: false,
            max_connections: 10_000,
            log_format: LogFormat::default(),
            default_bucket: "files".to_owned(),
            auth: AuthConfig::default(),
            receipts: ReceiptsConfig::default(),
            sweep: SweepConfig::default(),
            limits: LimitsConfig::default(),
            policy: PolicyConfig::default(),
            links: LinksConfig::default(),
            events: EventsConfig::default(),
            webhooks: WebhooksConfig::default(),
            compat: CompatConfig::default(),
            telemetry: TelemetryConfig::default(),
            catalog: CatalogConfig::default(),
            embedded: EmbeddedConfig::default(),
            buckets: BTreeMap::from([("files".to_owned(), BucketConfig::default())]),
        }
    }
}

/// The store on the local disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddedConfig {
    /// Where it keeps its bytes and its key.
    pub data_dir: PathBuf,
    /// Where it listens.
    pub listen: String,
    /// Where clients reach it; `http://` and the listening address when empty.
    pub public_endpoint: String,
    /// The region its signatures name.
    pub region: String,
    /// Which web pages may use it: exact origins, or `*` for any. Every request is signed all the same.
    pub cors_origins: Vec<String>,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("valetkey-data"),
            listen: "127.0.0.1:9000".to_owned(),
            public_endpoint: String::new(),
            region: "us-east-1".to_owned(),
            cors_origins: vec!["*".to_owned()],
        }
    }
}

impl Config {
    /// Reads a file and what it refers to: secret files, `VALETKEY_SECRET`, `VALETKEY_CATALOG`, `VALETKEY_REDIS`, `PGPASSWORD`
    /// and OpenTelemetry's variables. The catalog may be named by the command line instead.
    ///
    /// # Errors
    /// Says which file, line or key is wrong, and what to do.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge where the environment is read"
    )]
    pub fn load(path: &Path, catalog: Option<CatalogConfig>) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let mut config = Self::parse(&text, path)?;
        if let Ok(secret) = std::env::var(SECRET_VARIABLE) {
            config.auth.secret = Secret::new(secret);
            config.auth.secret_file = String::new();
        }
        config.catalog = config.catalog.from_environment(catalog)?;
        config.telemetry.read_environment();
        let redis = std::env::var(REDIS_VARIABLE).ok();
        config.limits.read_outside(redis)?;
        config.read_secret_files()?;
        config.check()?;
        Ok(config)
    }

    /// Reads the text of a file, and nothing else.
    ///
    /// # Errors
    /// Says which line is wrong; never what a line holds, for it may be a secret.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let end = error.span().map_or(0, |span| span.start);
            ConfigError::Parse {
                path: path.to_owned(),
                line: text[..end.min(text.len())].matches('\n').count() + 1,
                message: error.message().replace('\n', " "),
            }
        })
    }

    /// Checks every value that can be checked before anything is opened or bound.
    ///
    /// # Errors
    /// Names the first key whose value cannot be used, and the remedy.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_address("listen", &self.listen)?;
        if !self.metrics_listen.is_empty() {
            check_address("metrics_listen", &self.metrics_listen)?;
        }
        check_reach("public_url", &self.public_url, "listen", &self.listen)?;
        self.auth.check()?;
        self.receipts.check(self.catalog.folder().is_some())?;
        self.catalog.check()?;
        self.sweep.check()?;
        self.links.check()?;
        self.limits.check()?;
        self.policy.check()?;
        self.events.check()?;
        self.telemetry.check()?;
        for (key, origins) in [
            ("cors_origins", &self.cors_origins),
            ("embedded.cors_origins", &self.embedded.cors_origins),
        ] {
            for origin in origins.iter().filter(|origin| *origin != "*") {
                check_origin(key, origin)?;
            }
        }
        if self.max_connections == 0 {
            return Err(invalid("max_connections", "is 0: set it to 1 or more"));
        }
        if !self.buckets.contains_key(&self.default_bucket) {
            let problem = "names no bucket of this file: add it under [buckets], or name another";
            return Err(invalid("default_bucket", problem));
        }
        self.check_buckets()?;
        self.webhooks
            .check(|bucket| self.buckets.contains_key(bucket))?;
        let classic = &self.compat.classic;
        classic.check(&self.buckets, &self.default_bucket)?;
        if self.uses_embedded() {
            let (key, listen) = ("embedded.listen", &self.embedded.listen);
            check_address(key, listen)?;
            check_reach(
                "embedded.public_endpoint",
                &self.embedded.public_endpoint,
                key,
                listen,
            )?;
        }
        Ok(())
    }

    /// Two of the same place would each take the other's objects for nobody's.
    fn check_buckets(&self) -> Result<(), ConfigError> {
        let mut places = BTreeMap::new();
        for (name, bucket) in &self.buckets {
            bucket.check(name)?;
            if let Some(other) = places.insert(bucket.place(name), name) {
                let problem = format!(
                    "is the same storage bucket as buckets.{other}: give each one of its own, or keep one of the two"
                );
                return Err(invalid(format!("buckets.{name}"), problem));
            }
        }
        Ok(())
    }

    /// Whether any bucket lies in the embedded store.
    pub(crate) fn uses_embedded(&self) -> bool {
        let mut buckets = self.buckets.values();
        buckets.any(|bucket| bucket.provider == Provider::Embedded)
    }

    fn read_secret_files(&mut self) -> Result<(), ConfigError> {
        self.auth.read_files()?;
        for endpoint in &mut self.webhooks.endpoints {
            let key = format!("webhooks.endpoints.{}.secret", endpoint.id);
            take_file(&key, &mut endpoint.secret, &endpoint.secret_file)?;
        }
        for (name, bucket) in &mut self.buckets {
            let key = format!("buckets.{name}.secret_access_key");
            take_file(
                &key,
                &mut bucket.secret_access_key,
                &bucket.secret_access_key_file,
            )?;
        }
        Ok(())
    }
}

/// Puts what a file holds in the place of a secret.
fn take_file(key: &str, secret: &mut Secret, file: &str) -> Result<(), ConfigError> {
    if file.is_empty() {
        return Ok(());
    }
    if !secret.expose().is_empty() {
        return Err(invalid(
            key,
            format!("stands beside `{key}_file`: keep one of the two"),
        ));
    }
    *secret = Secret::new(read(Path::new(file))?.trim_end_matches(['\r', '\n']));
    Ok(())
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

fn check_address(key: &str, address: &str) -> Result<(), ConfigError> {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && is_port(port) => Ok(()),
        _ => Err(invalid(
            key,
            "is no address: write host and port, such as 127.0.0.1:8080",
        )),
    }
}

/// Checks a base URL; one may be left out only where the listening address is one that clients can use.
fn check_reach(key: &str, url: &str, listen_key: &str, listen: &str) -> Result<(), ConfigError> {
    if !url.is_empty() {
        return bucket::check_url(key, url);
    }
    let everywhere = listen
        .parse::<SocketAddr>()
        .is_ok_and(|address| address.ip().is_unspecified());
    if everywhere {
        let problem = format!(
            "is empty, and clients cannot be sent to `{listen_key}` {listen}: set it to the URL they use"
        );
        return Err(invalid(key, problem));
    }
    Ok(())
}

/// Checks an origin (RFC 6454 §6.2): scheme, host and maybe a port, as browsers send it.
fn check_origin(key: &str, origin: &str) -> Result<(), ConfigError> {
    let host = origin.split_once("://").map(|(_, host)| host);
    match host {
        Some(host)
            if !host.is_empty()
                && !host.contains(['/', '?', '#', '@', '*'])
                && origin.is_ascii() =>
        {
            Ok(())
        }
        _ => Err(invalid(
            key,
            "has something that is no origin: write https://app.example.com, without a path, or *",
        )),
    }
}

fn invalid(key: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key: key.into(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests;
