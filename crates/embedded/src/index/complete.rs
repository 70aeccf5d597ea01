//! Completing a multipart upload: every check first, then one object out of the parts, no byte copied.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>.

use jiff::{SignedDuration, Timestamp};
use md5::{Digest as _, Md5};
use redb::ReadableTable;
use s3s::S3ErrorCode;

use super::bucket::require_bucket_in;
use super::object::{WriteCondition, check_write, replace};
use super::table::Tables;
use super::{body, upload};
use crate::digest::{self, Algorithm, Checksum, Coverage};
use crate::error::Failure;
use crate::id::{Id, hex, unhex};
use crate::record::{CompletedRecord, Extent, ObjectRecord, PartRecord, UploadRecord};

/// Every part but the last is at least this long, in bytes.
const MIN_PART: u64 = 5 << 20;
/// How long a repeated Complete is answered as the first one was.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// A request to complete.
pub(crate) struct Completion {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload: Id,
    pub(crate) parts: Vec<PartClaim>,
    pub(crate) condition: WriteCondition,
    /// The checksum of the whole, from the request's header.
    pub(crate) checksum: Option<(Algorithm, String)>,
    /// `x-amz-checksum-type`.
    pub(crate) coverage: Option<Coverage>,
    /// `x-amz-mp-object-size`, in bytes.
    pub(crate) size: Option<u64>,
    /// The name of the body to make.
    pub(crate) body: Id,
    pub(crate) now: Timestamp,
}

/// A part as the client remembers it.
pub(crate) struct PartClaim {
    pub(crate) number: u16,
    pub(crate) etag: String,
    pub(crate) checksum: Option<(Algorithm, String)>,
}

/// Makes the object, or refuses and leaves the upload as it was.
pub(crate) fn complete_upload(
    tables: &mut Tables<'_>,
    wanted: Completion,
) -> Result<(String, Checksum), Failure> {
    require_bucket_in(&tables.buckets, &wanted.bucket)?;
    let Some(upload) = upload::find(&tables.uploads, &wanted.bucket, &wanted.key, wanted.upload)?
    else {
        return repeated(tables, &wanted);
    };
    let parts = choose_parts(tables, &wanted, &upload)?;
    let checksum = join_checksums(&upload, &parts)?;
    check_whole(&wanted, &checksum, &parts)?;
    check_write(
        &tables.objects,
        &wanted.bucket,
        &wanted.key,
        &wanted.condition,
    )?;
    let etag = etag_of_parts(&parts)?;
    publish(tables, &wanted, upload, &parts, (&etag, &checksum))?;
    remember(tables, wanted, &etag, &checksum)?;
    Ok((etag, checksum))
}

/// The same Complete once more, after it succeeded.
fn repeated(tables: &Tables<'_>, wanted: &Completion) -> Result<(String, Checksum), Failure> {
    let stored = tables
        .completed
        .get(&wanted.upload.0)?
        .ok_or_else(Failure::no_such_upload)?;
    let done: CompletedRecord = serde_json::from_slice(stored.value())?;
    if done.bucket == wanted.bucket && done.key == wanted.key && done.parts == claims(wanted) {
        Ok((done.etag, done.checksum))
    } else {
        Err(Failure::no_such_upload())
    }
}

