//! Verify: one run that turns stored bytes into a file, or says why not. It can stop anywhere and be run again.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use jiff::Timestamp;
use valetkey_catalog::{Edge, Record, Transfer};
use valetkey_protocol::upload::State;
use valetkey_protocol::{Checksum, Code, ObjectKey, PartPlan, Problem, Subject};
use valetkey_store::{CopyObject, ObjectInfo, StoreError, StoredPart};

use super::integrity::{self, Verdict};
use super::{expired, plan_of};
use crate::engine::later;
use crate::{Bucket, Engine, Error};

/// How long a run is left alone, in seconds. A living run renews its lease long before.
const LEASE_SECONDS: u64 = 15;
/// How often a living run renews its lease.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How many missing parts a problem names.
const NAMED_PARTS: usize = 100;

/// Verifies an upload that is pending, or whose last run was lost. `None` when another worker was first.
pub(crate) async fn run(
    engine: &Engine,
    record: Record,
    declared: Option<Checksum>,
    by: Option<&Subject>,
) -> Result<Option<Record>, Error> {
    let run = Run {
        engine,
        bucket: engine.bucket_of(&record)?,
        by,
    };
    let now = engine.clock.now();
    let checksum = run.agreed_checksum(&record, declared)?;
    let evidence = run.look(&record, now).await?;
    let edge = Edge::Verify {
        lease_until: later(engine.clock.now(), LEASE_SECONDS),
        source_etag: evidence.source_etag(),
        checksum,
    };
    let Some(record) = run.step(&record, edge).await? else {
        return Ok(None);
    };
    let proof = tokio::select! {
        proof = run.prove(&record, &evidence) => proof,
        lost = run.keep_lease(&record) => return lost.map(|()| None),
    };
    match proof {
        Ok(Verdict::Good(facts)) => run.step(&record, Edge::Finish(facts)).await,
        Ok(Verdict::Bad(problem)) => run.fail(&record, problem).await,
        Err(error) => {
            // Nothing is decided: the bytes may still be good, and storage may answer the next time.
            match run.step(&record, Edge::Retry).await? {
                Some(_) => Err(error),
                // It was taken for lost, and another worker knows more by now.
                None => Ok(None),
            }
        }
    }
}

/// What storage holds before anything is decided.
enum Evidence {
    /// The quarantined object.
    Quarantined(ObjectInfo),
    /// All parts, as planned.
    Parts(Vec<StoredPart>),
    /// The final object of a multipart upload that storage completed before the answer was lost.
    Assembled,
}

impl Evidence {
    fn source_etag(&self) -> Option<String> {
        match self {
            Self::Quarantined(source) => Some(source.etag.clone()),
            Self::Parts(_) | Self::Assembled => None,
        }
    }
}

struct Run<'a> {
    engine: &'a Engine,
    bucket: &'a Bucket,
    by: Option<&'a Subject>,
}

