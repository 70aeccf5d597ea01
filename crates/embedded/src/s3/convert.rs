//! Between our records and the types of `s3s`.

use std::collections::BTreeMap;

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use s3s::S3ErrorCode;
use s3s::dto::{ETag, ETagCondition, Expires, Metadata, Timestamp, TimestampFormat};

use crate::clock::system_time;
use crate::digest::{Algorithm, Checksum};
use crate::error::Failure;
use crate::index::WriteCondition;
use crate::record::Facts;

/// As much user metadata as S3 keeps, in bytes of names and values.
const MAX_METADATA: usize = 2048;

pub(super) fn timestamp(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from(system_time(at))
}

pub(super) fn etag(value: &str) -> Option<ETag> {
    Some(ETag::Strong(value.to_owned()))
}

/// A checksum in the field of its algorithm.
#[derive(Default)]
pub(super) struct ChecksumFields {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
}

impl ChecksumFields {
    pub(super) fn new(algorithm: Algorithm, value: &str) -> Self {
        let mut fields = Self::default();
        let field = match algorithm {
            Algorithm::Crc32 => &mut fields.crc32,
            Algorithm::Crc32c => &mut fields.crc32c,
            Algorithm::Crc64Nvme => &mut fields.crc64nvme,
            Algorithm::Sha1 => &mut fields.sha1,
            Algorithm::Sha256 => &mut fields.sha256,
        };
        *field = Some(value.to_owned());
        fields
    }

    pub(super) fn of(checksum: &Checksum) -> Self {
        Self::new(checksum.algorithm, &checksum.value)
    }

    /// The one checksum a request names; two are refused.
    pub(super) fn single(self) -> Result<Option<(Algorithm, String)>, Failure> {
        let mut named = [
            (Algorithm::Crc32, self.crc32),
            (Algorithm::Crc32c, self.crc32c),
            (Algorithm::Crc64Nvme, self.crc64nvme),
            (Algorithm::Sha1, self.sha1),
            (Algorithm::Sha256, self.sha256),
        ]
        .into_iter()
        .filter_map(|(algorithm, value)| Some((algorithm, value?)));
        let first = named.next();
        if named.next().is_some() {
            return Err(Failure::refuse(
                S3ErrorCode::InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        Ok(first)
    }
}

/// Writes the checksum fields of an output.
macro_rules! set_checksum {
    ($output:expr, $fields:expr) => {{
        let fields = $fields;
        $output.checksum_crc32 = fields.crc32;
        $output.checksum_crc32c = fields.crc32c;
        $output.checksum_crc64nvme = fields.crc64nvme;
        $output.checksum_sha1 = fields.sha1;
        $output.checksum_sha256 = fields.sha256;
    }};
}

/// Reads the checksum fields of an input.
macro_rules! get_checksum {
    ($input:expr) => {
        $crate::s3::convert::ChecksumFields {
            crc32: $input.checksum_crc32.clone(),
            crc32c: $input.checksum_crc32c.clone(),
            crc64nvme: $input.checksum_crc64nvme.clone(),
            sha1: $input.checksum_sha1.clone(),
            sha256: $input.checksum_sha256.clone(),
        }
    };
}

pub(super) use {get_checksum, set_checksum};

/// What the headers of a write say about the object.
pub(crate) fn read_facts(
    headers: &HeaderMap,
    metadata: Option<Metadata>,
    tagging: Option<&str>,
) -> Result<Facts, Failure> {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let metadata: BTreeMap<String, String> = metadata.unwrap_or_default().into_iter().collect();
    let size: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size > MAX_METADATA {
        return Err(Failure::refuse(
            S3ErrorCode::MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size",
        ));
    }
    Ok(Facts {
        content_type: text("content-type"),
        content_disposition: text("content-disposition"),
        content_encoding: text("content-encoding").and_then(|value| without_framing(&value)),
        content_language: text("content-language"),
        cache_control: text("cache-control"),
        expires: text("expires"),
        metadata,
        tags: tagging.map_or_else(|| Ok(BTreeMap::new()), read_tags)?,
    })
}

/// `aws-chunked` is how the body travelled, not what it is.
fn without_framing(encoding: &str) -> Option<String> {
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// Reads `x-amz-tagging`: a query string of at most ten tags.
pub(super) fn read_tags(header: &str) -> Result<BTreeMap<String, String>, Failure> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| invalid_tag())
    };
    let mut tags = Vec::new();
    for pair in header.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        tags.push((decode(name)?, decode(value)?));
    }
    check_tags(tags)
}

/// The rules of <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>.
pub(crate) fn check_tags(
    tags: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut checked = BTreeMap::new();
    for (name, value) in tags {
        let fits = (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256;
        if !fits || checked.insert(name, value).is_some() {
            return Err(invalid_tag());
        }
    }
    if checked.len() > 10 {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidTag,
            "Object tags cannot be greater than 10",
        ));
    }
    Ok(checked)
}

/// The value of `Expires`, unless it was never a date.
pub(super) fn expires(facts: &Facts) -> Option<Expires> {
    let text = facts.expires.as_deref()?;
    Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

pub(super) fn metadata(facts: &Facts) -> Option<Metadata> {
    let all: Metadata = facts.metadata.clone().into_iter().collect();
    (!all.is_empty()).then_some(all)
}

/// The conditions of a write. S3 takes only `*` in `If-None-Match`.
pub(super) fn write_condition(
    if_match: Option<ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<WriteCondition, Failure> {
    if if_none_match.is_some_and(|condition| !condition.is_any()) {
        return Err(Failure::Refused(crate::error::Refusal {
            code: S3ErrorCode::NotImplemented,
            status: None,
            message: "A header you provided implies functionality that is not implemented: If-None-Match takes only * here".to_owned(),
        }));
    }
    Ok(WriteCondition {
        absent: if_none_match.is_some(),
        current: if_match,
    })
}

fn invalid_tag() -> Failure {
    Failure::refuse(
        S3ErrorCode::InvalidTag,
        "The tag provided was not a valid tag. This error can occur if the tag did not pass input validation.",
    )
}
