//! Multipart uploads: create, put a part, list parts, complete, abort.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response};

use super::convert::{
    ChecksumFields, etag, get_checksum, read_facts, set_checksum, timestamp, write_condition,
};
use super::{Answer, Backend, OWNER};
use crate::declared::Declared;
use crate::digest::{Algorithm, Coverage};
use crate::error::Failure;
use crate::id::{Id, hex};
use crate::index::{self, Completion, NewPart, PartClaim};
use crate::ingest::ingest;
use crate::record::{PartRecord, UploadRecord};

/// The highest part number.
const MAX_PART: i32 = 10_000;
/// Parts on a page.
const MAX_PAGE: i32 = 1000;

pub(super) async fn create(
    backend: &Backend,
    req: S3Request<CreateMultipartUploadInput>,
) -> Answer<CreateMultipartUploadOutput> {
    let input = req.input;
    let (algorithm, coverage) = read_algorithm(
        input
            .checksum_algorithm
            .as_ref()
            .map(ChecksumAlgorithm::as_str),
        input.checksum_type.as_ref().map(ChecksumType::as_str),
    )?;
    let record = UploadRecord {
        initiated: backend.now(),
        algorithm: algorithm.unwrap_or(Algorithm::Crc64Nvme),
        coverage,
        declared: algorithm.is_some(),
        facts: read_facts(&req.headers, input.metadata, input.tagging.as_deref())?,
    };
    let id = backend.new_id()?;
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    fail::fail_point!("embedded.create.before");
    backend
        .committer
        .write(move |tables| index::create_upload(tables, &bucket, &key, id, &record))
        .await?;
    fail::fail_point!("embedded.create.after");
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id.to_string()),
        checksum_algorithm: algorithm
            .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: algorithm.map(|_| ChecksumType::from_static(coverage.name())),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn put_part(
    backend: &Backend,
    req: S3Request<UploadPartInput>,
) -> Answer<UploadPartOutput> {
    let input = req.input;
    let trailers = req
        .trailing_headers
        .or_else(|| req.extensions.get().cloned());
    let declared = Declared::read(&req.headers, input.content_length, trailers.as_ref())?;
    let place = PartPlace::new(input.bucket, input.key, &input.upload_id, input.part_number)?;
    let upload = place.upload(backend).await?;
    check_algorithm(&upload, &declared)?;
    let part = receive_part(backend, &upload, place, input.body, &declared).await?;
    fail::fail_point!("embedded.part.after");
    let mut output = UploadPartOutput {
        e_tag: etag(&part.etag),
        ..UploadPartOutput::default()
    };
    set_checksum!(
        output,
        ChecksumFields::new(upload.algorithm, &part.checksum)
    );
    Ok(S3Response::new(output))
}

/// Where a part belongs.
pub(super) struct PartPlace {
    bucket: String,
    key: String,
    upload: Id,
    number: u16,
}

impl PartPlace {
    pub(super) fn new(
        bucket: String,
        key: String,
        upload: &str,
        number: i32,
    ) -> Result<Self, Failure> {
        Ok(Self {
            bucket,
            key,
            upload: parse_upload(upload)?,
            number: parse_number(number)?,
        })
    }

    /// The upload it belongs to.
    pub(super) async fn upload(&self, backend: &Backend) -> Result<UploadRecord, Failure> {
        let (bucket, key, id) = (self.bucket.clone(), self.key.clone(), self.upload);
        backend
            .read(move |snapshot| index::find_upload(snapshot, &bucket, &key, id))
            .await
    }
}

/// Receives the bytes of a part and remembers it.
pub(super) async fn receive_part(
    backend: &Backend,
    upload: &UploadRecord,
    place: PartPlace,
    body: Option<StreamingBlob>,
    declared: &Declared,
) -> Result<PartRecord, Failure> {
    let now = backend.now();
    let received = ingest(&backend.blobs, body, declared, upload.algorithm, now).await?;
    let record = PartRecord {
        blob: None,
        size: received.size,
        etag: hex(&received.digests.md5),
        modified: now,
        checksum: received.digests.value(upload.algorithm).unwrap_or_default(),
    };
    fail::fail_point!("embedded.part.before_index");
    let part = NewPart {
        bucket: place.bucket,
        key: place.key,
        upload: place.upload,
        number: place.number,
        record,
        blob: received.blob,
    };
    backend
        .committer
        .write(move |tables| index::put_part(tables, part))
        .await
}

/// A part may not speak of another algorithm than its upload, and must speak up when the parts' checksums are
/// all there will be.
fn check_algorithm(upload: &UploadRecord, declared: &Declared) -> Result<(), Failure> {
    let actual = declared.algorithm();
    let silent = actual.is_none() && upload.coverage == Coverage::FullObject;
    if !upload.declared || silent || actual == Some(upload.algorithm) {
        return Ok(());
    }
    Err(Failure::refuse(
        S3ErrorCode::InvalidRequest,
        format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            upload.algorithm.name().to_lowercase(),
            actual.map_or_else(|| "null".to_owned(), |actual| actual.name().to_lowercase())
        ),
    ))
}

