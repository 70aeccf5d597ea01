//! The whole service inside this process, on a clock that is moved by hand: engine, catalog, and the embedded
//! store behind a real socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::Catalog;
use valetkey_engine::{
    Bucket, BucketRules, Engine, EngineParts, Ids, Observer, Policies, Principal, ReceiptSigner,
    SweepReport,
};
use valetkey_protocol::sweep::{Finding, FindingKind};
use valetkey_protocol::upload::State;
use valetkey_protocol::{Clock, FileId, Jwks, PresignedRequest, Receipt, Secret, Subject};
use valetkey_store::s3::{AddressingStyle, AtRest, Credentials, S3Settings, S3Store, Timeouts};
use valetkey_store::{
    Backoff, BreakerState, Guarded, Monotonic, ObjectStore, Operation, Outcome, StoreObserver,
};

use crate::catalog;
use crate::clock::{HandClock, Stopwatch};
use crate::error::{At, Failure, Outcome as Result};
use crate::host::{BUCKET, Host};
use crate::token;

/// Longer than anything lasts: a session, its URLs, and their grace.
pub const HORIZON_SECONDS: i64 = 3 * 86_400;
/// After so many sweeps there must be nothing left to do.
const SWEEPS: usize = 200;

/// How a machine is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The folder of a service, or an empty one.
    pub folder: PathBuf,
    /// Which catalog it is, as a configuration says it.
    pub catalog: String,
    /// What time it is.
    pub now: Timestamp,
    /// How far the store's clock is ahead, in seconds.
    pub store_ahead: i64,
    /// Whether storage is guarded by a breaker, as in the server; what it learns does not follow the clock.
    pub guarded: bool,
    /// The rules of its bucket.
    pub rules: BucketRules,
}

impl Opening {
    /// With the rules every service here has, and the catalog of the folder.
    pub fn new(folder: &Path, now: Timestamp) -> Self {
        Self {
            folder: folder.to_owned(),
            catalog: catalog::of(folder),
            now,
            store_ahead: 0,
            guarded: false,
            rules: rules(),
        }
    }
}

/// The rules of every service here: small files in one PUT, parts as small as S3 allows.
pub fn rules() -> BucketRules {
    BucketRules {
        single_limit: 1024 * 1024,
        part_size: 5 * 1024 * 1024,
        max_open_uploads: 100_000,
        ..BucketRules::default()
    }
}

/// The service in this process.
pub struct Machine {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// What is remembered.
    pub catalog: Arc<dyn Catalog>,
    /// The bucket, as the engine commands it.
    pub store: Arc<S3Store>,
    /// The store behind it.
    pub host: Host,
    /// What time it is.
    pub clock: Arc<HandClock>,
    /// What time it is for the store.
    pub store_clock: Arc<HandClock>,
    client: reqwest::Client,
}

impl Machine {
    /// Opens the catalog and the store of a folder.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub async fn open(opening: Opening) -> Result<Self> {
        let clock = Arc::new(HandClock::at(opening.now));
        let store_clock = Arc::new(HandClock::at(opening.now));
        store_clock.forward(opening.store_ahead);
        let catalog = catalog::open(&opening.catalog).await?;
        let host = Host::open(&opening.folder, store_clock.clone()).await?;
        let store = Arc::new(store_at(&host, clock.clone())?);
        store.ping().await.at("the store of a machine")?;
        let guarded: Arc<dyn ObjectStore> = match opening.guarded {
            true => guard(store.clone()),
            false => store.clone(),
        };
        Ok(Self {
            engine: engine(catalog.clone(), guarded, clock.clone(), opening.rules)?,
            catalog,
            store,
            host,
            clock,
            store_clock,
            client: reqwest::Client::new(),
        })
    }

    /// One more server on the same catalog, which must be PostgreSQL, the same storage and the same clock.
    ///
    /// # Errors
    /// The catalog cannot be opened.
    pub async fn replica(&self, opening: &Opening) -> Result<Arc<Engine>> {
        let catalog = catalog::open(&opening.catalog).await?;
        let (store, clock) = (self.store.clone(), self.clock.clone());
        engine(catalog, store, clock, opening.rules.clone())
    }

    /// Moves both clocks on.
    pub fn forward(&self, seconds: i64) {
        self.clock.forward(seconds);
        self.store_clock.forward(seconds);
    }

    /// Sends a presigned request with these bytes; gives the status.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn put(&self, request: &PresignedRequest, bytes: Bytes) -> Result<u16> {
        let mut put = self
            .client
            .put(request.url.expose())
            .header("content-length", bytes.len())
            .body(bytes);
        for (name, value) in &request.headers {
            put = put.header(name, value);
        }
        let answer = put.send().await.map_err(reqwest::Error::without_url)?;
        Ok(answer.status().as_u16())
    }

    /// Fetches a presigned URL; gives status and bytes.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn fetch(&self, url: &str) -> Result<(u16, Bytes)> {
        let answer = self.client.get(url).send().await;
        let answer = answer.map_err(reqwest::Error::without_url)?;
        Ok((answer.status().as_u16(), answer.bytes().await?))
    }

    /// Sweeps until nothing is due any more.
    ///
    /// # Errors
    /// The catalog does not answer, or there is always something left.
    pub async fn sweep(&self) -> Result<()> {
        let mut last = Vec::new();
        for _ in 0..SWEEPS {
            last = self.engine.sweep_due().await?;
            if last.is_empty() {
                return Ok(());
            }
        }
        let report = SweepReport::of(&last);
        Err(Failure::new(format!(
            "sweeping does not come to an end: {report:?}"
        )))
    }

    /// Holds storage and catalog against each other, as the service does; gives what it found.
    ///
    /// # Errors
    /// The catalog or storage do not answer.
    pub async fn survey(&self) -> Result<Vec<Finding>> {
        let mut all = Vec::new();
        let names: Vec<_> = self.engine.bucket_names().collect();
        for bucket in names {
            loop {
                let surveyed = self.engine.survey_bucket(bucket, SignedDuration::ZERO);
                let surveyed = surveyed.await?;
                let Some(surveyed) = surveyed else {
                    return Err(Failure::new("somebody else surveys"));
                };
                let untold = |one: &Finding| one.kind == FindingKind::NotSurveyed;
                if let Some(finding) = surveyed.findings.iter().find(|one| untold(one)) {
                    return Err(Failure::new(format!("not surveyed: {finding:?}")));
                }
                all.extend(surveyed.findings);
                if surveyed.ended {
                    break;
                }
            }
        }
        Ok(all)
    }

    /// Lets all time pass that anything may take, sweeps and surveys.
    ///
    /// # Errors
    /// As [`Machine::sweep`] and [`Machine::survey`].
    pub async fn settle(&self) -> Result<Vec<Finding>> {
        self.forward(HORIZON_SECONDS);
        self.sweep().await.at("settling")?;
        self.forward(HORIZON_SECONDS);
        self.sweep().await.at("settling once more")?;
        self.survey().await.at("surveying")
    }

    /// Lets go of the folder.
    pub async fn close(self) {
        drop(self.engine);
        self.host.close().await;
        let catalog = self.catalog;
        let _ = tokio::task::spawn_blocking(move || drop(catalog)).await;
    }
}

