//! Which bytes of an object a GET or HEAD asks for: a range, one of its parts, or all.

use std::ops::Range;

use http::{HeaderMap, HeaderValue};
use s3s::{S3Error, S3ErrorCode};

use crate::record::{Extent, ObjectRecord};

/// The bytes to answer with, and whether they are a part of the whole.
pub(super) fn choose_range(
    range: Option<s3s::dto::Range>,
    part: Option<Range<u64>>,
    size: u64,
) -> Result<(Range<u64>, bool), S3Error> {
    match (range, part) {
        (Some(_), Some(_)) => Err(s3s::s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter"
        )),
        (None, Some(part)) => {
            let partial = !part.is_empty();
            Ok((part, partial))
        }
        (None, None) => Ok((0..size, false)),
        (Some(range), None) => match range.check(size) {
            Ok(range) if !range.is_empty() => Ok((range, true)),
            _ => Err(unsatisfiable(size)),
        },
    }
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut error = s3s::s3_error!(InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        headers.insert("content-range", value);
    }
    headers.insert("content-type", HeaderValue::from_static("application/xml"));
    error.set_headers(headers);
    error
}

fn no_such_part() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("InvalidPartNumber".into()),
        "The requested partnumber is not satisfiable",
    );
    error.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

/// `?partNumber=n`: the bytes of one part.
pub(super) fn part_range(
    number: Option<i32>,
    record: &ObjectRecord,
    extents: &[Extent],
) -> Result<Option<Range<u64>>, S3Error> {
    let Some(number) = number else {
        return Ok(None);
    };
    let count = record.parts.unwrap_or(1);
    let index = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    let Some(index) = index.filter(|index| u32::try_from(*index).is_ok_and(|i| i < count)) else {
        return Err(no_such_part());
    };
    let sizes = extents.iter().map(|extent| extent.size);
    let begin: u64 = sizes.clone().take(index).sum();
    let length = sizes.skip(index).take(1).sum::<u64>();
    Ok(Some(begin..begin + length))
}

/// How many parts the object has, for a request that names one.
pub(super) fn parts_count(number: Option<i32>, record: &ObjectRecord) -> Option<i32> {
    number
        .and(record.parts)
        .and_then(|parts| i32::try_from(parts).ok())
}

/// The bytes of a range.
pub(super) fn length(range: &Range<u64>) -> Option<i64> {
    i64::try_from(range.end - range.start).ok()
}

/// `Content-Range` (RFC 9110 §14.4).
pub(super) fn content_range(range: &Range<u64>, size: u64) -> String {
    format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    )
}
