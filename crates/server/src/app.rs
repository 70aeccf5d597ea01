//! The wiring: the one place that chooses the concrete catalog, stores, clock and ids.

pub(crate) mod catalog;
mod limits;
mod s3;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use valetkey_embedded::{AccessKey, CorsRules, EmbeddedStore, Options};
use valetkey_engine::{Bucket, Engine, EngineParts, WebhookParts, Webhooks};
use valetkey_protocol::{Clock, ObjectKey};
use valetkey_store::s3::{AddressingStyle, Credentials, S3Store};
use valetkey_store::{GetGrant, Guarded, StoreError, Validity};

use crate::auth::{KeyWorker, Verifier};
use crate::clock::{SystemClock, Uptime};
use crate::compat::anonymous::Anonymous;
use crate::config::{BucketConfig, Config, EmbeddedConfig, Provider};
use crate::door::Door;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::policies::{PolicySource, PolicyWorker};
use crate::random::{FileIds, RequestIds};
use crate::receipts::ReceiptKeys;
use crate::store_key::StoreKey;
use crate::streams::Streams;
use crate::webhooks::{HttpSender, SenderOptions, WebhookWorker};
use crate::worker::Workers;
use crate::{ServeError, api, console, files, listen, random};

/// The service, bound and put together; [`crate::run`] serves it.
pub(crate) struct App {
    pub(crate) listeners: Listeners,
    pub(crate) router: axum::Router,
    pub(crate) workers: Workers,
    pub(crate) webhooks: WebhookWorker,
    pub(crate) keys: KeyWorker,
    pub(crate) policies: PolicyWorker,
    pub(crate) store: Option<OpenStore>,
    pub(crate) metrics: Arc<Metrics>,
    /// Ends everything but the store, streams too.
    pub(crate) stop: CancellationToken,
    pub(crate) max_connections: usize,
}

/// The addresses the service holds.
pub(crate) struct Listeners {
    pub(crate) api: TcpListener,
    pub(crate) metrics: Option<TcpListener>,
    pub(crate) store: Option<TcpListener>,
}

/// The embedded store, and who may reach it where.
pub(crate) struct OpenStore {
    pub(crate) store: EmbeddedStore,
    pub(crate) key: StoreKey,
    /// Where this process reaches it.
    pub(crate) endpoint: String,
    /// Where clients reach it.
    pub(crate) public_endpoint: String,
}