/// The use cases, over these ports.
fn engine(
    catalog: Arc<dyn Catalog>,
    store: Arc<dyn ObjectStore>,
    clock: Arc<HandClock>,
    rules: BucketRules,
) -> Result<Arc<Engine>> {
    let engine = Engine::new(EngineParts {
        catalog,
        buckets: vec![Bucket {
            name: BUCKET.to_owned(),
            rules,
            store,
        }],
        default_bucket: BUCKET.to_owned(),
        clock,
        ids: Arc::new(CountedIds::default()),
        observer: Arc::new(Nobody(Stopwatch::start())),
        receipts: Arc::new(Nobody(Stopwatch::start())),
        policies: Policies::built_in().map_err(|error| Failure::new(error.to_string()))?,
        secret: Secret::new(token::SECRET),
        public_url: "http://127.0.0.1".to_owned(),
        history: None,
    });
    let engine = engine.map_err(|error| Failure::new(format!("{error:?}")))?;
    Ok(Arc::new(engine))
}

/// The bucket of a store in this process, as the server commands it.
///
/// # Errors
/// Its settings do not fit together.
pub fn store_at(host: &Host, clock: Arc<dyn Clock>) -> Result<S3Store> {
    Ok(S3Store::new(settings(host), clock)?)
}

/// Somebody who uses it.
///
/// # Errors
/// That cannot be anybody's name.
pub fn user(subject: &str) -> Result<Principal> {
    Ok(Principal::new(Subject::parse(subject)?, Vec::new()))
}

fn guard(store: Arc<S3Store>) -> Arc<dyn ObjectStore> {
    let nobody = Arc::new(Nobody(Stopwatch::start()));
    Arc::new(Guarded::new(store, BUCKET, nobody.clone(), nobody, 1))
}

/// Watches the calls to storage and keeps nothing; its receipts are worth as much.
struct Nobody(Stopwatch);

impl StoreObserver for Nobody {
    fn called(&self, _: &str, _: Operation, _: Outcome, _: Duration) {}

    fn breaker(&self, _: &str, _: BreakerState) {}

    fn clock(&self, _: &str, _: i64) {}
}

impl Observer for Nobody {
    fn entered(&self, _: &str, _: State, _: u64) {}

    fn issued_download(&self, _: &str) {}
}

impl ReceiptSigner for Nobody {
    fn sign(&self, _: &Receipt) -> std::result::Result<String, String> {
        Ok(String::new())
    }

    fn keys(&self) -> &Jwks {
        const { &Jwks { keys: Vec::new() } }
    }
}

impl Monotonic for Nobody {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

fn settings(host: &Host) -> S3Settings {
    S3Settings {
        endpoint: host.url.clone(),
        public_endpoint: None,
        region: "us-east-1".to_owned(),
        bucket: BUCKET.to_owned(),
        addressing: AddressingStyle::Path,
        credentials: Credentials::new(&host.key.access_key, &host.key.secret_key),
        checksum_algorithm: rules().checksum_algorithm,
        credentials_end: None,
        expected_bucket_owner: None,
        at_rest: AtRest::default(),
        timeouts: Timeouts::default(),
        backoff: Backoff {
            base: Duration::from_millis(1),
            cap: Duration::from_millis(4),
            seed: 1,
        },
    }
}

/// Ids that rise with time and count.
#[derive(Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    #[expect(clippy::expect_used, reason = "the version is written into the bits")]
    fn file_id(&self, now: Timestamp) -> FileId {
        let count = u128::from(self.0.fetch_add(1, Ordering::SeqCst));
        let millis = u128::try_from(now.as_millisecond()).unwrap_or_default();
        let bits = (millis << 80) | (0x7 << 76) | (0x2 << 62) | count;
        FileId::from_uuid(uuid::Uuid::from_u128(bits)).expect("a version 7 UUID")
    }
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
