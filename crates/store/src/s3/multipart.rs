//! Control calls about multipart uploads. Clients send parts; everything else about them is ours.

use valetkey_protocol::{Algorithm, ObjectKey};
use valetkey_sign::s3::Method;
use valetkey_sign::s3::headers::CONTENT_TYPE;

use super::answer::{Answer, unavailable};
use super::presign::check_upload_id;
use super::transport::{Call, Transport, within};
use super::xml::{
    CompleteMultipartUploadResult, InitiateMultipartUploadResult, ListPartsResult,
    complete_multipart_upload,
};
use crate::{CreateMultipart, StoreError, StoredPart};

/// S3's own limit.
const MOST_PARTS: usize = 10_000;

const CHECKSUM_TYPE: (&str, &str) = ("x-amz-checksum-type", "FULL_OBJECT");

impl Transport {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>
    pub(super) async fn create_multipart(
        &self,
        create: &CreateMultipart<'_>,
        algorithm: Algorithm,
    ) -> Result<String, StoreError> {
        let content_type = (CONTENT_TYPE, create.content_type.as_str());
        let mut headers = vec![content_type];
        if is_full_object(algorithm) {
            headers.extend([("x-amz-checksum-algorithm", "CRC64NVME"), CHECKSUM_TYPE]);
        }
        headers.extend(self.at_rest.headers());
        let call = Call {
            query: &[("uploads", "")],
            headers: &headers,
            ..Call::new(Method::Post, create.key.as_str())
        };
        let answer = within(self.timeouts.call, self.send(call)).await?;
        let created: InitiateMultipartUploadResult =
            answer.document("InitiateMultipartUploadResult")?;
        if created.upload_id.is_empty() {
            return Err(unavailable("the answer names no upload"));
        }
        Ok(created.upload_id)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
    pub(super) async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, StoreError> {
        check_upload_id(upload_id)?;
        match within(self.timeouts.call, self.all_pages(key, upload_id)).await {
            Ok(parts) => in_order(parts).map(Some),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
    pub(super) async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[StoredPart],
        algorithm: Algorithm,
    ) -> Result<(), StoreError> {
        check_upload_id(upload_id)?;
        let body = complete_multipart_upload(parts).ok_or_else(|| StoreError::Unsignable {
            why: "the list of parts cannot be written".to_owned(),
        })?;
        let xml = (CONTENT_TYPE, "application/xml");
        let call = Call {
            query: &[("uploadId", upload_id)],
            headers: if is_full_object(algorithm) {
                &[xml, CHECKSUM_TYPE]
            } else {
                &[xml]
            },
            body: &body,
            ..Call::new(Method::Post, key.as_str())
        };
        let answer = within(self.timeouts.long_call, self.send(call)).await?;
        let _: CompleteMultipartUploadResult = answer.document("CompleteMultipartUploadResult")?;
        Ok(())
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
    pub(super) async fn abort_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<(), StoreError> {
        check_upload_id(upload_id)?;
        let call = Call {
            query: &[("uploadId", upload_id)],
            ..Call::new(Method::Delete, key.as_str())
        };
        match within(self.timeouts.call, self.repeat(call, |_| Ok(()))).await {
            Err(StoreError::NotFound) => Ok(()),
            other => other,
        }
    }

    async fn all_pages(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Vec<StoredPart>, StoreError> {
        let mut parts = Vec::new();
        let mut marker = 0;
        loop {
            let page = self.page(key, upload_id, marker).await?;
            let next = page.next_marker().filter(|_| page.is_truncated);
            let truncated = page.is_truncated;
            parts.extend(page.parts.into_iter().map(StoredPart::from));
            if parts.len() > MOST_PARTS {
                return Err(unavailable("a list of more than 10000 parts"));
            }
            marker = match next {
                _ if !truncated => return Ok(parts),
                // Storage that points back, or at the same page again, would keep us here for ever.
                Some(next) if next > marker => next,
                _ => return Err(unavailable("a list of parts that does not go on")),
            };
        }
    }

    async fn page(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        marker: u32,
    ) -> Result<ListPartsResult, StoreError> {
        let marker = marker.to_string();
        let call = Call {
            query: &[
                ("max-parts", "1000"),
                ("part-number-marker", &marker),
                ("uploadId", upload_id),
            ],
            ..Call::new(Method::Get, key.as_str())
        };
        let page = |answer: Answer| answer.document("ListPartsResult");
        self.repeat(call, page).await
    }
}

/// Only of CRC-64/NVME does S3 always keep the checksum of the whole, whatever parts it came in.
pub(super) fn is_full_object(algorithm: Algorithm) -> bool {
    algorithm == Algorithm::Crc64Nvme
}

fn in_order(mut parts: Vec<StoredPart>) -> Result<Vec<StoredPart>, StoreError> {
    parts.sort_by_key(|part| part.number);
    if parts
        .windows(2)
        .any(|pair| pair[0].number == pair[1].number)
    {
        return Err(unavailable("a list that names a part twice"));
    }
    Ok(parts)
}
