//! An engine over a real catalog, a store in memory that can misbehave on demand, and a clock that
//! stands still until it is told to go on.

mod catalog;
pub(crate) mod memory;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use valetkey_catalog::Catalog;
use valetkey_engine::{
    ADMIN, Bucket, BucketRules, Completion, Engine, EngineParts, Error, Ids, Observer, Policies,
    Principal, ReceiptSigner,
};
use valetkey_protocol::file::File;
use valetkey_protocol::upload::{CompleteUpload, CreateUpload, State, Upload};
use valetkey_protocol::{
    Clock, Code, ContentType, FileId, Filename, Jwks, Receipt, Secret, Subject,
};

use memory::MemoryStore;

/// 2026-01-01T00:00:00Z in milliseconds.
const BEGIN: i64 = 1_767_225_600_000;

/// For how long events are remembered.
pub(crate) const HISTORY: SignedDuration = SignedDuration::from_hours(24 * 30);

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<MemoryStore>,
    /// The store of the last bucket.
    pub(crate) other: Arc<MemoryStore>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) counts: Arc<Counts>,
    _dir: TempDir,
}

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// What the engine told of uploads that entered a state.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Vec<(State, u64)>>);

impl Counts {
    /// How many uploads entered a state.
    pub(crate) fn of(&self, state: State) -> usize {
        let entered = self.0.lock().unwrap();
        entered.iter().filter(|(one, _)| *one == state).count()
    }
}

impl Observer for Counts {
    fn entered(&self, bucket: &str, state: State, bytes: u64) {
        assert!(["files", "other"].contains(&bucket));
        self.0.lock().unwrap().push((state, bytes));
    }

    fn issued_download(&self, _bucket: &str) {}
}

/// Receipts that are their claims.
struct Unsigned;

impl ReceiptSigner for Unsigned {
    fn sign(&self, receipt: &Receipt) -> Result<String, String> {
        serde_json::to_string(receipt).map_err(|error| error.to_string())
    }

    fn keys(&self) -> &Jwks {
        const { &Jwks { keys: Vec::new() } }
    }
}

/// Ids that count upwards.
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn file_id(&self, now: Timestamp) -> FileId {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        let millis = u64::try_from(now.as_millisecond()).unwrap();
        let text = format!(
            "{:08x}-{:04x}-7000-8000-{count:012x}",
            millis >> 16,
            millis & 0xffff
        );
        text.parse().unwrap()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_rules(BucketRules::default())
    }

    pub(crate) fn with_rules(rules: BucketRules) -> Self {
        Self::with_buckets(&[("files", rules)])
    }

    /// With these buckets; what is done without naming one is done in `files`, the first.
    pub(crate) fn with_buckets(rules: &[(&str, BucketRules)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog::open(dir.path());
        let clock = Arc::new(TestClock(AtomicI64::new(BEGIN)));
        let counts = Arc::new(Counts::default());
        let stores: Vec<_> = rules
            .iter()
            .map(|_| Arc::new(MemoryStore::default()))
            .collect();
        let buckets = rules.iter().zip(&stores);
        let buckets = buckets.map(|((name, rules), store)| bucket(name, rules, store));
        Self {
            engine: engine(&catalog, &clock, &counts, buckets.collect()),
            store: Arc::clone(&stores[0]),
            other: stores.last().cloned().unwrap(),
            clock,
            catalog,
            counts,
            _dir: dir,
        }
    }

    /// The same service, with other rules for `files` and without the other buckets.
    pub(crate) fn reconfigured(&self, rules: &BucketRules) -> Arc<Engine> {
        let buckets = vec![bucket("files", rules, &self.store)];
        engine(&self.catalog, &self.clock, &self.counts, buckets)
    }

    pub(crate) async fn create(&self, create: CreateUpload) -> Upload {
        self.engine.create_upload(&alice(), create).await.unwrap()
    }

    /// Creates a single upload and sends its bytes.
    pub(crate) async fn upload(&self, bytes: &[u8]) -> Upload {
        let upload = self.create(wish(bytes.len() as u64)).await;
        assert!(self.store.put_single(upload.id, bytes));
        upload
    }

    /// Creates a multipart upload and sends these parts of `bytes`.
    pub(crate) async fn upload_parts(
        &self,
        create: CreateUpload,
        bytes: &[u8],
        numbers: &[u32],
    ) -> Upload {
        let upload = self.create(create).await;
        let part_size = usize::try_from(upload.part_size.unwrap()).unwrap();
        for number in numbers {
            let part = bytes.chunks(part_size).nth(*number as usize - 1).unwrap();
            self.store.put_part(upload.key.as_str(), *number, part);
        }
        upload
    }

    pub(crate) async fn complete(&self, id: FileId) -> Result<File, Error> {
        match self
            .engine
            .complete_upload(&alice(), id, CompleteUpload::default())
            .await?
        {
            Completion::File(file) => Ok(*file),
            Completion::Verifying(still) => panic!("still {:?}", still.state),
        }
    }

    /// A file that is available.
    pub(crate) async fn file(&self, bytes: &[u8]) -> File {
        let upload = self.upload(bytes).await;
        self.complete(upload.id).await.unwrap()
    }
}

fn bucket(name: &str, rules: &BucketRules, store: &Arc<MemoryStore>) -> Bucket {
    Bucket {
        name: name.to_owned(),
        rules: rules.clone(),
        store: store.clone(),
    }
}

fn engine(
    catalog: &Arc<dyn Catalog>,
    clock: &Arc<TestClock>,
    counts: &Arc<Counts>,
    buckets: Vec<Bucket>,
) -> Arc<Engine> {
    let engine = Engine::new(EngineParts {
        catalog: catalog.clone(),
        buckets,
        default_bucket: "files".to_owned(),
        clock: clock.clone(),
        ids: Arc::new(CountedIds(AtomicU64::new(1))),
        observer: counts.clone(),
        receipts: Arc::new(Unsigned),
        policies: Policies::built_in().unwrap(),
        secret: Secret::new("a secret of at least thirty-two bytes"),
        public_url: "https://files.test".to_owned(),
        history: Some(HISTORY),
    });
    Arc::new(engine.unwrap())
}

pub(crate) fn alice() -> Principal {
    principal("alice", &[])
}

pub(crate) fn bob() -> Principal {
    principal("bob", &[])
}

pub(crate) fn admin() -> Principal {
    principal("root", &[ADMIN])
}

fn principal(subject: &str, roles: &[&str]) -> Principal {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    Principal::new(Subject::parse(subject).unwrap(), roles)
}

/// A wish for a text file of so many bytes.
pub(crate) fn wish(size: u64) -> CreateUpload {
    CreateUpload {
        filename: Filename::parse("notes.txt").unwrap(),
        content_type: ContentType::parse("text/plain").unwrap(),
        size,
        checksum: None,
        bucket: None,
        path: None,
        metadata: None,
        expires_in: None,
        retain_for: None,
    }
}

/// The code of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.expect_err("should be refused").problem().code
}
