//! Single objects: put, get, head, delete.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response};
use tokio::task;

use super::convert::{
    ChecksumFields, etag, expires, metadata, read_facts, set_checksum, timestamp, write_condition,
};
use super::range::{choose_range, content_range, length, part_range, parts_count};
use super::{Answer, Backend, only_version};
use crate::blob::Pin;
use crate::condition::{ReadConditions, Verdict};
use crate::declared::Declared;
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::error::Failure;
use crate::id::hex;
use crate::index::{self, NewObject, WriteCondition};
use crate::ingest::ingest;
use crate::read::ObjectStream;
use crate::record::{Extent, Facts, ObjectRecord};

/// An object that is being received.
pub(crate) struct Publication {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) body: Option<StreamingBlob>,
    pub(crate) declared: Declared,
    pub(crate) facts: Facts,
    pub(crate) condition: WriteCondition,
}

/// Receives an object whole, then makes it visible.
pub(crate) async fn publish(
    backend: &Backend,
    object: Publication,
) -> Result<ObjectRecord, Failure> {
    let declared = object.declared;
    let algorithm = declared.algorithm().unwrap_or(Algorithm::Crc64Nvme);
    let now = backend.now();
    let received = ingest(&backend.blobs, object.body, &declared, algorithm, now).await?;
    let record = ObjectRecord {
        size: received.size,
        etag: hex(&received.digests.md5),
        modified: now,
        body: None,
        parts: None,
        checksum: Checksum {
            algorithm,
            coverage: Coverage::FullObject,
            value: received.digests.value(algorithm).unwrap_or_default(),
        },
        facts: object.facts,
    };
    fail::fail_point!("embedded.object.before_index");
    let new = NewObject {
        bucket: object.bucket,
        key: object.key,
        record,
        blob: received.blob,
        condition: object.condition,
        body: backend.new_id()?,
    };
    backend
        .committer
        .write(move |tables| index::put_object(tables, new))
        .await
}

pub(super) async fn put(
    backend: &Backend,
    req: S3Request<PutObjectInput>,
) -> Answer<PutObjectOutput> {
    let input = req.input;
    if input.write_offset_bytes.is_some() {
        return Err(s3s::s3_error!(
            NotImplemented,
            "appending is not implemented"
        ));
    }
    let trailers = req
        .trailing_headers
        .or_else(|| req.extensions.get().cloned());
    let declared = Declared::read(&req.headers, input.content_length, trailers.as_ref())?;
    let facts = read_facts(&req.headers, input.metadata, input.tagging.as_deref())?;
    let condition = write_condition(input.if_match, input.if_none_match.as_ref())?;
    let object = Publication {
        bucket: input.bucket,
        key: input.key,
        body: input.body,
        declared,
        facts,
        condition,
    };
    let record = publish(backend, object).await?;
    fail::fail_point!("embedded.put.after");
    let mut output = PutObjectOutput {
        e_tag: etag(&record.etag),
        checksum_type: Some(ChecksumType::from_static(Coverage::FullObject.name())),
        ..PutObjectOutput::default()
    };
    set_checksum!(output, ChecksumFields::of(&record.checksum));
    Ok(S3Response::new(output))
}

pub(super) async fn get(backend: &Backend, input: GetObjectInput) -> Answer<GetObjectOutput> {
    only_version(input.version_id.as_deref())?;
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let (record, extents, pin) = open(backend, input.bucket, input.key).await?;
    check(&conditions, &record)?;
    let part = part_range(input.part_number, &record, &extents)?;
    let (range, partial) = choose_range(input.range, part, record.size)?;
    let stream = ObjectStream::new(&backend.blobs, pin, &extents, &range);
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(StreamingBlob::new(stream)),
        content_length: length(&range),
        content_range: partial.then(|| content_range(&range, record.size)),
        tag_count: i32::try_from(record.facts.tags.len())
            .ok()
            .filter(|count| *count > 0),
        parts_count: parts_count(input.part_number, &record),
        ..GetObjectOutput::default()
    };
    describe!(output, record);
    if input.checksum_mode.is_some() && !partial {
        output.checksum_type = Some(ChecksumType::from_static(record.checksum.coverage.name()));
        set_checksum!(output, ChecksumFields::of(&record.checksum));
    }
    Ok(S3Response::new(output))
}

pub(super) async fn head(backend: &Backend, input: HeadObjectInput) -> Answer<HeadObjectOutput> {
    only_version(input.version_id.as_deref())?;
    let overrides = overrides(&input)?;
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let (bucket, key) = (input.bucket, input.key);
    let (record, extents) = backend
        .read(move |snapshot| index::find_object(snapshot, &bucket, &key))
        .await?;
    check(&conditions, &record)?;
    let part = part_range(input.part_number, &record, &extents)?;
    let (range, partial) = choose_range(input.range, part, record.size)?;
    let mut output = HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: length(&range),
        content_range: partial.then(|| content_range(&range, record.size)),
        parts_count: parts_count(input.part_number, &record),
        ..HeadObjectOutput::default()
    };
    describe!(output, record);
    if input.checksum_mode.is_some() && !partial {
        output.checksum_type = Some(ChecksumType::from_static(record.checksum.coverage.name()));
        set_checksum!(output, ChecksumFields::of(&record.checksum));
    }
    Ok(S3Response::with_headers(output, overrides))
}