pub(super) async fn list_parts(
    backend: &Backend,
    input: ListPartsInput,
) -> Answer<ListPartsOutput> {
    let id = parse_upload(&input.upload_id)?;
    let limit = page_size(input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let after = u16::try_from(marker)
        .map_err(|_| s3s::s3_error!(InvalidArgument, "invalid part-number-marker"))?;
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let page = backend
        .read(move |snapshot| index::list_parts(snapshot, &bucket, &key, id, after, limit))
        .await?;
    let algorithm = page.upload.algorithm;
    let parts: Vec<Part> = page
        .parts
        .iter()
        .map(|(number, part)| describe_part(algorithm, *number, part))
        .collect();
    let owner = || Some(OWNER.to_owned());
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(marker),
        next_part_number_marker: parts.last().and_then(|part| part.part_number),
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(page.truncated),
        parts: Some(parts),
        checksum_algorithm: Some(ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: Some(ChecksumType::from_static(page.upload.coverage.name())),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        initiator: Some(Initiator {
            display_name: None,
            id: owner(),
        }),
        owner: Some(Owner {
            display_name: None,
            id: owner(),
        }),
        ..ListPartsOutput::default()
    }))
}

pub(super) async fn complete(
    backend: &Backend,
    input: CompleteMultipartUploadInput,
) -> Answer<CompleteMultipartUploadOutput> {
    let checksum = get_checksum!(input).single()?;
    let coverage = input.checksum_type.as_ref().map(ChecksumType::as_str);
    let coverage = coverage.map(read_coverage).transpose()?;
    let claims = input.multipart_upload.and_then(|upload| upload.parts);
    let parts: Vec<PartClaim> = claims
        .unwrap_or_default()
        .into_iter()
        .map(read_claim)
        .collect::<Result<_, _>>()?;
    let wanted = Completion {
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        upload: parse_upload(&input.upload_id)?,
        parts,
        condition: write_condition(input.if_match, input.if_none_match.as_ref())?,
        checksum,
        coverage,
        size: input
            .mpu_object_size
            .and_then(|size| u64::try_from(size).ok()),
        body: backend.new_id()?,
        now: backend.now(),
    };
    fail::fail_point!("embedded.complete.before");
    let (tag, checksum) = backend
        .committer
        .write(move |tables| index::complete_upload(tables, wanted))
        .await?;
    fail::fail_point!("embedded.complete.after");
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: etag(&tag),
        checksum_type: Some(ChecksumType::from_static(checksum.coverage.name())),
        ..CompleteMultipartUploadOutput::default()
    };
    set_checksum!(output, ChecksumFields::of(&checksum));
    Ok(S3Response::new(output))
}

pub(super) async fn abort(
    backend: &Backend,
    input: AbortMultipartUploadInput,
) -> Answer<AbortMultipartUploadOutput> {
    let id = parse_upload(&input.upload_id)?;
    fail::fail_point!("embedded.abort.before");
    backend
        .committer
        .write(move |tables| index::abort_upload(tables, &input.bucket, &input.key, id))
        .await?;
    fail::fail_point!("embedded.abort.after");
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

/// The size of a page: at most, and unless asked for less, a thousand.
pub(super) fn page_size(asked: Option<i32>) -> Result<usize, S3Error> {
    usize::try_from(asked.unwrap_or(MAX_PAGE).min(MAX_PAGE))
        .map_err(|_| s3s::s3_error!(InvalidArgument, "the size of a page cannot be negative"))
}

pub(super) fn parse_upload(id: &str) -> Result<Id, Failure> {
    Id::parse(id).ok_or_else(Failure::no_such_upload)
}

fn parse_number(number: i32) -> Result<u16, Failure> {
    u16::try_from(number)
        .ok()
        .filter(|_| (1..=MAX_PART).contains(&number))
        .ok_or_else(|| {
            Failure::refuse(
                S3ErrorCode::InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive",
            )
        })
}

fn read_algorithm(
    algorithm: Option<&str>,
    coverage: Option<&str>,
) -> Result<(Option<Algorithm>, Coverage), Failure> {
    let algorithm = algorithm
        .map(|name| {
            Algorithm::parse(name).ok_or_else(|| {
                Failure::refuse(
                    S3ErrorCode::InvalidRequest,
                    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
                )
            })
        })
        .transpose()?;
    let coverage = coverage.map(read_coverage).transpose()?;
    let effective = algorithm.unwrap_or(Algorithm::Crc64Nvme);
    let chosen = coverage.unwrap_or_else(|| effective.default_coverage());
    if (coverage.is_some() && algorithm.is_none()) || !effective.allows(chosen) {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            format!(
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                chosen.name(),
                algorithm.map_or("absent", |algorithm| algorithm.name())
            ),
        ));
    }
    Ok((algorithm, chosen))
}

fn read_coverage(name: &str) -> Result<Coverage, Failure> {
    Coverage::parse(name).ok_or_else(|| {
        Failure::refuse(
            S3ErrorCode::InvalidRequest,
            "Value for x-amz-checksum-type header is invalid.",
        )
    })
}

fn read_claim(part: CompletedPart) -> Result<PartClaim, Failure> {
    let checksum = get_checksum!(part).single()?;
    let (Some(number), Some(etag)) = (part.part_number, part.e_tag) else {
        return Err(Failure::refuse(
            S3ErrorCode::MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema",
        ));
    };
    Ok(PartClaim {
        number: parse_number(number)?,
        etag: etag.into_value(),
        checksum,
    })
}

fn describe_part(algorithm: Algorithm, number: u16, part: &PartRecord) -> Part {
    let mut described = Part {
        part_number: Some(i32::from(number)),
        size: i64::try_from(part.size).ok(),
        e_tag: etag(&part.etag),
        last_modified: Some(timestamp(part.modified)),
        ..Part::default()
    };
    set_checksum!(described, ChecksumFields::new(algorithm, &part.checksum));
    described
}