/// Puts the service together. Addresses are bound first, so that the URLs it signs are true ones even
/// when it was told to take any port.
///
/// # Errors
/// The first part that cannot be had, and what to do about it.
pub(crate) async fn assemble(config: Config) -> Result<App, ServeError> {
    config.check()?;
    let listeners = Listeners::bind(&config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = match &listeners.store {
        Some(listener) => Some(open_store(&config, local_address(listener)?, &clock).await?),
        None => None,
    };
    let metrics = Arc::new(Metrics::default());
    let wiring = Wiring {
        embedded: store.as_ref(),
        embedded_config: &config.embedded,
        clock: &clock,
        uptime: Arc::new(Uptime::start()),
        metrics: &metrics,
    };
    let buckets = wiring.open_buckets(&config)?;
    let storage = storage_origins(&buckets, clock.now())?;
    let public_url = or_address(&config.public_url, local_address(&listeners.api)?);
    let policies = Arc::new(PolicySource::new(&config));
    let engine = open_engine(&config, &wiring, buckets, &policies, &public_url).await?;
    let webhooks = open_webhooks(&config, &engine).await?;
    let (limits, counting) = limits::open(&config.limits, &wiring).await?;
    let source = Arc::clone(&policies);
    let door = Arc::new(open_door(&config, &wiring, &engine, limits, source)?);
    let keys = door.verifier.worker();
    let stop = CancellationToken::new();
    let streams = Streams::new(config.events, metrics.event_streams(), stop.clone());
    let (shared, told) = (Arc::clone(&engine), Arc::clone(&webhooks));
    let (streams, behind) = (Arc::new(streams), Arc::clone(&door));
    let mut router = api::router(shared, streams, told, behind, &config, &storage);
    if config.console {
        router = router.merge(console::router(door, &storage));
    }
    Ok(App {
        router,
        listeners,
        policies: PolicyWorker {
            source: policies,
            engine: Arc::clone(&engine),
            metrics: Arc::clone(&metrics),
        },
        workers: Workers {
            engine,
            metrics: Arc::clone(&metrics),
            config: config.sweep,
            limits: counting,
            links: config.links,
        },
        webhooks: WebhookWorker::new(webhooks, &metrics, config.webhooks.concurrency),
        keys,
        store,
        metrics,
        stop,
        max_connections: config.max_connections.min(files::room_for_connections()),
    })
}

/// The use cases, over what was chosen.
async fn open_engine(
    config: &Config,
    wiring: &Wiring<'_>,
    buckets: Vec<Bucket>,
    policies: &PolicySource,
    public_url: &str,
) -> Result<Arc<Engine>, ServeError> {
    let parts = EngineParts {
        catalog: catalog::open(&config.catalog).await?,
        buckets,
        default_bucket: config.default_bucket.clone(),
        clock: Arc::clone(wiring.clock),
        ids: Arc::new(FileIds::default()),
        observer: wiring.metrics.clone(),
        receipts: Arc::new(open_receipts(config)?),
        policies: policies.read()?,
        secret: config.auth.secret.clone(),
        public_url: public_url.trim_end_matches('/').to_owned(),
        history: config.sweep.history(),
    };
    Ok(Arc::new(Engine::new(parts)?))
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, ServeError> {
        let metrics = match config.metrics_listen.as_str() {
            "" => None,
            address => Some(bind(address, "metrics_listen", "--metrics-listen").await?),
        };
        let store = match config.uses_embedded() {
            false => None,
            true => Some(bind(&config.embedded.listen, "embedded.listen", "--store-listen").await?),
        };
        Ok(Self {
            api: bind(&config.listen, "listen", "--listen").await?,
            metrics,
            store,
        })
    }
}

/// Takes an address; `key` and `flag` are what sets it.
///
/// # Errors
/// It is taken, or cannot be listened on.
pub(crate) async fn bind(
    address: &str,
    key: &'static str,
    flag: &'static str,
) -> Result<TcpListener, ServeError> {
    let address = address.to_owned();
    match listen::bind(&address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err(ServeError::Busy { address, key, flag })
        }
        Err(source) => Err(ServeError::Listen {
            address,
            key,
            flag,
            source,
        }),
    }
}

/// The address a listener got.
///
/// # Errors
/// The machine does not tell it.
pub(crate) fn local_address(listener: &TcpListener) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(|source| ServeError::Listen {
        address: "an address".to_owned(),
        key: "listen",
        flag: "--listen",
        source,
    })
}

/// The URL of a listener for programs on this machine.
pub(crate) fn local_url(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

fn or_address(url: &str, address: SocketAddr) -> String {
    match url {
        "" => local_url(address),
        url => url.to_owned(),
    }
}

/// The name of the store, below which buckets have hosts of their own: `localhost` when it has only an address.
fn domain_of(endpoint: &str) -> &str {
    let host = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, host)| host);
    let name = host.split(['/', ':']).next().unwrap_or_default();
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain)
    };
    match name.parse::<IpAddr>() {
        Err(_) if name.split('.').all(is_label) => name,
        _ => "localhost",
    }
}

/// The keys of receipts. One that is made lies beside the catalog, for it belongs to the same files.
fn open_receipts(config: &Config) -> Result<ReceiptKeys, ServeError> {
    let folder = config.catalog.folder();
    ReceiptKeys::open(&config.receipts, folder.unwrap_or(Path::new("")))
}

fn open_door(
    config: &Config,
    wiring: &Wiring<'_>,
    engine: &Arc<Engine>,
    limits: Limits,
    policies: Arc<PolicySource>,
) -> Result<Door, ServeError> {
    let metrics = wiring.metrics;
    Ok(Door {
        verifier: Verifier::new(
            &config.auth,
            &config.policy,
            Arc::clone(wiring.clock),
            metrics,
        )?,
        keys: engine.clone(),
        policies,
        limits: Arc::new(limits),
        metrics: Arc::clone(metrics),
        request_ids: RequestIds::new()?,
        traced: !config.telemetry.otlp_endpoint.is_empty(),
        anonymous: Anonymous::of(config)?,
    })
}