impl Run<'_> {
    /// Renews the lease for as long as the run goes on; ends when the run was taken for lost all the same.
    async fn keep_lease(&self, record: &Record) -> Result<(), Error> {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let until = later(self.engine.clock.now(), LEASE_SECONDS);
            let (id, epoch) = (record.upload.id, record.epoch);
            match self.engine.catalog.renew(id, epoch, until).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(%id, "a verification took too long and was taken for lost");
                    return Ok(());
                }
                // It may still be renewed in time the next time round.
                Err(error) => tracing::warn!(%id, %error, "a lease could not be renewed"),
            }
        }
    }

    /// The checksum to hold the bytes against: declared at create or now, and never two different ones.
    fn agreed_checksum(
        &self,
        record: &Record,
        declared: Option<Checksum>,
    ) -> Result<Option<Checksum>, Error> {
        let known = record.upload.checksum;
        if let (Some(known), Some(declared)) = (known, declared)
            && known != declared
        {
            return Err(Error::invalid(
                "checksum",
                "the upload was created with another checksum; send none or the same",
            ));
        }
        let agreed = known.or(declared);
        if agreed.is_none() && self.bucket.rules.checksum_required {
            let detail = format!(
                "bucket {} requires one; send the file's {} when you complete",
                self.bucket.name, self.bucket.rules.checksum_algorithm
            );
            return Err(Error::invalid("checksum", detail));
        }
        super::plan::check_verifiable(self.bucket, agreed.as_ref(), record.upload.size)?;
        Ok(agreed)
    }

    /// Looks at what is there. What is missing leaves the upload as it is, open for more.
    async fn look(&self, record: &Record, now: Timestamp) -> Result<Evidence, Error> {
        let missing = |problem: Problem| {
            let over = record.upload.session_ends_at <= now;
            if over {
                expired()
            } else {
                Error::Refused(problem)
            }
        };
        let (Transfer::Multipart { upload_id, .. }, Some(plan)) =
            (&record.upload.transfer, plan_of(record))
        else {
            let source = self
                .bucket
                .store
                .head(&ObjectKey::quarantine(record.upload.id))
                .await?;
            let nothing =
                "no bytes are there yet; send the PUT first, or POST …/parts for a fresh request";
            return match source {
                Some(source) => Ok(Evidence::Quarantined(source)),
                None => Err(missing(Problem::new(Code::UploadIncomplete, nothing))),
            };
        };
        let stored = match upload_id {
            Some(upload_id) => {
                self.bucket
                    .store
                    .list_parts(&record.upload.key, upload_id)
                    .await?
            }
            None => Some(Vec::new()),
        };
        match stored {
            Some(stored) => check_parts(&plan, stored)
                .map(Evidence::Parts)
                .map_err(missing),
            None => Ok(Evidence::Assembled),
        }
    }

    /// Brings the bytes to the final key and holds them against the record.
    async fn prove(&self, record: &Record, evidence: &Evidence) -> Result<Verdict, Error> {
        let mut first_bytes = None;
        let promoted = match evidence {
            Evidence::Quarantined(source) => {
                let early = self.read_early(record, source);
                let (promoted, early) = join(self.promote(record, source), early).await;
                first_bytes = early;
                promoted?
            }
            Evidence::Parts(parts) => self.assemble(record, parts).await?,
            Evidence::Assembled => None,
        };
        if let Some(problem) = promoted {
            return Ok(Verdict::Bad(problem));
        }
        let Some(object) = self.bucket.store.head(&record.upload.key).await? else {
            return Ok(Verdict::Bad(Problem::new(
                Code::Conflict,
                "storage no longer knows this upload; create a new one",
            )));
        };
        if let Evidence::Quarantined(source) = evidence
            && integrity::contradict(source, &object)
        {
            return Ok(Verdict::Bad(swapped()));
        }
        let now = self.engine.clock.now();
        integrity::check(self.bucket, record, &object, first_bytes, now).await
    }

    /// Reads the first bytes while they are copied, which saves a round trip: both are held to the same `ETag`. What cannot
    /// be read is read from the copy.
    async fn read_early(&self, record: &Record, source: &ObjectInfo) -> Option<Bytes> {
        let key = ObjectKey::quarantine(record.upload.id);
        let read = integrity::first_bytes(self.bucket, &key, source).await;
        read.ok()
    }

    /// Copies the quarantined object to the final key, if it is still the recorded one.
    async fn promote(
        &self,
        record: &Record,
        source: &ObjectInfo,
    ) -> Result<Option<Problem>, Error> {
        if let Some(problem) = integrity::size_problem(self.bucket, record, source.size) {
            return Ok(Some(problem));
        }
        let quarantined = ObjectKey::quarantine(record.upload.id);
        let copy = CopyObject {
            source: &quarantined,
            source_etag: &source.etag,
            target: &record.upload.key,
            content_type: &record.upload.content_type,
        };
        match self.bucket.store.copy(&copy).await {
            Ok(()) => Ok(None),
            // The client may send them as often as it likes, until they were verified.
            Err(StoreError::PreconditionFailed) if record.upload.look_at.is_some() => {
                let detail = "the bytes were sent again while they were verified; ask again";
                Err(Error::refused(Code::Conflict, detail))
            }
            Err(StoreError::PreconditionFailed | StoreError::NotFound) => Ok(Some(swapped())),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the final object out of the parts. Whether a lost answer was a yes, the final object tells.
    async fn assemble(
        &self,
        record: &Record,
        parts: &[StoredPart],
    ) -> Result<Option<Problem>, Error> {
        let Transfer::Multipart {
            upload_id: Some(upload_id),
            ..
        } = &record.upload.transfer
        else {
            return Err(Error::Internal(
                "an upload without parts was to be assembled".to_owned(),
            ));
        };
        let key = &record.upload.key;
        match self
            .bucket
            .store
            .complete_multipart(key, upload_id, parts)
            .await
        {
            Ok(()) | Err(StoreError::NotFound) => Ok(None),
            Err(StoreError::Refused { code, .. }) if code.starts_with("InvalidPart") => {
                Err(Error::refused(
                    Code::UploadIncomplete,
                    "a part was sent again while the upload was completed; complete it once more",
                ))
            }
            Err(error) => match self.bucket.store.head(key).await {
                Ok(Some(_)) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    async fn fail(&self, record: &Record, problem: Problem) -> Result<Option<Record>, Error> {
        let failed = self.step(record, Edge::Fail(problem)).await?;
        if let Some(record) = &failed
            && record.state == State::Failed
        {
            self.engine.discard_or_leave(self.bucket, record).await;
        }
        Ok(failed)
    }

    async fn step(&self, record: &Record, edge: Edge) -> Result<Option<Record>, Error> {
        self.engine.advance(record, edge, self.by).await
    }
}

/// Demands parts 1 to n without holes, each as large as planned.
fn check_parts(plan: &PartPlan, mut stored: Vec<StoredPart>) -> Result<Vec<StoredPart>, Problem> {
    stored.sort_by_key(|part| part.number);
    stored.retain(|part| part.number <= plan.part_count());
    let found = |number: u32| {
        let index = stored.binary_search_by_key(&number, |part| part.number);
        index.ok().map(|index| &stored[index])
    };
    let mut missing = Vec::new();
    let mut wrong = Vec::new();
    for part in plan.parts() {
        match found(part.number.get()) {
            None => missing.push(part.number.get()),
            Some(one) if one.size != part.size => wrong.push(part.number.get()),
            Some(_) => {}
        }
    }
    if !missing.is_empty() {
        let detail = format!(
            "{} of {} parts are missing; send them, then complete again",
            missing.len(),
            plan.part_count()
        );
        missing.truncate(NAMED_PARTS);
        return Err(Problem::new(Code::UploadIncomplete, detail).with("missing_parts", missing));
    }
    if !wrong.is_empty() {
        wrong.truncate(NAMED_PARTS);
        let detail =
            "some parts have another size than planned; send them again, then complete again";
        return Err(Problem::new(Code::SizeMismatch, detail).with("wrong_parts", wrong));
    }
    Ok(stored)
}

fn swapped() -> Problem {
    Problem::new(
        Code::Conflict,
        "the bytes changed while they were verified; create a new upload",
    )
}

#[cfg(test)]
mod tests {
    use valetkey_protocol::part::MIB;

    use super::*;

    fn part(number: u32, size: u64) -> StoredPart {
        StoredPart {
            number,
            size,
            etag: format!("\"{number}\""),
        }
    }

    #[test]
    fn holes_are_named_and_so_are_wrong_sizes() {
        let plan = PartPlan::new(12 * MIB, 5 * MIB).unwrap();
        let hole = check_parts(&plan, vec![part(1, 5 * MIB), part(3, 2 * MIB)]).unwrap_err();
        assert_eq!(hole.code, Code::UploadIncomplete);
        assert_eq!(hole.facts["missing_parts"], serde_json::json!([2]));
        let short = check_parts(
            &plan,
            vec![part(1, 5 * MIB), part(2, 5 * MIB - 1), part(3, 2 * MIB)],
        )
        .unwrap_err();
        assert_eq!(short.code, Code::SizeMismatch);
        assert_eq!(short.facts["wrong_parts"], serde_json::json!([2]));
    }

    #[test]
    fn parts_come_out_in_order_and_foreign_ones_are_dropped() {
        let plan = PartPlan::new(7 * MIB, 5 * MIB).unwrap();
        let parts =
            check_parts(&plan, vec![part(9, 1), part(2, 2 * MIB), part(1, 5 * MIB)]).unwrap();
        assert_eq!(
            parts.iter().map(|one| one.number).collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
