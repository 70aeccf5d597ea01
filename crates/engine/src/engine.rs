//! The engine: the parts every use case works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{Catalog, Edge, Record, Step};
use valetkey_protocol::bucket::Buckets;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Clock, FileId, Secret, Subject};
use valetkey_store::Validity;

use crate::event::Feed;
use crate::policy::{Deed, PolicyBook};
use crate::seal::Sealer;
use crate::sweep::Sweepers;
use crate::{Bucket, Error, Policies, Principal, ReceiptSigner, policy};

/// Where new ids come from.
pub trait Ids: Send + Sync + 'static {
    /// A fresh `UUIDv7`, later than every one before it.
    fn file_id(&self, now: Timestamp) -> FileId;
}

/// Somebody who counts what happens. It is told after the fact is on disk, and must not block.
pub trait Observer: Send + Sync + 'static {
    /// An upload of so many bytes entered a state.
    fn entered(&self, bucket: &str, state: State, bytes: u64);

    /// A download was issued.
    fn issued_download(&self, bucket: &str);
}

/// What an engine is made of.
pub struct EngineParts {
    /// What is remembered.
    pub catalog: Arc<dyn Catalog>,
    /// Where bytes are kept.
    pub buckets: Vec<Bucket>,
    /// The bucket of requests that name none.
    pub default_bucket: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// Who counts what happens.
    pub observer: Arc<dyn Observer>,
    /// Who signs receipts.
    pub receipts: Arc<dyn ReceiptSigner>,
    /// Who may do what, to begin with.
    pub policies: Policies,
    /// Keys for cursors and content URLs are derived from it.
    pub secret: Secret,
    /// Where clients reach this service, without a `/` at the end.
    pub public_url: String,
    /// For how long events are remembered; for ever when absent.
    pub history: Option<SignedDuration>,
}

/// The use cases. Every verb can be repeated safely.
pub struct Engine {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) receipts: Arc<dyn ReceiptSigner>,
    pub(crate) policies: PolicyBook,
    pub(crate) sealer: Sealer,
    pub(crate) public_url: String,
    pub(crate) buckets: BTreeMap<String, Bucket>,
    pub(crate) sweepers: Sweepers,
    pub(crate) feed: Feed,
    pub(crate) history: Option<SignedDuration>,
    default_bucket: String,
}

impl Engine {
    /// Puts the parts together.
    ///
    /// # Errors
    /// A default bucket that does not exist, or rules of a bucket that do not fit together.
    pub fn new(parts: EngineParts) -> Result<Self, Error> {
        for bucket in &parts.buckets {
            let wrong = |why| Error::Internal(format!("bucket {}: {why}", bucket.name));
            bucket.rules.check().map_err(wrong)?;
        }
        let buckets: BTreeMap<_, _> = parts
            .buckets
            .into_iter()
            .map(|one| (one.name.clone(), one))
            .collect();
        if !buckets.contains_key(&parts.default_bucket) {
            let why = format!(
                "the default bucket {} is not among the buckets",
                parts.default_bucket
            );
            return Err(Error::Internal(why));
        }
        Ok(Self {
            catalog: parts.catalog,
            clock: parts.clock,
            ids: parts.ids,
            observer: parts.observer,
            receipts: parts.receipts,
            policies: PolicyBook::new(parts.policies),
            sealer: Sealer::new(&parts.secret),
            public_url: parts.public_url,
            buckets,
            sweepers: Sweepers::default(),
            feed: Feed::default(),
            history: parts.history,
            default_bucket: parts.default_bucket,
        })
    }

    /// What the caller may do where.
    pub fn list_buckets(&self, who: &Principal) -> Buckets {
        let operates = self.is_everywhere(who);
        let view = |bucket: &Bucket| {
            let default = bucket.name == self.default_bucket;
            let view = match operates {
                true => bucket.operators_view(default),
                false => bucket.view(default),
            };
            self.bucket_for(who, view)
        };
        Buckets {
            buckets: self.buckets.values().filter_map(view).collect(),
        }
    }

    /// Answers when the catalog and every bucket do.
    ///
    /// # Errors
    /// The first that does not.
    pub async fn ready(&self) -> Result<(), Error> {
        self.catalog.ping().await?;
        let pings = self.buckets.values().map(|bucket| bucket.store.ping());
        futures_util::future::try_join_all(pings).await?;
        self.check_clocks()
    }

    /// Asks every bucket what time it is there; says whether all clocks agree well enough to sign.
    ///
    /// # Errors
    /// The first clock that does not. A bucket that does not answer is no error: that is not about clocks.
    pub async fn compare_clocks(&self) -> Result<(), Error> {
        let pings = self.buckets.values().map(|bucket| bucket.store.ping());
        futures_util::future::join_all(pings).await;
        self.check_clocks()
    }

    fn check_clocks(&self) -> Result<(), Error> {
        let mut buckets = self.buckets.values();
        Ok(buckets.try_for_each(|bucket| bucket.store.check_clock())?)
    }

