//! What "verified" means: the final object held against what was declared.

use bytes::Bytes;
use jiff::Timestamp;
use valetkey_catalog::{FileFacts, Record};
use valetkey_protocol::file::Integrity;
use valetkey_protocol::part::MIB;
use valetkey_protocol::{Checksum, Code, Hasher, ObjectKey, Problem};
use valetkey_store::{ObjectInfo, StoreError};

use crate::sniff::{SNIFFED_BYTES, contradicts, detect};
use crate::{Bucket, Error};

/// How many bytes are read back at a time.
const READ_BACK: u64 = 4 * MIB;

/// What the final object turned out to be.
pub(super) enum Verdict {
    /// The declared file.
    Good(FileFacts),
    /// Something else.
    Bad(Problem),
}

/// Reads what the type is told by.
pub(super) async fn first_bytes(
    bucket: &Bucket,
    key: &ObjectKey,
    object: &ObjectInfo,
) -> Result<Bytes, StoreError> {
    match object.size {
        0 => Ok(Bytes::new()),
        size => {
            let length = SNIFFED_BYTES.min(size);
            bucket.store.read(key, &object.etag, 0, length).await
        }
    }
}

/// Holds the final object against the record: size, checksum, first bytes, unless these are known.
pub(super) async fn check(
    bucket: &Bucket,
    record: &Record,
    object: &ObjectInfo,
    known: Option<Bytes>,
    now: Timestamp,
) -> Result<Verdict, Error> {
    if let Some(problem) = size_problem(bucket, record, object.size) {
        return Ok(Verdict::Bad(problem));
    }
    let checked = match prove_checksum(bucket, record, object).await {
        Err(Error::Store(StoreError::PreconditionFailed | StoreError::NotFound)) => {
            return Ok(Verdict::Bad(rewritten()));
        }
        other => other?,
    };
    let (checksum, integrity) = match checked {
        Ok(proof) => proof,
        Err(problem) => return Ok(Verdict::Bad(problem)),
    };
    let first_bytes = match known {
        Some(known) => known,
        None => first_bytes(bucket, &record.upload.key, object).await?,
    };
    let detected_type = detect(&first_bytes);
    if let Some(problem) = type_problem(bucket, record, detected_type.as_deref()) {
        return Ok(Verdict::Bad(problem));
    }
    Ok(Verdict::Good(FileFacts {
        size: object.size,
        etag: object.etag.clone(),
        checksum,
        integrity,
        detected_type,
        expires_at: bucket.rules.ends(record.upload.retain_for, now),
    }))
}

/// The checksum of the bytes and what stands behind it, or the problem of another one.
async fn prove_checksum(
    bucket: &Bucket,
    record: &Record,
    object: &ObjectInfo,
) -> Result<Result<(Option<Checksum>, Integrity), Problem>, Error> {
    let Some(declared) = record.upload.checksum else {
        let preferred = bucket.rules.checksum_algorithm;
        return Ok(Ok((
            reported(object, preferred).or(object.checksums.first().copied()),
            Integrity::Size,
        )));
    };
    let (found, integrity) = match reported(object, declared.algorithm()) {
        Some(found) => (found, Integrity::Checksum),
        None => (
            read_back(bucket, record, object, declared).await?,
            Integrity::Rehash,
        ),
    };
    if found == declared {
        return Ok(Ok((Some(declared), integrity)));
    }
    let detail = format!(
        "the stored bytes have the {} {}, not the declared one; create a new upload and send them again",
        declared.algorithm(),
        found.to_base64()
    );
    Ok(Err(Problem::new(Code::ChecksumMismatch, detail)))
}

fn reported(object: &ObjectInfo, algorithm: valetkey_protocol::Algorithm) -> Option<Checksum> {
    object
        .checksums
        .iter()
        .find(|one| one.algorithm() == algorithm)
        .copied()
}

/// Reads the whole object by ranges, each pinned to the same `ETag`.
async fn read_back(
    bucket: &Bucket,
    record: &Record,
    object: &ObjectInfo,
    declared: Checksum,
) -> Result<Checksum, Error> {
    let mut hasher = Hasher::new(declared.algorithm());
    let mut offset = 0;
    while offset < object.size {
        let length = READ_BACK.min(object.size - offset);
        let bytes = bucket
            .store
            .read(&record.upload.key, &object.etag, offset, length)
            .await?;
        if bytes.len() as u64 != length {
            let what = format!("a read gave {} of {length} bytes", bytes.len());
            return Err(StoreError::Unavailable { what }.into());
        }
        hasher.update(&bytes);
        offset += length;
    }
    Ok(hasher.finish())
}

/// The problem of bytes that speak of another type, where the bucket minds.
fn type_problem(bucket: &Bucket, record: &Record, detected: Option<&str>) -> Option<Problem> {
    let declared = &record.upload.content_type;
    let detected = detected.filter(|detected| contradicts(detected, declared))?;
    bucket.rules.refuse_type_mismatch.then(|| {
        let detail = format!("the bytes begin like {detected}, and {declared} was declared; create a new upload with its true type");
        Problem::new(Code::TypeMismatch, detail).with("detected_type", detected)
    })
}

/// Whether two looks at what should be the same bytes cannot both be true.
pub(super) fn contradict(source: &ObjectInfo, copy: &ObjectInfo) -> bool {
    let differs =
        |one: &Checksum| reported(copy, one.algorithm()).is_some_and(|other| other != *one);
    source.size != copy.size || source.checksums.iter().any(differs)
}

/// The problem of more or fewer bytes than declared or, when none were declared, of more or fewer than there may be.
pub(super) fn size_problem(bucket: &Bucket, record: &Record, stored: u64) -> Option<Problem> {
    let Some(declared) = record.upload.declared_size() else {
        let least = bucket.rules.min_size;
        if stored < least {
            let detail = format!(
                "{stored} bytes are stored, and files of at least {least} bytes are taken; create a new upload"
            );
            return Some(Problem::new(Code::SizeMismatch, detail).with("limit", least));
        }
        let most = record.upload.size;
        return (stored > most).then(|| {
            let detail = format!(
                "{stored} bytes are stored, and files of up to {most} bytes are taken this way; create a new upload"
            );
            Problem::new(Code::FileTooLarge, detail).with("limit", most)
        });
    };
    (declared != stored).then(|| {
        let detail =
            format!("{stored} bytes are stored, {declared} were declared; create a new upload");
        Problem::new(Code::SizeMismatch, detail).with("limit", declared)
    })
}

fn rewritten() -> Problem {
    Problem::new(
        Code::Conflict,
        "the object was rewritten while it was verified; create a new upload",
    )
}
