//! Copies within the store: whole objects share their bytes, parts are read and written again.

use std::ops::Range;

use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response};

use super::convert::{
    ChecksumFields, etag, read_facts, read_tags, set_checksum, timestamp, write_condition,
};
use super::multipart::{PartPlace, receive_part};
use super::{Answer, Backend, object, only_version};
use crate::condition::{ReadConditions, Verdict};
use crate::declared::Declared;
use crate::error::Failure;
use crate::index::{self, Copy, CopyFacts};
use crate::read::ObjectStream;

pub(super) async fn copy(
    backend: &Backend,
    req: S3Request<CopyObjectInput>,
) -> Answer<CopyObjectOutput> {
    let mut input = req.input;
    let facts = copy_facts(&req.headers, &mut input)?;
    let copy = Copy {
        source: source(input.copy_source)?,
        target: (input.bucket, input.key),
        source_conditions: ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        },
        condition: target_condition(&req.headers)?,
        facts,
        now: backend.now(),
    };
    fail::fail_point!("embedded.copy.before");
    let record = backend
        .committer
        .write(move |tables| index::copy_object(tables, copy))
        .await?;
    fail::fail_point!("embedded.copy.after");
    let mut result = CopyObjectResult {
        e_tag: etag(&record.etag),
        last_modified: Some(timestamp(record.modified)),
        checksum_type: Some(ChecksumType::from_static(record.checksum.coverage.name())),
        ..CopyObjectResult::default()
    };
    set_checksum!(result, ChecksumFields::of(&record.checksum));
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(result),
        ..CopyObjectOutput::default()
    }))
}

pub(super) async fn copy_part(
    backend: &Backend,
    input: UploadPartCopyInput,
) -> Answer<UploadPartCopyOutput> {
    let (source_bucket, source_key) = source(input.copy_source)?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let (record, extents, pin) = object::open(backend, source_bucket, source_key).await?;
    if conditions.judge(&record) != Verdict::Go {
        return Err(Failure::precondition().into());
    }
    let range = match input.copy_source_range.as_deref() {
        Some(text) => part_range(text, record.size)?,
        None => 0..record.size,
    };
    let place = PartPlace::new(input.bucket, input.key, &input.upload_id, input.part_number)?;
    let declared = Declared::of_length(range.end - range.start);
    let body = StreamingBlob::new(ObjectStream::new(&backend.blobs, pin, &extents, &range));
    let upload = place.upload(backend).await?;
    let part = receive_part(backend, &upload, place, Some(body), &declared).await?;
    let mut result = CopyPartResult {
        e_tag: etag(&part.etag),
        last_modified: Some(timestamp(part.modified)),
        ..CopyPartResult::default()
    };
    set_checksum!(
        result,
        ChecksumFields::new(upload.algorithm, &part.checksum)
    );
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        ..UploadPartCopyOutput::default()
    }))
}

/// What the two directives say; each takes from the source unless told to replace.
fn copy_facts(
    headers: &http::HeaderMap,
    input: &mut CopyObjectInput,
) -> Result<CopyFacts, S3Error> {
    let metadata = input
        .metadata_directive
        .as_ref()
        .map(MetadataDirective::as_str);
    let replace = match metadata {
        None | Some(MetadataDirective::COPY) => None,
        Some(MetadataDirective::REPLACE) => Some(read_facts(headers, input.metadata.take(), None)?),
        Some(_) => {
            return Err(s3s::s3_error!(
                InvalidArgument,
                "Unknown metadata directive."
            ));
        }
    };
    let tagging = input
        .tagging_directive
        .as_ref()
        .map(TaggingDirective::as_str);
    let replace_tags = match tagging {
        None | Some(TaggingDirective::COPY) => None,
        Some(TaggingDirective::REPLACE) => {
            Some(read_tags(input.tagging.as_deref().unwrap_or_default())?)
        }
        Some(_) => {
            return Err(s3s::s3_error!(
                InvalidArgument,
                "Unknown tagging directive."
            ));
        }
    };
    Ok(CopyFacts {
        replace,
        replace_tags,
    })
}

fn source(source: CopySource) -> Result<(String, String), S3Error> {
    match source {
        CopySource::Bucket {
            bucket,
            key,
            version_id,
        } => {
            only_version(version_id.as_deref())?;
            Ok((bucket.into(), key.into()))
        }
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Err(s3s::s3_error!(
            NotImplemented,
            "access points are not implemented"
        )),
    }
}

/// `If-Match` and `If-None-Match` of the target, which `s3s` does not read for a copy.
fn target_condition(headers: &http::HeaderMap) -> Result<index::WriteCondition, S3Error> {
    let read = |name: &str| {
        headers
            .get(name)
            .map(|value| ETagCondition::parse_http_header(value.as_bytes()))
            .transpose()
            .map_err(|_| s3s::s3_error!(InvalidArgument, "invalid header: {name}"))
    };
    let if_none_match = read("if-none-match")?;
    Ok(write_condition(read("if-match")?, if_none_match.as_ref())?)
}

/// `x-amz-copy-source-range` knows only `bytes=first-last`, and it must lie inside the source.
fn part_range(text: &str, size: u64) -> Result<Range<u64>, S3Error> {
    let invalid = || {
        s3s::s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"
        )
    };
    match s3s::dto::Range::parse(text) {
        Ok(s3s::dto::Range::Int {
            first,
            last: Some(last),
        }) => {
            if last >= size {
                return Err(s3s::s3_error!(
                    InvalidRange,
                    "The specified copy range is not valid for the source object"
                ));
            }
            Ok(first..last + 1)
        }
        _ => Err(invalid()),
    }
}
