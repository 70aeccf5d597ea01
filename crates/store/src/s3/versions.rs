//! Buckets that keep versions: deleting an object there leaves a marker, and below it everything it ever was.

use valetkey_protocol::ObjectKey;
use valetkey_sign::s3::Method;

use super::answer::{Answer, unavailable};
use super::object::done;
use super::transport::{Call, Transport, within};
use super::xml::versions::ListVersionsResult;
use crate::StoreError;

/// How many pages of one object's versions are deleted within a call; there may be more, and then it is called again.
const PAGES: usize = 10;

impl Transport {
    /// Deletes every version and every marker of an object.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html>
    pub(super) async fn delete_versions(&self, key: &ObjectKey) -> Result<(), StoreError> {
        within(self.timeouts.long_call, async {
            for _ in 0..PAGES {
                let versions = self.list_versions(key).await?;
                if versions.is_empty() {
                    return Ok(());
                }
                for version in versions {
                    self.delete_version(key, &version).await?;
                }
            }
            Err(unavailable("versions of an object that are still listed"))
        })
        .await
    }

    /// The first versions and markers of exactly this object, which is the first whose key begins with its own.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>
    async fn list_versions(&self, key: &ObjectKey) -> Result<Vec<String>, StoreError> {
        let call = Call {
            query: &[
                ("encoding-type", "url"),
                ("prefix", key.as_str()),
                ("versions", ""),
            ],
            ..Call::new(Method::Get, "")
        };
        let read = |answer: Answer| {
            let list: ListVersionsResult = answer.document("ListVersionsResult")?;
            Ok(list.versions_of(key.as_str()))
        };
        let versions = self.repeat(call, read).await;
        self.of_the_bucket(versions)
    }

    async fn delete_version(&self, key: &ObjectKey, version: &str) -> Result<(), StoreError> {
        let call = Call {
            query: &[("versionId", version)],
            ..Call::new(Method::Delete, key.as_str())
        };
        match self.repeat(call, done).await {
            Err(StoreError::NotFound) => Ok(()),
            other => other,
        }
    }
}