/// Whoever tells others what happens, with the endpoints of the configuration.
async fn open_webhooks(config: &Config, engine: &Arc<Engine>) -> Result<Arc<Webhooks>, ServeError> {
    let options = SenderOptions {
        allow_http: config.webhooks.allow_http,
        allowed: config.webhooks.networks()?,
        ..SenderOptions::default()
    };
    let webhooks = Webhooks::new(WebhookParts {
        engine: Arc::clone(engine),
        sender: Arc::new(HttpSender::new(options)?),
        secret: config.auth.secret.clone(),
        endpoints: config.webhooks.configured(),
    })?;
    webhooks.reconcile().await?;
    Ok(Arc::new(webhooks))
}

async fn open_store(
    config: &Config,
    address: SocketAddr,
    clock: &Arc<dyn Clock>,
) -> Result<OpenStore, ServeError> {
    let embedded = &config.embedded;
    files::private_folder(&embedded.data_dir)?;
    let key = StoreKey::read_or_make(&embedded.data_dir)?;
    let inside = config.buckets.iter();
    let inside = inside.filter(|(_, bucket)| bucket.provider == Provider::Embedded);
    let names: BTreeSet<_> = inside
        .map(|(name, bucket)| bucket.storage_name(name))
        .collect();
    let clock = Arc::clone(clock);
    let public_endpoint = or_address(&embedded.public_endpoint, address);
    let options = Options {
        data_dir: embedded.data_dir.join("store"),
        region: embedded.region.clone(),
        access_key: AccessKey::new(&key.access_key, key.secret_key.expose()),
        cors: CorsRules {
            allowed_origins: embedded.cors_origins.clone(),
            ..CorsRules::default()
        },
        buckets: names.into_iter().map(str::to_owned).collect(),
        domain: Some(domain_of(&public_endpoint).to_owned()),
        clock: Arc::new(move || clock.now()),
    };
    Ok(OpenStore {
        store: tokio::task::spawn_blocking(move || EmbeddedStore::open(options)).await??,
        key,
        endpoint: local_url(address),
        public_endpoint,
    })
}

/// What every bucket is put together with.
struct Wiring<'a> {
    embedded: Option<&'a OpenStore>,
    embedded_config: &'a EmbeddedConfig,
    clock: &'a Arc<dyn Clock>,
    uptime: Arc<Uptime>,
    metrics: &'a Arc<Metrics>,
}

impl Wiring<'_> {
    fn open_buckets(&self, config: &Config) -> Result<Vec<Bucket>, ServeError> {
        let buckets = config.buckets.iter();
        let buckets = buckets.map(|(name, bucket)| self.open_bucket(name, bucket));
        buckets.collect()
    }

    fn open_bucket(&self, name: &str, config: &BucketConfig) -> Result<Bucket, ServeError> {
        let mut settings = s3::settings(name, config)?;
        if let (Provider::Embedded, Some(open)) = (config.provider, self.embedded) {
            settings.endpoint.clone_from(&open.endpoint);
            settings.public_endpoint = Some(open.public_endpoint.clone());
            settings.region.clone_from(&self.embedded_config.region);
            settings.addressing = AddressingStyle::Path;
            let secret = open.key.secret_key.expose();
            settings.credentials = Credentials::new(&open.key.access_key, secret);
        }
        let clock = Arc::clone(self.clock);
        let store = S3Store::new(settings, clock).map_err(|source| ServeError::Bucket {
            bucket: name.to_owned(),
            source,
        })?;
        let (observer, uptime) = (Arc::clone(self.metrics), Arc::clone(&self.uptime));
        let guarded = Guarded::new(Arc::new(store), name, observer, uptime, random::seed()?);
        Ok(Bucket {
            name: name.to_owned(),
            rules: config.rules.clone(),
            store: Arc::new(guarded),
        })
    }
}

/// Where clients reach storage: the origins of what is signed for them, whatever the style of its addresses.
fn storage_origins(buckets: &[Bucket], now: Timestamp) -> Result<BTreeSet<String>, ServeError> {
    let origins = buckets.iter().map(|bucket| {
        origin(bucket, now).map_err(|source| ServeError::Bucket {
            bucket: bucket.name.clone(),
            source,
        })
    });
    origins.collect()
}

fn origin(bucket: &Bucket, now: Timestamp) -> Result<String, StoreError> {
    let key = ObjectKey::parse("any").map_err(|error| StoreError::Unsignable {
        why: error.to_string(),
    })?;
    let get = GetGrant {
        key: &key,
        content_type: "text/plain",
        content_disposition: "inline",
    };
    let signed = bucket
        .store
        .presign_get(&get, Validity { now, seconds: 1 })?;
    let url = signed.url.expose();
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    Ok(url[..end].to_owned())
}
