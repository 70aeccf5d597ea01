//! Control calls about whole objects, and the one about the bucket.

use bytes::Bytes;
use reqwest::StatusCode;
use valetkey_protocol::{Algorithm, Checksum, ObjectKey};
use valetkey_sign::s3::headers::{
    CONTENT_TYPE, RANGE, X_AMZ_COPY_SOURCE, X_AMZ_COPY_SOURCE_IF_MATCH,
};
use valetkey_sign::s3::{Method, copy_source};

use super::answer::{Answer, no_bucket, unavailable};
use super::presign::{checksum_name, unsignable};
use super::transport::{Call, Transport, within};
use super::xml::CopyObjectResult;
use crate::{CopyObject, ObjectInfo, StoreError};

/// Far beyond every object; storage that counts in signed integers ignores ranges that end later.
const LAST_POSITION: u64 = i64::MAX.unsigned_abs();

impl Transport {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    pub(super) async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        let call = Call {
            headers: &[("x-amz-checksum-mode", "ENABLED")],
            ..Call::new(Method::Head, key.as_str())
        };
        match within(self.timeouts.call, self.repeat(call, object_info)).await {
            Ok(info) => Ok(Some(info)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
    ///
    /// Metadata is replaced, so that a content encoding or a header a client added does not come along.
    pub(super) async fn copy(&self, copy: &CopyObject<'_>) -> Result<(), StoreError> {
        let source =
            copy_source(&self.endpoint, copy.source.as_str().as_bytes()).map_err(unsignable)?;
        let mut headers = vec![
            (CONTENT_TYPE, copy.content_type.as_str()),
            (X_AMZ_COPY_SOURCE, &source),
            (X_AMZ_COPY_SOURCE_IF_MATCH, copy.source_etag),
            ("x-amz-metadata-directive", "REPLACE"),
        ];
        headers.extend(self.at_rest.headers());
        let call = Call {
            headers: &headers,
            ..Call::new(Method::Put, copy.target.as_str())
        };
        let copied = |answer: Answer| answer.document("CopyObjectResult");
        let _: CopyObjectResult =
            within(self.timeouts.long_call, self.repeat(call, copied)).await?;
        Ok(())
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
    pub(super) async fn put_empty(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let call = Call {
            headers: &self.at_rest.encryption(),
            ..Call::new(Method::Put, key.as_str())
        };
        within(self.timeouts.call, self.repeat(call, done)).await
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
    ///
    /// A bucket that keeps versions, or did, answers with the id of the marker it put in the object's place.
    pub(super) async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let call = Call::new(Method::Delete, key.as_str());
        let kept = |answer: Answer| Ok(answer.header("x-amz-version-id").is_some());
        match within(self.timeouts.call, self.repeat(call, kept)).await {
            Ok(true) => self.delete_versions(key).await,
            Ok(false) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
    ///
    /// From the end of the object on there is nothing to read, which is no error.
    pub(super) async fn read(
        &self,
        key: &ObjectKey,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, StoreError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let last = offset.saturating_add(length - 1).min(LAST_POSITION);
        let range = format!("bytes={offset}-{last}");
        let call = Call {
            headers: &[("if-match", etag), (RANGE, &range)],
            longest_answer: length,
            ..Call::new(Method::Get, key.as_str())
        };
        let bytes = |answer: Answer| range_of(answer, etag, offset);
        match within(self.timeouts.read, self.repeat(call, bytes)).await {
            Err(StoreError::Refused { status: 416, .. }) => Ok(Bytes::new()),
            other => other,
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let call = Call::new(Method::Head, "");
        let done = within(self.timeouts.call, self.repeat(call, done)).await;
        self.of_the_bucket(done)
    }

    /// What is not found when the bucket itself was asked is the bucket.
    pub(super) fn of_the_bucket<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        match answer {
            Err(StoreError::NotFound) => Err(no_bucket(self.endpoint.bucket())),
            other => other,
        }
    }
}

pub(super) fn done(_: Answer) -> Result<(), StoreError> {
    Ok(())
}

fn object_info(answer: Answer) -> Result<ObjectInfo, StoreError> {
    let size = answer
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| unavailable("the answer to HEAD has no size"))?;
    let etag = answer
        .header("etag")
        .ok_or_else(|| unavailable("the answer to HEAD has no etag"))?;
    Ok(ObjectInfo {
        size,
        etag: etag.to_owned(),
        content_type: answer.header("content-type").map(str::to_owned),
        checksums: Algorithm::ALL
            .into_iter()
            .filter_map(|algorithm| full_object_checksum(&answer, algorithm, etag))
            .collect(),
    })
}

/// A checksum over the whole object, and never one over the checksums of its parts.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
fn full_object_checksum(answer: &Answer, algorithm: Algorithm, etag: &str) -> Option<Checksum> {
    let value = answer.header(checksum_name(algorithm))?;
    let full = match answer.header("x-amz-checksum-type") {
        Some(kind) => kind.eq_ignore_ascii_case("FULL_OBJECT"),
        // Only CRC-64/NVME has no composite form; a `-` in the ETag tells of parts.
        None => algorithm == Algorithm::Crc64Nvme || !etag.contains('-'),
    };
    // A composite value ends in `-` and the number of parts, which is no base64.
    Checksum::from_base64(algorithm, value)
        .ok()
        .filter(|_| full)
}

/// The bytes asked for, of the object asked for: some storage knows neither ranges nor conditions.
fn range_of(answer: Answer, etag: &str, offset: u64) -> Result<Bytes, StoreError> {
    let bare = |etag: &str| etag.trim_start_matches("W/").trim_matches('"').to_owned();
    let found = answer
        .header("etag")
        .ok_or_else(|| unavailable("the answer to GET has no etag"))?;
    if bare(found) != bare(etag) {
        return Err(StoreError::PreconditionFailed);
    }
    let start = format!("bytes {offset}-");
    let whole = answer.status == StatusCode::OK && offset == 0;
    let part = answer
        .header("content-range")
        .is_some_and(|range| range.starts_with(&start));
    if !whole && !part {
        return Err(unavailable("the answer is not the range asked for"));
    }
    Ok(answer.body)
}
