//! The survey: a walk over storage and the catalog, page by page, that holds each side against the other.
//!
//! Only what the catalog knows to be left over is removed. What it has never heard of is told: it may belong to
//! somebody else, and after an old backup was restored it may be files.

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{FileList, Record};
use valetkey_protocol::file::Order;
use valetkey_protocol::sweep::{Action, Finding, FindingKind};
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, ObjectKey, key};
use valetkey_store::{OpenMultipart, StoreError, StoredObject};

use super::about;
use super::due::refuses;
use super::judge::{self, Verdict};
use super::place::Step;
use crate::file::{has_key, ids_in};
use crate::{Bucket, Engine, Error};

/// How many files one page asks storage for.
const FILES_OF_A_PAGE: u32 = 100;
/// How many calls to storage at the same time.
const ASKED_AT_ONCE: usize = 16;
/// How old something unknown must be before it may be removed: older than any request that could still be told.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What one page of a bucket's survey found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// What was not as it should be.
    pub findings: Vec<Finding>,
    /// Whether the survey of the bucket went all the way round with this page.
    pub ended: bool,
}

/// One page, and where the next begins in the same bucket.
pub(super) struct Page {
    pub(super) looked_at: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) next: Option<Step>,
    /// Storage did not answer, and the next page is this one.
    pub(super) stuck: bool,
}

/// How a survey is done.
pub(super) struct Survey<'a> {
    pub(super) engine: &'a Engine,
    pub(super) bucket: &'a Bucket,
    pub(super) dry_run: bool,
    pub(super) remove_unknown: bool,
}

/// Something of which no record says that it should be there.
struct Suspect {
    finding: Finding,
    verdict: Verdict,
    since: Timestamp,
}

