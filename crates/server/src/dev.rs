//! The service from an empty folder, for development: nothing is configured, everything is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use valetkey_engine::Principal;
use valetkey_protocol::{Clock, InvalidValue, Secret, Subject, Tenant};

use crate::clock::SystemClock;
use crate::config::{
    AuthConfig, BucketConfig, CatalogConfig, ClassicConfig, CompatConfig, Config, EmbeddedConfig,
    ReceiptsConfig, WebhooksConfig,
};
use crate::run::Server;
use crate::{ServeError, auth, files, random, receipts};

/// The `iss` and `aud` of development tokens.
const ISSUER: &str = "valetkey-dev";
const AUDIENCE: &str = "valetkey";

/// The longest a development token may live, in seconds: a year.
const MAX_LIFETIME: u64 = 366 * 86_400;

/// How long the token in `dev.json` lives, in seconds: thirty days.
const TOKEN_LIFETIME: u64 = 30 * 86_400;

/// The bucket.
const BUCKET: &str = "files";

/// The bucket of images that everybody may read, for the classic routes.
const IMAGES: &str = "images";

/// Whom requests without a token act as there.
const ANONYMOUS: &str = "anonymous";

/// What a development server is started with. Port 0 takes any free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevOptions {
    /// Where everything is kept; made when it does not exist.
    pub data_dir: PathBuf,
    /// What is remembered where, if not in a SQLite file in that folder.
    pub catalog: Option<CatalogConfig>,
    /// Where the API listens.
    pub listen: String,
    /// Where the store listens.
    pub store_listen: String,
    /// Where `/metrics` listens; nowhere when empty.
    pub metrics_listen: String,
    /// Whether the classic routes ask for no token, and images that everybody may read have a bucket.
    pub classic: bool,
}

/// What scripts need to know: the content of `dev.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DevInfo {
    /// The URL of the API.
    pub api: String,
    /// The store.
    pub store: StoreInfo,
    /// A token for the subject `dev`, without any role.
    pub token: Secret,
    /// The URL of the metrics listener, if there is one; `/metrics` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
}

/// How to reach the store with any S3 client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreInfo {
    /// Its URL.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// Its bucket.
    pub bucket: String,
    /// The id of its key.
    pub access_key: String,
    /// The secret of its key.
    pub secret_key: Secret,
}

/// A development server, bound but not yet serving.
pub struct DevServer {
    /// How to reach it.
    pub info: DevInfo,
    server: Server,
}

impl DevServer {
    /// Serves until `shutdown`, then ends within ten seconds.
    ///
    /// # Errors
    /// A part of the service ended before it was told to.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        self.server.run(shutdown).await
    }
}

/// Makes what is missing in the folder, binds the addresses and writes `dev.json`.
///
/// # Errors
/// The folder cannot be used, or an address is taken.
pub async fn start(options: DevOptions) -> Result<DevServer, ServeError> {
    files::private_folder(&options.data_dir)?;
    let secret = files::read_or_make(&secret_path(&options.data_dir), || {
        Ok(random::secret()?.expose().to_owned())
    })?;
    let config = config(&options, auth_config(&secret))?;
    let subject = Subject::parse("dev").map_err(|error| ServeError::Token {
        why: error.to_string(),
    })?;
    let developer = Principal::new(subject, Vec::new());
    let token = token(&config.auth, &developer, TOKEN_LIFETIME)?;
    let region = config.embedded.region.clone();
    let server = Server::start(config).await?;
    let info = info(&server, region, token)?;
    let json = serde_json::to_string_pretty(&info).map_err(|error| ServeError::Damaged {
        path: options.data_dir.join("dev.json"),
        why: error.to_string(),
    })?;
    files::replace(&options.data_dir.join("dev.json"), &format!("{json}\n"))?;
    Ok(DevServer { info, server })
}

/// Makes a token for the development server that keeps its data in a folder: of somebody in a tenant.
///
/// # Errors
/// No server was ever started there, or the tenant, subject or lifetime is not allowed.
pub fn mint_token(
    data_dir: &Path,
    (tenant, sub): (&str, &str),
    roles: &[String],
    lifetime_seconds: u64,
) -> Result<String, ServeError> {
    let path = secret_path(data_dir);
    let secret = std::fs::read_to_string(&path).map_err(|error| ServeError::Token {
        why: format!(
            "{} cannot be read ({error}); start `valetkey dev` with this folder first",
            path.display()
        ),
    })?;
    let wrong = |what: &str, error: InvalidValue| ServeError::Token {
        why: format!("its {what} {error}"),
    };
    let subject = Subject::parse(sub).map_err(|error| wrong("subject", error))?;
    let tenant = Tenant::parse(tenant).map_err(|error| wrong("tenant", error))?;
    let holder = Principal::new(subject, roles.to_vec()).of_tenant(tenant);
    let token = token(&auth_config(&secret), &holder, lifetime_seconds)?;
    Ok(token.expose().to_owned())
}