    /// The name of the bucket of requests that name none.
    pub(crate) fn default_bucket(&self) -> &str {
        &self.default_bucket
    }

    /// The bucket a request names, or the default one.
    pub(crate) fn requested_bucket(&self, name: Option<&str>) -> Result<&Bucket, Error> {
        let name = name.unwrap_or(&self.default_bucket);
        self.buckets.get(name).ok_or_else(|| {
            Error::invalid(
                "bucket",
                "there is no such bucket; GET /v1/buckets lists them",
            )
        })
    }

    /// The bucket a record lies in.
    pub(crate) fn bucket_of(&self, record: &Record) -> Result<&Bucket, Error> {
        let name = &record.upload.bucket;
        let gone = || Error::Internal(format!("bucket {name} is not configured any more"));
        self.buckets.get(name).ok_or_else(gone)
    }

    /// Goes along an edge, if nobody was first.
    pub(crate) async fn advance(
        &self,
        record: &Record,
        edge: Edge,
        by: Option<&Subject>,
    ) -> Result<Option<Record>, Error> {
        let step = Step {
            id: record.upload.id,
            epoch: record.epoch,
            edge,
            at: self.clock.now(),
            by: by.cloned(),
        };
        let advanced = self.catalog.advance(step).await?;
        // A run that takes a lost one over enters the state it is in.
        if let Some(now) = &advanced
            && now.state != record.state
        {
            let upload = &now.upload;
            self.observer
                .entered(&upload.bucket, now.state, upload.size);
        }
        Ok(advanced)
    }

    /// Finds what the caller may do this to.
    pub(crate) async fn find(
        &self,
        who: &Principal,
        deed: impl Into<Deed>,
        id: FileId,
    ) -> Result<Record, Error> {
        let deed = deed.into();
        policy::check_may(who, deed.action)?;
        let record = self.catalog.find(id).await?;
        self.within_reach(who, deed, record).await
    }

    /// Lets through what was found, if it exists to the caller and they may do this to it.
    pub(crate) async fn within_reach(
        &self,
        who: &Principal,
        deed: Deed,
        record: Option<Record>,
    ) -> Result<Record, Error> {
        let record = record.ok_or(Error::NotFound)?;
        self.check_access(who, deed, &record)?;
        if let Some(ticket) = self.ticket_use(who)
            && !self
                .catalog
                .is_of_ticket(ticket.id, record.upload.id)
                .await?
        {
            return Err(Error::NotFound);
        }
        Ok(record)
    }
}

/// Whether a file may be kept for so many seconds: up to a hundred years.
///
/// # Errors
/// It may not.
pub(crate) fn check_retention(seconds: u64) -> Result<(), Error> {
    const LONGEST: u64 = 100 * 366 * 86_400;
    if (1..=LONGEST).contains(&seconds) {
        return Ok(());
    }
    let detail = format!("must be 1 to {LONGEST} seconds");
    Err(Error::invalid("retain_for", detail))
}

/// The last whole second that is also an instant in milliseconds, which is what catalogs keep: the fraction behind it
/// could be written there and not be read again.
const LATEST: Timestamp = Timestamp::constant(253_402_207_199, 0);

/// This many seconds later; as late as can be said when that is too far.
pub(crate) fn later(instant: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    from_now(instant, SignedDuration::from_secs(seconds))
}

/// So much later; as late as can be said when that is too far.
pub(crate) fn from_now(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait)
        .map_or(LATEST, |then| then.min(LATEST))
}

/// For how many seconds the secret before a rotation goes on: a day unless told otherwise.
///
/// # Errors
/// It is more than seven days.
pub(crate) fn overlap(asked: Option<u64>) -> Result<u64, Error> {
    const LONGEST: u64 = 7 * 24 * 3600;
    let seconds = asked.unwrap_or(24 * 3600);
    if seconds > LONGEST {
        let detail = format!("is more than {LONGEST} seconds, which are 7 days");
        return Err(Error::invalid("overlap", detail));
    }
    Ok(seconds)
}

/// Whole seconds from one instant to a later one; 0 when it is not later.
pub(crate) fn seconds_until(now: Timestamp, then: Timestamp) -> u64 {
    u64::try_from(then.duration_since(now).as_secs()).unwrap_or(0)
}

/// A validity of so many seconds, which rules keep under seven days.
pub(crate) fn validity(now: Timestamp, seconds: u64) -> Validity {
    Validity {
        now,
        seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_far_an_instant_is_catalogs_can_read_it_back() {
        let end = Timestamp::MAX.checked_sub(SignedDuration::from_millis(300));
        for (now, seconds) in [
            (Timestamp::UNIX_EPOCH, u64::MAX),
            (Timestamp::UNIX_EPOCH, i64::MAX as u64),
            (Timestamp::MAX, 0),
            (end.unwrap(), 0),
        ] {
            let then = later(now, seconds);
            let read = Timestamp::from_millisecond(then.as_millisecond());
            assert!(read.is_ok_and(|read| read == then), "{then}");
        }
    }
}