impl Survey<'_> {
    /// Looks at one page. Storage that refuses it is a finding, and the survey goes on with the next step; when storage
    /// does not answer, that is one too, and it stays where it is.
    pub(super) async fn look(&self, step: &Step) -> Result<Page, Error> {
        let error = match self.page(step).await {
            Err(Error::Store(error)) => error,
            other => return other,
        };
        let (bucket, what) = (&self.bucket.name, step.name());
        tracing::warn!(bucket, what, %error, "a page of a survey could not be looked at");
        let stuck = !refuses(&error);
        Ok(Page {
            looked_at: 0,
            findings: vec![self.not_surveyed(step)],
            next: match stuck {
                true => Some(step.clone()),
                false => step.next(&self.bucket.rules.prefixes()),
            },
            stuck,
        })
    }

    async fn page(&self, step: &Step) -> Result<Page, Error> {
        let quarantine = format!("{}/", key::QUARANTINE);
        let (looked_at, suspects, next) = match step {
            Step::Due { .. } => (0, Vec::new(), None),
            Step::Objects { prefix, after } => {
                let listed = format!("{prefix}/");
                let (looked_at, suspects, token) = self.objects(&listed, after.as_deref()).await?;
                let prefix = prefix.clone();
                let next = token.map(|token| Step::Objects {
                    prefix,
                    after: Some(token),
                });
                (looked_at, suspects, next)
            }
            Step::Quarantine { after } => {
                let listed = self.objects(&quarantine, after.as_deref());
                let (looked_at, suspects, token) = listed.await?;
                let next = token.map(|token| Step::Quarantine { after: Some(token) });
                (looked_at, suspects, next)
            }
            Step::Multiparts { prefix, after } => {
                let listed = format!("{prefix}/");
                let listed = self.multiparts(&listed, after.as_deref());
                let (looked_at, suspects, token) = listed.await?;
                let prefix = prefix.clone();
                let next = token.map(|token| Step::Multiparts {
                    prefix,
                    after: Some(token),
                });
                (looked_at, suspects, next)
            }
            Step::Files { after } => return self.files(*after).await,
        };
        Ok(Page {
            looked_at,
            findings: self.see_to(suspects).await,
            next: next.or_else(|| step.next(&self.bucket.rules.prefixes())),
            stuck: false,
        })
    }

    async fn objects(&self, prefix: &str, after: Option<&str>) -> Result<Listed, Error> {
        let bucket = self.bucket;
        let quarantine = prefix.trim_end_matches('/') == key::QUARANTINE;
        let page = bucket.store.list_objects(prefix, after).await?;
        let keys = page.items.iter().map(|object| object.key.as_str());
        let records = self.records(keys.collect()).await?;
        let mut suspects = Vec::new();
        for (object, record) in page.items.iter().zip(&records) {
            let verdict = match quarantine {
                true => judge::quarantined(&bucket.name, record.as_ref()),
                false => judge::object(&bucket.name, &object.key, record.as_ref()),
            };
            suspects.extend(suspect_object(bucket, object, verdict, record.as_ref()));
        }
        Ok((page.items.len() as u64, suspects, page.next))
    }

    async fn multiparts(&self, prefix: &str, after: Option<&str>) -> Result<Listed, Error> {
        let bucket = self.bucket;
        let page = bucket.store.list_multiparts(prefix, after).await?;
        let keys = page.items.iter().map(|open| open.key.as_str());
        let records = self.records(keys.collect()).await?;
        let mut suspects = Vec::new();
        for (open, record) in page.items.iter().zip(&records) {
            let (name, record) = (&bucket.name, record.as_ref());
            let verdict = judge::multipart(name, &open.key, &open.upload_id, record);
            suspects.extend(suspect_multipart(bucket, open, verdict, record));
        }
        Ok((page.items.len() as u64, suspects, page.next))
    }

    /// The record of each key, in their order: the one that has the key, or one whose id is in it. They are read after the
    /// list was, so that what is new in storage is never taken for unknown: its record was there first.
    async fn records(&self, keys: Vec<&str>) -> Result<Vec<Option<Record>>, Error> {
        let ids: Vec<_> = keys.iter().map(|key| ids_in(key)).collect();
        let known = self.engine.catalog.find_all(ids.concat()).await?;
        let mut known = known.into_iter();
        let bucket = &self.bucket.name;
        let record = |(key, ids): (&str, Vec<FileId>)| {
            let mut found: Vec<_> = known.by_ref().take(ids.len()).flatten().collect();
            let own = found.iter().position(|one| has_key(one, bucket, key));
            (!found.is_empty()).then(|| found.swap_remove(own.unwrap_or(0)))
        };
        Ok(keys.into_iter().zip(ids).map(record).collect())
    }

    async fn see_to(&self, suspects: Vec<Suspect>) -> Vec<Finding> {
        let now = self.engine.clock.now();
        let seen = stream::iter(suspects).map(|suspect| async move {
            let finding = suspect.finding;
            let old = now.duration_since(suspect.since) >= UNKNOWN_FOR;
            let remove = match suspect.verdict {
                Verdict::Accounted => false,
                Verdict::Orphan => true,
                // A record with its id, be it of another bucket, may well account for it.
                Verdict::Unknown => self.remove_unknown && old && finding.id.is_none(),
            };
            if !remove {
                let action = Action::Reported;
                return Some(Finding { action, ..finding });
            }
            match self.remove(&finding).await {
                Ok(action) => action.map(|action| Finding { action, ..finding }),
                Err(error) => {
                    tracing::warn!(%error, key = finding.key, "a survey could not remove something");
                    let action = Action::Postponed;
                    Some(Finding { action, ..finding })
                }
            }
        });
        let seen: Vec<_> = seen.buffered(ASKED_AT_ONCE).collect().await;
        seen.into_iter().flatten().collect()
    }

    /// Removes something; `None` when it was gone already, as between the list and the record it may be.
    async fn remove(&self, finding: &Finding) -> Result<Option<Action>, StoreError> {
        let bucket = self.bucket;
        let key = ObjectKey::parse(&finding.key);
        let Ok(key) = key else {
            // No key of ours looks like this, so it is not ours to remove.
            return Ok(Some(Action::Reported));
        };
        match &finding.multipart_id {
            Some(upload_id) => {
                if bucket.store.list_parts(&key, upload_id).await?.is_none() {
                    return Ok(None);
                }
                if !self.dry_run {
                    bucket.store.abort_multipart(&key, upload_id).await?;
                }
            }
            None => {
                if bucket.store.head(&key).await?.is_none() {
                    return Ok(None);
                }
                if !self.dry_run {
                    bucket.store.delete(&key).await?;
                }
            }
        }
        let action = match self.dry_run {
            true => Action::Planned,
            false => Action::Removed,
        };
        Ok(Some(action))
    }

    fn not_surveyed(&self, step: &Step) -> Finding {
        Finding {
            kind: FindingKind::NotSurveyed,
            action: Action::Postponed,
            bucket: self.bucket.name.clone(),
            key: match step {
                Step::Objects { prefix, .. } | Step::Multiparts { prefix, .. } => {
                    format!("{prefix}/")
                }
                Step::Quarantine { .. } => format!("{}/", key::QUARANTINE),
                Step::Due { .. } | Step::Files { .. } => String::new(),
            },
            id: None,
            multipart_id: None,
            size: None,
        }
    }

    /// Asks storage for the object of each file.
    async fn files(&self, after: Option<FileId>) -> Result<Page, Error> {
        let list = FileList {
            tenant: None,
            owner: None,
            bucket: Some(self.bucket.name.clone()),
            path: None,
            content_type: None,
            checksum: None,
            order: Order::Oldest,
            after,
            limit: FILES_OF_A_PAGE,
            now: self.engine.clock.now(),
        };
        let records = self.engine.catalog.list(list).await?;
        let last = records.last().map(|record| record.upload.id);
        let looked_at = records.len() as u64;
        let asked = stream::iter(records).map(|record| self.ask_for(record));
        let found: Vec<_> = asked.buffered(ASKED_AT_ONCE).collect().await;
        let found = found.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let full = looked_at == u64::from(FILES_OF_A_PAGE);
        Ok(Page {
            looked_at,
            findings: found.into_iter().flatten().collect(),
            next: last
                .filter(|_| full)
                .map(|last| Step::Files { after: Some(last) }),
            stuck: false,
        })
    }

    async fn ask_for(&self, record: Record) -> Result<Option<Finding>, Error> {
        let bucket = self.bucket;
        let object = match bucket.store.head(&record.upload.key).await {
            Ok(object) => object,
            Err(error) if refuses(&error) => {
                let id = record.upload.id;
                tracing::warn!(%id, bucket = bucket.name, %error, "a file could not be looked at");
                return Ok(Some(about(
                    &record,
                    FindingKind::NotSurveyed,
                    Action::Postponed,
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let facts = record.file.as_ref();
        let kind = match &object {
            None => FindingKind::MissingObject,
            Some(object)
                if object.size != record.upload.size
                    || facts.is_none_or(|facts| facts.etag != object.etag) =>
            {
                FindingKind::ChangedObject
            }
            Some(_) => return Ok(None),
        };
        // It may have been deleted meanwhile.
        let now = self.engine.catalog.find(record.upload.id).await?;
        if now.is_none_or(|now| now.state != State::Available) {
            return Ok(None);
        }
        let id = record.upload.id;
        tracing::error!(%id, bucket = bucket.name, what = kind.as_str(), "a file is not as it was verified");
        Ok(Some(about(&record, kind, Action::Reported)))
    }
}

/// How many a page of a list had, which of them no record accounts for, and storage's token for the next page.
type Listed = (u64, Vec<Suspect>, Option<String>);

fn suspect_object(
    bucket: &Bucket,
    object: &StoredObject,
    verdict: Verdict,
    record: Option<&Record>,
) -> Option<Suspect> {
    let kind = match verdict {
        Verdict::Accounted => return None,
        Verdict::Orphan => FindingKind::OrphanObject,
        Verdict::Unknown => FindingKind::UnknownObject,
    };
    let finding = Finding {
        kind,
        action: Action::Reported,
        bucket: bucket.name.clone(),
        key: object.key.clone(),
        id: record.map(|record| record.upload.id),
        multipart_id: None,
        size: Some(object.size),
    };
    Some(Suspect {
        finding,
        verdict,
        since: object.modified_at,
    })
}

fn suspect_multipart(
    bucket: &Bucket,
    open: &OpenMultipart,
    verdict: Verdict,
    record: Option<&Record>,
) -> Option<Suspect> {
    let kind = match verdict {
        Verdict::Accounted => return None,
        Verdict::Orphan => FindingKind::OrphanMultipart,
        Verdict::Unknown => FindingKind::UnknownMultipart,
    };
    let finding = Finding {
        kind,
        action: Action::Reported,
        bucket: bucket.name.clone(),
        key: open.key.clone(),
        id: record.map(|record| record.upload.id),
        multipart_id: Some(open.upload_id.clone()),
        size: None,
    };
    Some(Suspect {
        finding,
        verdict,
        since: open.started_at,
    })
}
