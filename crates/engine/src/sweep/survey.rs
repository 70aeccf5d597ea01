//! The survey: a walk over storage and the catalog, page by page, that holds each side against the other.
//!
//! Only what the catalog knows to be left over is removed. What it has never heard of is told: it may belong to
//! somebody else, and after an old backup was restored it may be files.

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use valetkey_catalog::Record;
use valetkey_protocol::sweep::{Action, Finding, FindingKind};
use valetkey_protocol::upload::State;
use valetkey_protocol::{FileId, ObjectKey, key};
use valetkey_store::{OpenMultipart, StoreError, StoredObject};

use super::judge::{self, Verdict};
use super::{about, id_in};
use crate::{Bucket, Engine, Error};

/// How many files one page asks storage for.
const FILES_OF_A_PAGE: u32 = 100;
/// How many calls to storage at the same time.
const ASKED_AT_ONCE: usize = 16;
/// How old something unknown must be before it may be removed: older than any request that could still be told.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Where a survey stands. It goes through the objects, the quarantine and the multipart uploads of each bucket,
/// and then through the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    step: Step,
    /// The bucket; the first one when absent.
    bucket: Option<String>,
    /// Storage's token for the next page of a list.
    after: Option<String>,
    /// The last file that was looked at.
    file: Option<FileId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Objects,
    Quarantine,
    Multiparts,
    Files,
}

/// One page, and where the next begins.
pub(super) struct Page {
    pub(super) looked_at: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) next: Option<Place>,
}

/// How a survey is done.
pub(super) struct Survey<'a> {
    pub(super) engine: &'a Engine,
    pub(super) dry_run: bool,
    pub(super) remove_unknown: bool,
}

/// Something of which no record says that it should be there.
struct Suspect {
    finding: Finding,
    verdict: Verdict,
    since: Timestamp,
}

impl Place {
    /// Where a walk begins.
    pub fn first() -> Self {
        Self::at(Step::Objects, None)
    }

    fn at(step: Step, bucket: Option<String>) -> Self {
        Self {
            step,
            bucket,
            after: None,
            file: None,
        }
    }
}

impl Survey<'_> {
    /// Looks at one page.
    pub(super) async fn page(&self, place: &Place) -> Result<Page, Error> {
        if place.step == Step::Files {
            return self.files(place.file).await;
        }
        let Some(bucket) = self.bucket(place) else {
            // It was taken out of the configuration meanwhile.
            return Ok(Page {
                looked_at: 0,
                findings: Vec::new(),
                next: Some(Place::at(Step::Files, None)),
            });
        };
        let after = place.after.as_deref();
        let (looked_at, suspects, token) = match place.step {
            Step::Multiparts => self.multiparts(bucket, after).await?,
            step => {
                self.objects(bucket, step == Step::Quarantine, after)
                    .await?
            }
        };
        let findings = self.see_to(bucket, suspects).await;
        Ok(Page {
            looked_at,
            findings,
            next: Some(self.next(place, bucket, token)),
        })
    }

    fn bucket(&self, place: &Place) -> Option<&Bucket> {
        match &place.bucket {
            Some(name) => self.engine.buckets.get(name),
            None => self.engine.buckets.values().next(),
        }
    }

    fn next(&self, place: &Place, bucket: &Bucket, token: Option<String>) -> Place {
        let here = Some(bucket.name.clone());
        if token.is_some() {
            return Place {
                after: token,
                ..Place::at(place.step, here)
            };
        }
        match place.step {
            Step::Objects => Place::at(Step::Quarantine, here),
            Step::Quarantine => Place::at(Step::Multiparts, here),
            Step::Multiparts | Step::Files => {
                let names = self.engine.buckets.keys();
                match names.skip_while(|name| **name != bucket.name).nth(1) {
                    Some(name) => Place::at(Step::Objects, Some(name.clone())),
                    None => Place::at(Step::Files, None),
                }
            }
        }
    }

    async fn objects(
        &self,
        bucket: &Bucket,
        quarantine: bool,
        after: Option<&str>,
    ) -> Result<(u64, Vec<Suspect>, Option<String>), Error> {
        let prefix = match quarantine {
            true => format!("{}/", key::QUARANTINE),
            false => format!("{}/", bucket.rules.key_prefix),
        };
        let page = bucket.store.list_objects(&prefix, after).await?;
        let ids = page
            .items
            .iter()
            .map(|object| id_in(&object.key, quarantine));
        let records = self.records(ids.collect()).await?;
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

    async fn multiparts(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
    ) -> Result<(u64, Vec<Suspect>, Option<String>), Error> {
        let prefix = format!("{}/", bucket.rules.key_prefix);
        let page = bucket.store.list_multiparts(&prefix, after).await?;
        let ids = page.items.iter().map(|open| id_in(&open.key, false));
        let records = self.records(ids.collect()).await?;
        let mut suspects = Vec::new();
        for (open, record) in page.items.iter().zip(&records) {
            let (name, record) = (&bucket.name, record.as_ref());
            let verdict = judge::multipart(name, &open.key, &open.upload_id, record);
            suspects.extend(suspect_multipart(bucket, open, verdict, record));
        }
        Ok((page.items.len() as u64, suspects, page.next))
    }

    /// The record of each id, in their order. They are read after the list was, so that what is new in storage is
    /// never taken for unknown: its record was there first.
    async fn records(&self, ids: Vec<Option<FileId>>) -> Result<Vec<Option<Record>>, Error> {
        let known = ids.iter().flatten().copied().collect();
        let mut records = self.engine.catalog.find_all(known).await?.into_iter();
        let record = |id: Option<FileId>| id.and_then(|_| records.next().flatten());
        Ok(ids.into_iter().map(record).collect())
    }

    async fn see_to(&self, bucket: &Bucket, suspects: Vec<Suspect>) -> Vec<Finding> {
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
            match self.remove(bucket, &finding).await {
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
    async fn remove(
        &self,
        bucket: &Bucket,
        finding: &Finding,
    ) -> Result<Option<Action>, StoreError> {
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

    /// Asks storage for the object of each file.
    async fn files(&self, after: Option<FileId>) -> Result<Page, Error> {
        let records = self.engine.catalog.scan(after, FILES_OF_A_PAGE).await?;
        let last = records.last().map(|record| record.upload.id);
        let looked_at = records.len() as u64;
        let available = records
            .into_iter()
            .filter(|record| record.state == State::Available);
        let asked = stream::iter(available).map(|record| self.ask_for(record));
        let found: Vec<_> = asked.buffered(ASKED_AT_ONCE).collect().await;
        let found = found.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let full = looked_at == u64::from(FILES_OF_A_PAGE);
        Ok(Page {
            looked_at,
            findings: found.into_iter().flatten().collect(),
            next: last.filter(|_| full).map(|last| Place {
                file: Some(last),
                ..Place::at(Step::Files, None)
            }),
        })
    }

    async fn ask_for(&self, record: Record) -> Result<Option<Finding>, Error> {
        let Ok(bucket) = self.engine.bucket_of(&record) else {
            return Ok(None);
        };
        let object = bucket.store.head(&record.upload.key).await?;
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
