//! Create: the intention is durable before any request leaves. A single upload makes no call to storage.

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use valetkey_catalog::{Edge, Insertion, NewUpload, Record, Transfer};
use valetkey_protocol::upload::{
    CreateResult, CreateUpload, CreateUploads, MAX_BATCH, MAX_SIGNED_PARTS, MAX_SIGNED_REQUESTS,
    Results, State, Upload,
};
use valetkey_protocol::{Code, PartNumber, Problem};
use valetkey_store::{CreateMultipart, PutGrant};

use super::plan::Plan;
use super::{plan_of, view};
use crate::engine::validity;
use crate::usage::over_limit;
use crate::{Bucket, Engine, Error, Principal};

/// How many multipart uploads of one batch are started at the same time.
const STARTED_AT_ONCE: usize = 8;

impl Engine {
    /// Creates one upload and signs its first requests.
    ///
    /// # Errors
    /// A rule of the bucket, or an outage of the catalog or (multipart only) storage.
    pub async fn create_upload(
        &self,
        who: &Principal,
        create: CreateUpload,
    ) -> Result<Upload, Error> {
        let now = self.clock.now();
        let plan = self.plan(who, create, now)?;
        self.insert_one(&plan).await?;
        self.open(plan, MAX_SIGNED_PARTS, now).await
    }

    /// Remembers the upload of a plan, within its limits.
    pub(super) async fn insert_one(&self, plan: &Plan<'_>) -> Result<(), Error> {
        let inserted = self.catalog.insert_uploads(vec![plan.intent()]).await?;
        let inserted = inserted.into_iter().next();
        let inserted = inserted.ok_or_else(|| Error::Internal("an insert said nothing".into()))?;
        self.check_inserted(plan, inserted)
    }

    /// Creates up to 100 uploads with one durable write; each has a result of its own.
    ///
    /// # Errors
    /// Too many items, or an outage of the catalog: then none was created.
    pub async fn create_uploads(
        &self,
        who: &Principal,
        batch: CreateUploads,
    ) -> Result<Results<CreateResult>, Error> {
        check_batch(batch.uploads.len())?;
        let now = self.clock.now();
        let plans: Vec<_> = batch
            .uploads
            .into_iter()
            .map(|create| self.plan(who, create, now))
            .collect();
        let plans = self.insert(plans).await?;
        let first_parts = parts_each(plans.iter().flatten());
        // Made before the stream, so that no closure over a lifetime keeps the whole future from being `Send`.
        let opened: Vec<_> = plans
            .into_iter()
            .map(|plan| async move {
                match plan {
                    Ok(plan) => self.open(plan, first_parts, now).await,
                    Err(error) => Err(error),
                }
            })
            .collect();
        let results = stream::iter(opened)
            .buffered(STARTED_AT_ONCE)
            .map(create_result)
            .collect()
            .await;
        Ok(Results { results })
    }

