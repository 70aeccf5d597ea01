//! Control calls about what a bucket holds.
//!
//! Names come percent-encoded, because XML cannot carry every key that a bucket may hold.

use valetkey_sign::s3::Method;

use super::answer::{Answer, unavailable};
use super::transport::{Call, Transport, within};
use super::xml::list::{ListBucketResult, ListMultipartUploadsResult, unreadable};
use crate::{OpenMultipart, Page, StoreError, StoredObject};

/// S3's own limit.
const PAGE: &str = "1000";

const ENCODING: (&str, &str) = ("encoding-type", "url");

impl Transport {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
    pub(super) async fn list_objects(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<StoredObject>, StoreError> {
        let mut query = vec![
            ENCODING,
            ("list-type", "2"),
            ("max-keys", PAGE),
            ("prefix", prefix),
        ];
        query.extend(after.map(|token| ("continuation-token", token)));
        let call = Call {
            query: &query,
            ..Call::new(Method::Get, "")
        };
        let read = |answer: Answer| {
            let list: ListBucketResult = answer.document("ListBucketResult")?;
            list.page()
        };
        let page = within(self.timeouts.call, self.repeat(call, read)).await;
        going_on(self.of_the_bucket(page)?, after)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
    pub(super) async fn list_multiparts(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<OpenMultipart>, StoreError> {
        let mut query = vec![
            ENCODING,
            ("max-uploads", PAGE),
            ("prefix", prefix),
            ("uploads", ""),
        ];
        if let Some(token) = after {
            let (upload_id, key) = token
                .split_once(' ')
                .ok_or_else(|| unreadable("a token of another list"))?;
            query.push(("key-marker", key));
            query.push(("upload-id-marker", upload_id));
        }
        let call = Call {
            query: &query,
            ..Call::new(Method::Get, "")
        };
        let read = |answer: Answer| {
            let list: ListMultipartUploadsResult = answer.document("ListMultipartUploadsResult")?;
            list.page()
        };
        let page = within(self.timeouts.call, self.repeat(call, read)).await;
        going_on(self.of_the_bucket(page)?, after)
    }
}

/// Storage that points at the same page again would keep its reader there for ever.
fn going_on<T>(page: Page<T>, after: Option<&str>) -> Result<Page<T>, StoreError> {
    if page.next.is_some() && page.next.as_deref() == after {
        return Err(unavailable("a list that does not go on"));
    }
    Ok(page)
}
