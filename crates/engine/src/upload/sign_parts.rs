//! Sign parts: more requests, or fresh ones, within the session. A single upload has one part: itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use valetkey_catalog::{Record, Transfer};
use valetkey_protocol::part::PlannedPart;
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::{MAX_SIGNED_PARTS, PartRequest, SignParts, SignedParts, State};
use valetkey_protocol::{Checksum, Code, FileId, PartNumber, Problem};
use valetkey_store::PartGrant;

use super::create::name_upload;
use super::{closed, expired, plan_of};
use crate::engine::{later, seconds_until, validity};
use crate::{Bucket, Engine, Error, Principal};

impl Engine {
    /// Signs these parts.
    ///
    /// # Errors
    /// The upload is closed, a number is not in its plan, or there are too many of them.
    pub async fn sign_parts(
        &self,
        who: &Principal,
        id: FileId,
        sign: SignParts,
    ) -> Result<SignedParts, Error> {
        check_count(sign.part_numbers.len())?;
        check_distinct(&sign.part_numbers)?;
        let now = self.clock.now();
        let mut record = self.find(who, Action::CreateUpload, id).await?;
        if record.state != State::Pending {
            return Err(closed(&record));
        }
        let left = seconds_until(now, record.upload.session_ends_at);
        if left == 0 {
            return Err(expired());
        }
        let bucket = self.bucket_of(&record)?;
        let seconds = bucket.rules.validity(sign.expires_in)?.min(left);
        let checksums = part_checksums(&sign)?;
        let parts = match record.upload.transfer {
            Transfer::Single => {
                self.sign_single(bucket, &record, &sign, now, seconds)
                    .await?
            }
            Transfer::Multipart { ref upload_id, .. } => {
                if upload_id.is_none() {
                    let started = self.start_multipart(bucket, &record).await?;
                    name_upload(&mut record, started);
                }
                self.sign_part_numbers(
                    bucket,
                    &record,
                    &sign.part_numbers,
                    Some(&checksums),
                    now,
                    seconds,
                )?
            }
        };
        Ok(SignedParts { parts })
    }

    /// Signs the PUT of a single upload again; quarantine then lasts as much longer.
    async fn sign_single(
        &self,
        bucket: &Bucket,
        record: &Record,
        sign: &SignParts,
        now: Timestamp,
        seconds: u64,
    ) -> Result<Vec<PartRequest>, Error> {
        if sign.part_numbers.iter().any(|number| number.get() != 1) {
            return Err(Error::invalid(
                "part_numbers",
                "a single upload has only part 1",
            ));
        }
        if !sign.checksums.is_empty() {
            return Err(Error::invalid(
                "checksums",
                "a single upload takes its checksum at create or complete",
            ));
        }
        if !self
            .catalog
            .extend_urls(record.upload.id, later(now, seconds))
            .await?
        {
            return Err(Error::conflict(
                State::Verifying,
                "the upload was closed at the same moment",
            ));
        }
        let request = self.sign_put(bucket, record, now, seconds)?;
        let part_number = PartNumber::new(1).map_err(|error| ("part_numbers", error))?;
        Ok(vec![PartRequest {
            part_number,
            offset: 0,
            size: record.upload.size,
            request,
        }])
    }

    /// Signs parts of a multipart upload that storage knows.
    pub(super) fn sign_part_numbers(
        &self,
        bucket: &Bucket,
        record: &Record,
        numbers: &[PartNumber],
        checksums: Option<&BTreeMap<PartNumber, Checksum>>,
        now: Timestamp,
        seconds: u64,
    ) -> Result<Vec<PartRequest>, Error> {
        let (
            Transfer::Multipart {
                upload_id: Some(upload_id),
                ..
            },
            Some(plan),
        ) = (&record.upload.transfer, plan_of(record))
        else {
            return Err(Error::Internal(
                "an upload without parts was asked for parts".to_owned(),
            ));
        };
        let planned = numbers.iter().map(|number| plan.part(*number));
        let planned: Vec<PlannedPart> = planned
            .collect::<Result<_, _>>()
            .map_err(|error| ("part_numbers", error))?;
        let grant = |part: &PlannedPart| PartGrant {
            number: part.number.get(),
            size: part.size,
            checksum: checksums.and_then(|map| map.get(&part.number)).copied(),
        };
        let grants: Vec<_> = planned.iter().map(grant).collect();
        let requests = bucket.store.presign_parts(
            &record.upload.key,
            upload_id,
            &grants,
            validity(now, seconds),
        )?;
        let parts = planned.into_iter().zip(requests);
        Ok(parts
            .map(|(part, request)| PartRequest {
                part_number: part.number,
                offset: part.offset,
                size: part.size,
                request,
            })
            .collect())
    }
}

fn check_count(count: usize) -> Result<(), Error> {
    if count == 0 {
        return Err(Error::invalid("part_numbers", "name at least one part"));
    }
    if count > MAX_SIGNED_PARTS {
        let detail = format!("at most {MAX_SIGNED_PARTS} parts are signed by one request");
        return Err(Error::Refused(
            Problem::new(Code::BatchTooLarge, detail).with("limit", MAX_SIGNED_PARTS),
        ));
    }
    Ok(())
}

fn check_distinct(numbers: &[PartNumber]) -> Result<(), Error> {
    let distinct: BTreeSet<_> = numbers.iter().collect();
    if distinct.len() == numbers.len() {
        Ok(())
    } else {
        Err(Error::invalid("part_numbers", "name each part once"))
    }
}

fn part_checksums(sign: &SignParts) -> Result<BTreeMap<PartNumber, Checksum>, Error> {
    let asked = |text: &String| {
        let mut numbers = sign.part_numbers.iter();
        numbers.find(|number| number.get().to_string() == *text)
    };
    sign.checksums
        .iter()
        .map(|(text, checksum)| match asked(text) {
            Some(number) => Ok((*number, *checksum)),
            None => Err(Error::invalid(
                "checksums",
                "the keys are numbers that are in part_numbers too",
            )),
        })
        .collect()
}
