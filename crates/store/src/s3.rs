//! S3 and everything that speaks it.
//!
//! Our credentials need `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject`, `s3:AbortMultipartUpload` and
//! `s3:ListMultipartUploadParts` on the objects, `s3:ListBucket` and `s3:ListBucketMultipartUploads` on the bucket;
//! where it keeps versions `s3:DeleteObjectVersion` and `s3:ListBucketVersions` too.
//!
//! What a client sends is signed for the bucket's public endpoint, what we send ourselves goes to its
//! endpoint: the two are never mixed up. Calls that may be repeated are sent up to three times within
//! their deadline; the beginning and the end of a multipart upload are sent once, because only the engine
//! can tell whether an answer that was lost meant success.

mod answer;
mod at_rest;
mod keys;
mod list;
mod multipart;
mod object;
mod presign;
mod recent;
mod settings;
mod transport;
mod versions;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use bytes::Bytes;
use valetkey_protocol::{Algorithm, Clock, ObjectKey, PresignedRequest, PresignedUrl};

use crate::skew::Skew;
use crate::{
    Capabilities, CopyObject, CreateMultipart, GetGrant, ObjectInfo, ObjectStore, OpenMultipart,
    Page, PartGrant, PutGrant, StoreError, StoredObject, StoredPart, Validity,
};
use keys::SigningKeys;
use presign::ClientSigner;
use settings::wrong;
use transport::Transport;

pub use crate::backoff::Backoff;
pub use at_rest::{AtRest, Encryption};
pub use settings::{S3Settings, Timeouts};
pub use valetkey_sign::{AddressingStyle, Credentials};

/// One bucket of S3, or of something that speaks it.
pub struct S3Store {
    signer: ClientSigner,
    transport: Transport,
    checksum_algorithm: Algorithm,
}

impl S3Store {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// [`StoreError::Settings`], which names the setting.
    pub fn new(settings: S3Settings, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        settings.check()?;
        let (endpoint, public_endpoint) = settings.addresses()?;
        let keys = Arc::new(SigningKeys::new(settings.credentials, settings.region));
        let at_rest = Arc::new(settings.at_rest);
        // Region and credentials that cannot sign are better found now than with the first upload.
        keys.at(clock.now())
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            signer: ClientSigner::new(
                public_endpoint,
                Arc::clone(&keys),
                Arc::clone(&at_rest),
                settings.credentials_end,
            ),
            transport: Transport {
                client: transport::client(&endpoint, &settings.timeouts)?,
                endpoint,
                keys,
                clock,
                expected_bucket_owner: settings.expected_bucket_owner,
                at_rest,
                timeouts: settings.timeouts,
                backoff: settings.backoff,
                calls: AtomicU64::new(0),
                skew: Skew::default(),
            },
            checksum_algorithm: settings.checksum_algorithm,
        })
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("endpoint", &self.transport.endpoint)
            .field("public_endpoint", &self.signer.endpoint)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            full_object_checksums: multipart::is_full_object(self.checksum_algorithm),
        }
    }

    fn presign_put(
        &self,
        put: &PutGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        self.signer.put(put, valid)
    }

    fn presign_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartGrant],
        valid: Validity,
    ) -> Result<Vec<PresignedRequest>, StoreError> {
        self.signer.parts(key, upload_id, parts, valid)
    }

    fn presign_get(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        self.signer.get(get, valid)
    }

    fn presign_head(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedUrl, StoreError> {
        self.signer.head(get, valid)
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        self.transport.head(key).await
    }

    async fn copy(&self, copy: &CopyObject<'_>) -> Result<(), StoreError> {
        self.transport.copy(copy).await
    }

    async fn create_multipart(&self, create: &CreateMultipart<'_>) -> Result<String, StoreError> {
        let algorithm = self.checksum_algorithm;
        self.transport.create_multipart(create, algorithm).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, StoreError> {
        self.transport.list_parts(key, upload_id).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<(), StoreError> {
        let algorithm = self.checksum_algorithm;
        self.transport
            .complete_multipart(key, upload_id, parts, algorithm)
            .await
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), StoreError> {
        self.transport.abort_multipart(key, upload_id).await
    }

    async fn put_empty(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.transport.put_empty(key).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.transport.delete(key).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, StoreError> {
        self.transport.read(key, etag, offset, length).await
    }

    async fn list_objects(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<StoredObject>, StoreError> {
        self.transport.list_objects(prefix, after).await
    }

    async fn list_multiparts(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<OpenMultipart>, StoreError> {
        self.transport.list_multiparts(prefix, after).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.transport.ping().await
    }

    fn clock_offset(&self) -> Option<i64> {
        self.transport.skew.offset()
    }
}