    /// Remembers the uploads of good plans; a plan that goes over a limit is good no more.
    async fn insert<'a>(
        &self,
        plans: Vec<Result<Plan<'a>, Error>>,
    ) -> Result<Vec<Result<Plan<'a>, Error>>, Error> {
        let intents: Vec<_> = plans.iter().flatten().map(Plan::intent).collect();
        if intents.is_empty() {
            return Ok(plans);
        }
        let mut inserted = self.catalog.insert_uploads(intents).await?.into_iter();
        let mut check = |plan: Plan<'a>| {
            let inserted = inserted.next();
            let inserted =
                inserted.ok_or_else(|| Error::Internal("an insert said nothing".into()))?;
            self.check_inserted(&plan, inserted).map(|()| plan)
        };
        Ok(plans
            .into_iter()
            .map(|plan| plan.and_then(&mut check))
            .collect())
    }

    /// Goes on with an upload that is remembered now, and tells why another is not.
    pub(super) fn check_inserted(&self, plan: &Plan<'_>, inserted: Insertion) -> Result<(), Error> {
        let upload = &plan.upload;
        match inserted {
            Insertion::New => {
                let observer = &self.observer;
                observer.entered(&upload.bucket, State::Pending, upload.size);
                Ok(())
            }
            Insertion::Over(over) => Err(over_limit(&over, &upload.bucket)),
            Insertion::Known(_) => Err(Error::Internal("a new upload is known".to_owned())),
        }
    }

    /// Signs the first requests of an upload that is remembered by now.
    pub(super) async fn open(
        &self,
        plan: Plan<'_>,
        first_parts: usize,
        now: Timestamp,
    ) -> Result<Upload, Error> {
        let Plan {
            bucket,
            upload,
            seconds,
            ..
        } = plan;
        let mut record = fresh(upload);
        if record.upload.transfer == Transfer::Single {
            let mut answer = view(&record, bucket);
            answer.request = Some(self.sign_put(bucket, &record, now, seconds)?);
            return Ok(answer);
        }
        self.name_multipart(bucket, &mut record).await?;
        let mut answer = view(&record, bucket);
        let numbers = first_numbers(&record, first_parts)?;
        answer.parts = Some(self.sign_part_numbers(bucket, &record, &numbers, None, now, seconds)?);
        Ok(answer)
    }

    /// Starts a multipart upload that has no name in storage; one that cannot be started is not left open.
    async fn name_multipart(&self, bucket: &Bucket, record: &mut Record) -> Result<(), Error> {
        if let Transfer::Multipart {
            upload_id: Some(_), ..
        } = record.upload.transfer
        {
            return Ok(());
        }
        match self.start_multipart(bucket, record).await {
            Ok(name) => name_upload(record, name),
            Err(error) => {
                self.advance(record, Edge::Abort, None).await?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Signs the one PUT of a single upload.
    pub(super) fn sign_put(
        &self,
        bucket: &Bucket,
        record: &Record,
        now: Timestamp,
        seconds: u64,
    ) -> Result<valetkey_protocol::PresignedRequest, Error> {
        let upload = &record.upload;
        let put = PutGrant {
            key: &valetkey_protocol::ObjectKey::quarantine(upload.id),
            size: upload.declared_size(),
            content_type: Some(&upload.content_type),
            checksum: upload.checksum.as_ref(),
        };
        Ok(bucket.store.presign_put(&put, validity(now, seconds))?)
    }

    /// Starts a multipart upload in storage and remembers its name. Of two that start it at once, one wins.
    pub(super) async fn start_multipart(
        &self,
        bucket: &Bucket,
        record: &Record,
    ) -> Result<String, Error> {
        let upload = &record.upload;
        let create = CreateMultipart {
            key: &upload.key,
            content_type: &upload.content_type,
        };
        let upload_id = bucket.store.create_multipart(&create).await?;
        if self
            .catalog
            .attach_multipart(upload.id, upload_id.clone())
            .await?
        {
            return Ok(upload_id);
        }
        bucket
            .store
            .abort_multipart(&upload.key, &upload_id)
            .await?;
        let winner = self
            .catalog
            .find(upload.id)
            .await?
            .map(|record| record.upload.transfer);
        match winner {
            Some(Transfer::Multipart {
                upload_id: Some(upload_id),
                ..
            }) => Ok(upload_id),
            _ => Err(Error::conflict(
                State::Aborted,
                "the upload was closed at the same moment; create a new one",
            )),
        }
    }
}

/// Refuses a batch with too many items.
pub(crate) fn check_batch(items: usize) -> Result<(), Error> {
    if items > MAX_BATCH {
        let problem = Problem::new(
            Code::BatchTooLarge,
            format!("send at most {MAX_BATCH} items in one batch"),
        );
        return Err(Error::Refused(problem.with("limit", MAX_BATCH)));
    }
    Ok(())
}

/// Writes storage's name for a multipart upload into its record.
pub(super) fn name_upload(record: &mut Record, name: String) {
    if let Transfer::Multipart { upload_id, .. } = &mut record.upload.transfer {
        *upload_id = Some(name);
    }
}

/// An upload as its first row says it.
fn fresh(upload: NewUpload) -> Record {
    Record {
        upload,
        state: State::Pending,
        epoch: 0,
        lease_until: None,
        source_etag: None,
        problem: None,
        file: None,
        verified_at: None,
        download_count: 0,
        leftovers: true,
        attempts: 0,
        postponed_until: None,
    }
}

/// How many parts each multipart upload of a batch gets signed, so that the answer stays bounded.
fn parts_each<'p, 'a: 'p>(plans: impl Iterator<Item = &'p Plan<'a>>) -> usize {
    let is_single = |plan: &&Plan<'_>| plan.upload.transfer == Transfer::Single;
    let (single, multipart): (Vec<_>, Vec<_>) = plans.partition(is_single);
    let left = MAX_SIGNED_REQUESTS - single.len();
    MAX_SIGNED_PARTS.min(left / multipart.len().max(1))
}

fn first_numbers(record: &Record, first_parts: usize) -> Result<Vec<PartNumber>, Error> {
    let plan = plan_of(record)
        .ok_or_else(|| Error::Internal("a multipart upload has no plan".to_owned()))?;
    Ok(plan
        .parts()
        .take(first_parts)
        .map(|part| part.number)
        .collect())
}

fn create_result(result: Result<Upload, Error>) -> CreateResult {
    match result {
        Ok(upload) => CreateResult {
            status: 201,
            upload: Some(upload),
            problem: None,
        },
        Err(error) => {
            let problem = crate::error::logged(&error);
            CreateResult {
                status: problem.code.status(),
                upload: None,
                problem: Some(problem),
            }
        }
    }
}