fn secret_path(data_dir: &Path) -> PathBuf {
    data_dir.join("secret")
}

fn auth_config(secret: &str) -> AuthConfig {
    AuthConfig {
        secret: Secret::new(secret.trim_end()),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        max_lifetime: MAX_LIFETIME,
        ..AuthConfig::default()
    }
}

fn config(options: &DevOptions, auth: AuthConfig) -> Result<Config, ServeError> {
    let file = CatalogConfig::Sqlite(options.data_dir.join("catalog.sqlite"));
    // Wherever the catalog is: a development service is alone.
    let key_file = options.data_dir.join(receipts::FILE_NAME);
    files::read_or_make(&key_file, || Ok(receipts::new_key()?.expose().to_owned()))?;
    Ok(Config {
        receipts: ReceiptsConfig {
            key_file,
            ..ReceiptsConfig::default()
        },
        listen: options.listen.clone(),
        metrics_listen: options.metrics_listen.clone(),
        cors_origins: vec!["*".to_owned()],
        webhooks: WebhooksConfig {
            allow_http: true,
            allow_addresses: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
            ..WebhooksConfig::default()
        },
        console: true,
        compat: CompatConfig {
            classic: classic(options.classic),
        },
        buckets: buckets(options.classic),
        auth,
        catalog: file.from_environment(options.catalog.clone())?,
        embedded: EmbeddedConfig {
            data_dir: options.data_dir.clone(),
            listen: options.store_listen.clone(),
            ..EmbeddedConfig::default()
        },
        ..Config::default()
    })
}

/// The classic routes are there; only when asked for do they let in whoever has no token.
fn classic(open: bool) -> ClassicConfig {
    let when_open = |text: &str| if open { text.to_owned() } else { String::new() };
    ClassicConfig {
        enabled: true,
        images_bucket: when_open(IMAGES),
        anonymous: when_open(ANONYMOUS),
        ..ClassicConfig::default()
    }
}

fn buckets(with_images: bool) -> BTreeMap<String, BucketConfig> {
    let mut buckets = Config::default().buckets;
    if with_images {
        let mut images = BucketConfig::default();
        images.rules.public_read = true;
        images.rules.content_types = vec!["image/*".to_owned()];
        buckets.insert(IMAGES.to_owned(), images);
    }
    buckets
}

fn token(auth: &AuthConfig, holder: &Principal, lifetime: u64) -> Result<Secret, ServeError> {
    if lifetime == 0 || lifetime > auth.max_lifetime {
        return Err(ServeError::Token {
            why: format!("its lifetime must be 1 to {} seconds", auth.max_lifetime),
        });
    }
    auth::mint(auth, holder, SystemClock.now(), lifetime).map_err(|error| ServeError::Token {
        why: error.to_string(),
    })
}

fn info(server: &Server, region: String, token: Secret) -> Result<DevInfo, ServeError> {
    let missing =
        || valetkey_engine::Error::Internal("development needs the embedded store".to_owned());
    let store = server.store().ok_or_else(missing)?;
    let urls = server.urls()?;
    Ok(DevInfo {
        api: urls.api,
        store: StoreInfo {
            endpoint: store.endpoint.clone(),
            region,
            bucket: BUCKET.to_owned(),
            access_key: store.key.access_key.clone(),
            secret_key: store.key.secret_key.clone(),
        },
        token,
        metrics: urls.metrics,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_needs_a_server_a_subject_and_a_sensible_life() {
        let folder = tempfile::tempdir().unwrap();
        let mint = |sub: &str, lifetime| mint_token(folder.path(), ("", sub), &[], lifetime);
        let message = mint("alice", 60).unwrap_err().to_string();
        assert!(message.contains("start `valetkey dev`"), "{message}");
        std::fs::write(
            secret_path(folder.path()),
            "b1946ac92492d2347c6235b4d2611184",
        )
        .unwrap();
        assert_eq!(mint("alice", 60).unwrap().split('.').count(), 3);
        assert!(mint("é", 60).is_err());
        assert!(mint("alice", 0).is_err());
        assert!(mint("alice", MAX_LIFETIME + 1).is_err());
    }
}