/// The stored parts the claims name, in order.
fn choose_parts(
    tables: &Tables<'_>,
    wanted: &Completion,
    upload: &UploadRecord,
) -> Result<Vec<PartRecord>, Failure> {
    if !wanted.parts.is_sorted_by(|a, b| a.number < b.number) {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidPartOrder,
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        ));
    }
    let mut parts = Vec::with_capacity(wanted.parts.len());
    for claim in &wanted.parts {
        let stored = tables.parts.get((&wanted.upload.0, claim.number))?;
        let part: Option<PartRecord> = stored
            .map(|stored| serde_json::from_slice(stored.value()))
            .transpose()?;
        let part = part
            .filter(|part| part.etag.eq_ignore_ascii_case(&claim.etag))
            .ok_or_else(invalid_part)?;
        check_claim(claim, &part, upload)?;
        parts.push(part);
    }
    let Some((_, all_but_last)) = parts.split_last() else {
        return Err(Failure::refuse(
            S3ErrorCode::MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    };
    if all_but_last.iter().any(|part| part.size < MIN_PART) {
        return Err(Failure::refuse(
            S3ErrorCode::EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size",
        ));
    }
    Ok(parts)
}

fn check_claim(claim: &PartClaim, part: &PartRecord, upload: &UploadRecord) -> Result<(), Failure> {
    match &claim.checksum {
        Some((algorithm, value)) if *algorithm == upload.algorithm => {
            if *value == part.checksum {
                Ok(())
            } else {
                Err(invalid_part())
            }
        }
        Some((algorithm, _)) if upload.declared => Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                upload.algorithm.name().to_lowercase(),
                algorithm.name().to_lowercase()
            ),
        )),
        None if upload.declared && upload.coverage == Coverage::Composite => Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            format!(
                "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {} in the request.",
                upload.algorithm.name().to_lowercase(),
                claim.number
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

fn join_checksums(upload: &UploadRecord, parts: &[PartRecord]) -> Result<Checksum, Failure> {
    let values = parts.iter().map(|part| part.checksum.as_str());
    let value = match upload.coverage {
        Coverage::Composite => digest::compose(upload.algorithm, values),
        Coverage::FullObject => {
            let sizes = parts.iter().map(|part| part.size);
            digest::combine(upload.algorithm, values.zip(sizes))
        }
    };
    Ok(Checksum {
        algorithm: upload.algorithm,
        coverage: upload.coverage,
        value: value.ok_or(Failure::Broken("the checksum of a part cannot be read"))?,
    })
}

/// What the request says of the whole object.
fn check_whole(
    wanted: &Completion,
    checksum: &Checksum,
    parts: &[PartRecord],
) -> Result<(), Failure> {
    let size: u64 = parts.iter().map(|part| part.size).sum();
    if wanted.size.is_some_and(|claimed| claimed != size) {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        ));
    }
    if wanted
        .coverage
        .is_some_and(|coverage| coverage != checksum.coverage)
    {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            format!(
                "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
                checksum.coverage.name()
            ),
        ));
    }
    let Some((algorithm, value)) = &wanted.checksum else {
        return Ok(());
    };
    let own = match checksum.coverage {
        Coverage::FullObject => checksum.value.as_str(),
        // S3 takes a composite with or without its number of parts.
        Coverage::Composite if value.contains('-') => checksum.value.as_str(),
        Coverage::Composite => checksum.value.split('-').next().unwrap_or_default(),
    };
    if *algorithm == checksum.algorithm && value == own {
        return Ok(());
    }
    Err(Failure::refuse(
        S3ErrorCode::BadDigest,
        format!(
            "The {} you specified did not match the calculated checksum.",
            algorithm.name().to_lowercase()
        ),
    ))
}

/// MD5 of the parts' MD5s, and their number.
fn etag_of_parts(parts: &[PartRecord]) -> Result<String, Failure> {
    let mut md5 = Md5::new();
    for part in parts {
        let etag: [u8; 16] =
            unhex(&part.etag).ok_or(Failure::Broken("the etag of a part cannot be read"))?;
        md5.update(etag);
    }
    Ok(format!("{}-{}", hex(&md5.finalize()), parts.len()))
}

fn publish(
    tables: &mut Tables<'_>,
    wanted: &Completion,
    upload: UploadRecord,
    parts: &[PartRecord],
    (etag, checksum): (&str, &Checksum),
) -> Result<(), Failure> {
    let extents: Vec<Extent> = parts
        .iter()
        .filter_map(|part| part.blob.map(|blob| (blob, part.size)))
        .map(|(blob, size)| Extent { blob, size })
        .collect();
    let kept: Vec<Id> = extents.iter().map(|extent| extent.blob).collect();
    upload::forget(
        tables,
        &wanted.bucket,
        wanted.key.as_bytes(),
        wanted.upload,
        &kept,
    )?;
    let body = (!extents.is_empty()).then_some(wanted.body);
    if let Some(id) = body {
        body::create(tables, id, &extents)?;
    }
    let record = ObjectRecord {
        size: parts.iter().map(|part| part.size).sum(),
        etag: etag.to_owned(),
        modified: wanted.now,
        body,
        parts: u32::try_from(parts.len()).ok(),
        checksum: checksum.clone(),
        facts: upload.facts,
    };
    replace(
        tables,
        "CompleteMultipartUpload",
        &wanted.bucket,
        &wanted.key,
        &record,
    )
}

/// Keeps the answer, and forgets the oldest one that is due.
fn remember(
    tables: &mut Tables<'_>,
    wanted: Completion,
    etag: &str,
    checksum: &Checksum,
) -> Result<(), Failure> {
    let oldest = match tables.completed.first()? {
        Some((id, stored)) => {
            let record: CompletedRecord = serde_json::from_slice(stored.value())?;
            (wanted.now.duration_since(record.at) > MEMORY).then(|| *id.value())
        }
        None => None,
    };
    if let Some(id) = oldest {
        tables.completed.remove(&id)?;
    }
    let id = wanted.upload;
    let record = CompletedRecord {
        parts: claims(&wanted),
        bucket: wanted.bucket,
        key: wanted.key,
        etag: etag.to_owned(),
        checksum: checksum.clone(),
        at: wanted.now,
    };
    let bytes = serde_json::to_vec(&record)?;
    tables.completed.insert(&id.0, bytes.as_slice())?;
    Ok(())
}

fn claims(wanted: &Completion) -> Vec<String> {
    wanted
        .parts
        .iter()
        .map(|part| format!("{}:{}", part.number, part.etag.to_ascii_lowercase()))
        .collect()
}

fn invalid_part() -> Failure {
    Failure::refuse(
        S3ErrorCode::InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    )
}