pub(super) async fn delete(
    backend: &Backend,
    input: DeleteObjectInput,
) -> Answer<DeleteObjectOutput> {
    only_version(input.version_id.as_deref())?;
    fail::fail_point!("embedded.delete.before");
    backend
        .committer
        .write(move |tables| {
            index::delete_object(tables, &input.bucket, &input.key, input.if_match.as_ref())
        })
        .await?;
    fail::fail_point!("embedded.delete.after");
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

/// Up to a thousand in one transaction; each is answered for on its own.
pub(super) async fn delete_many(
    backend: &Backend,
    input: DeleteObjectsInput,
) -> Answer<DeleteObjectsOutput> {
    let DeleteObjectsInput { bucket, delete, .. } = input;
    if delete.objects.is_empty() || delete.objects.len() > 1000 {
        return Err(s3s::s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        ));
    }
    let quiet = delete.quiet.unwrap_or(false);
    let results = backend
        .committer
        .write(move |tables| {
            let mut results = Vec::with_capacity(delete.objects.len());
            for object in delete.objects {
                let condition = object.e_tag.map(ETagCondition::ETag);
                let result = match only_version(object.version_id.as_deref()) {
                    Ok(()) => {
                        index::delete_object(tables, &bucket, &object.key, condition.as_ref())
                    }
                    Err(_) => Ok(false),
                };
                match result {
                    Ok(_) => results.push((object.key, None)),
                    Err(Failure::Refused(refusal)) if refusal.code != S3ErrorCode::NoSuchBucket => {
                        results.push((object.key, Some(refusal)));
                    }
                    Err(failure) => return Err(failure),
                }
            }
            Ok(results)
        })
        .await?;
    let mut output = DeleteObjectsOutput::default();
    for (key, refusal) in results {
        match refusal {
            Some(refusal) => output.errors.get_or_insert_default().push(Error {
                code: Some(refusal.code.as_str().to_owned()),
                key: Some(key),
                message: Some(refusal.message),
                version_id: None,
            }),
            None if quiet => {}
            None => output.deleted.get_or_insert_default().push(DeletedObject {
                key: Some(key),
                ..DeletedObject::default()
            }),
        }
    }
    Ok(S3Response::new(output))
}

/// An object whose files stay until the pin is dropped.
pub(super) async fn open(
    backend: &Backend,
    bucket: String,
    key: String,
) -> Result<(ObjectRecord, Vec<Extent>, Option<Pin>), Failure> {
    let (index, blobs) = (Arc::clone(&backend.index), Arc::clone(&backend.blobs));
    let opened = task::spawn_blocking(move || {
        loop {
            let (record, extents) =
                index.read(|snapshot| index::find_object(snapshot, &bucket, &key))?;
            let Some(body) = record.body else {
                return Ok((record, extents, None));
            };
            let pin = blobs.pin(body);
            // Between the look and the pin the object may have been replaced and its files removed.
            if index.read(|snapshot| index::has_body(snapshot, body))? {
                return Ok((record, extents, Some(pin)));
            }
        }
    });
    opened
        .await
        .unwrap_or(Err(Failure::Broken("a reading thread ended early")))
}

fn check(conditions: &ReadConditions, record: &ObjectRecord) -> Result<(), S3Error> {
    match conditions.judge(record) {
        Verdict::Go => Ok(()),
        Verdict::Failed => Err(Failure::precondition().into()),
        Verdict::NotModified => Err(not_modified(record)),
    }
}

/// 304 repeats what a cache needs: ETag, dates, caching rules.
fn not_modified(record: &ObjectRecord) -> S3Error {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    };
    set("etag", Some(format!("\"{}\"", record.etag)));
    set("cache-control", record.facts.cache_control.clone());
    set("expires", record.facts.expires.clone());
    let mut date = Vec::new();
    if timestamp(record.modified)
        .format(TimestampFormat::HttpDate, &mut date)
        .is_ok()
    {
        set("last-modified", String::from_utf8(date).ok());
    }
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    error.set_headers(headers);
    error
}

/// `response-*` of a HEAD, which `s3s` leaves to us (it does those of a GET).
fn overrides(input: &HeadObjectInput) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("cache-control", &input.response_cache_control),
        ("content-disposition", &input.response_content_disposition),
        ("content-encoding", &input.response_content_encoding),
        ("content-language", &input.response_content_language),
        ("content-type", &input.response_content_type),
    ] {
        if let Some(value) = value {
            let value = HeaderValue::try_from(value.as_str())
                .map_err(|_| s3s::s3_error!(InvalidArgument, "invalid override of {name}"))?;
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

/// Fills in what an object says of itself, alike for GET and HEAD.
macro_rules! describe {
    ($output:expr, $record:expr) => {{
        let facts = &$record.facts;
        $output.e_tag = etag(&$record.etag);
        $output.last_modified = Some(timestamp($record.modified));
        $output.cache_control = facts.cache_control.clone();
        $output.content_disposition = facts.content_disposition.clone();
        $output.content_encoding = facts.content_encoding.clone();
        $output.content_language = facts.content_language.clone();
        $output.content_type = facts
            .content_type
            .clone()
            .or_else(|| Some("binary/octet-stream".to_owned()));
        $output.expires = expires(facts);
        $output.metadata = metadata(facts);
    }};
}
use describe;
