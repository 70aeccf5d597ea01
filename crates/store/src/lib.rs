//! HOW do we command a bucket? One trait, one implementation for each provider.

mod backoff;
mod error;
mod guard;
mod list;
mod skew;

pub mod s3;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use valetkey_protocol::{Checksum, ContentType, ObjectKey, PresignedRequest, PresignedUrl};

pub use backoff::Backoff;
pub use error::StoreError;
pub use guard::{
    BreakerState, Guarded, Monotonic, Operation, Outcome, StoreObserver, time_left, until,
    until_later,
};
pub use list::{OpenMultipart, Page, StoredObject};

/// One storage bucket: signs requests for clients without any call, and sends our own control calls.
#[async_trait]
pub trait ObjectStore: Send + Sync + 'static {
    /// What this storage can and cannot do.
    fn capabilities(&self) -> Capabilities;

    /// Signs the PUT of a whole object. One whose size is known must not exist yet.
    ///
    /// # Errors
    /// [`StoreError::Unsignable`] when the key or the validity cannot be signed.
    fn presign_put(
        &self,
        put: &PutGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError>;

    /// Signs the PUTs of parts, in their order.
    ///
    /// # Errors
    /// As [`ObjectStore::presign_put`].
    fn presign_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartGrant],
        valid: Validity,
    ) -> Result<Vec<PresignedRequest>, StoreError>;

    /// Signs a GET with the response headers it shall answer with.
    ///
    /// # Errors
    /// As [`ObjectStore::presign_put`].
    fn presign_get(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError>;

    /// Signs a HEAD for what a GET would give: its status and headers, without the bytes.
    ///
    /// # Errors
    /// As for [`ObjectStore::presign_get`].
    fn presign_head(&self, get: &GetGrant<'_>, valid: Validity)
    -> Result<PresignedUrl, StoreError>;

    /// Looks at an object; `None` when there is none.
    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError>;

    /// Copies an object inside the bucket, only while the source still has that `ETag`, replacing its metadata.
    /// [`StoreError::PreconditionFailed`] when it has another, [`StoreError::NotFound`] when it is gone.
    async fn copy(&self, copy: &CopyObject<'_>) -> Result<(), StoreError>;

    /// Starts a multipart upload and gives storage's name for it.
    async fn create_multipart(&self, create: &CreateMultipart<'_>) -> Result<String, StoreError>;

    /// Lists all stored parts by number; `None` when storage does not know the upload.
    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, StoreError>;

    /// Makes the object out of parts. A `200` that carries an error is an error.
    /// [`StoreError::NotFound`] when storage does not know the upload (any more).
    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<(), StoreError>;

    /// Gives up a multipart upload and its parts; one that storage does not know is fine.
    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), StoreError>;

    /// Stores an object with no bytes over whatever is there.
    async fn put_empty(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Deletes an object; one that is not there is fine.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Reads bytes from `offset`, at most `length`, only while the object still has that `ETag`.
    async fn read(
        &self,
        key: &ObjectKey,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, StoreError>;

    /// Lists the objects whose keys begin with `prefix`, by key: up to 1,000, from the beginning or `after` an
    /// earlier page.
    async fn list_objects(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<StoredObject>, StoreError>;

    /// Lists the multipart uploads that are open for keys that begin with `prefix`, as
    /// [`ObjectStore::list_objects`] does objects.
    async fn list_multiparts(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<OpenMultipart>, StoreError>;

    /// Answers when the bucket does.
    async fn ping(&self) -> Result<(), StoreError>;

    /// How many seconds storage's clock is ahead of ours, behind when negative, as its last answer told; `None` while
    /// none has told.
    fn clock_offset(&self) -> Option<i64> {
        None
    }

    /// Says whether what is signed now would hold.
    ///
    /// # Errors
    /// [`StoreError::ClockSkew`] when the clocks are five minutes apart or more.
    fn check_clock(&self) -> Result<(), StoreError> {
        skew::check(self.clock_offset())
    }
}

/// What a provider offers, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// HEAD reports a checksum of the whole object, for single PUTs that declared one and for multipart uploads.
    pub full_object_checksums: bool,
}

/// How long a signature holds.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// When it is signed.
    pub now: Timestamp,
    /// For how many seconds.
    pub seconds: u32,
}

impl Validity {
    /// What everybody who asks within a window of so many seconds has in common, whoever is asked: it begins with the
    /// window, and at least `seconds` are left of it. There is none when the window is 0.
    ///
    /// # Errors
    /// [`StoreError::Unsignable`] when both together exceed seven days.
    pub fn stable(now: Timestamp, window: u32, seconds: u32) -> Result<Self, StoreError> {
        if window == 0 {
            return Ok(Self { now, seconds });
        }
        let window = valetkey_sign::stable_window(now, window, seconds);
        let window = window.map_err(|error| StoreError::Unsignable {
            why: error.to_string(),
        })?;
        Ok(Self {
            now: window.signed_at,
            seconds: window.expires_in_seconds,
        })
    }
}

/// A PUT a client may send.
#[derive(Debug, Clone, Copy)]
pub struct PutGrant<'a> {
    /// Where to.
    pub key: &'a ObjectKey,
    /// Exactly so many bytes, and only while nothing is there. Without it the client may send any number of bytes, as often
    /// as it likes: neither their length nor `if-none-match` is signed, which a client that sends nothing but the type
    /// would not send.
    pub size: Option<u64>,
    /// With this type; with any when absent.
    pub content_type: Option<&'a ContentType>,
    /// With this checksum, which storage then enforces.
    pub checksum: Option<&'a Checksum>,
}

/// A part a client may send.
#[derive(Debug, Clone, Copy)]
pub struct PartGrant {
    /// Its number.
    pub number: u32,
    /// Exactly so many bytes.
    pub size: u64,
    /// With this checksum, which storage then enforces.
    pub checksum: Option<Checksum>,
}

/// A GET a client may send.
#[derive(Debug, Clone, Copy)]
pub struct GetGrant<'a> {
    /// What.
    pub key: &'a ObjectKey,
    /// The `Content-Type` storage shall answer with.
    pub content_type: &'a str,
    /// The `Content-Disposition` storage shall answer with.
    pub content_disposition: &'a str,
}

/// A copy inside the bucket.
#[derive(Debug, Clone, Copy)]
pub struct CopyObject<'a> {
    /// From.
    pub source: &'a ObjectKey,
    /// Only while the source is this.
    pub source_etag: &'a str,
    /// To.
    pub target: &'a ObjectKey,
    /// The type the copy gets.
    pub content_type: &'a ContentType,
}

/// A multipart upload to start.
#[derive(Debug, Clone, Copy)]
pub struct CreateMultipart<'a> {
    /// The final key.
    pub key: &'a ObjectKey,
    /// The type the object gets.
    pub content_type: &'a ContentType,
}

/// An object, as storage reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its bytes.
    pub size: u64,
    /// Its `ETag`, with quotes, as storage spells it.
    pub etag: String,
    /// Its type.
    pub content_type: Option<String>,
    /// Every checksum of the whole object that storage reports (never a composite one).
    pub checksums: Vec<Checksum>,
}

/// A stored part, as storage reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Its number.
    pub number: u32,
    /// Its bytes.
    pub size: u64,
    /// Its `ETag`, with quotes, as storage spells it.
    pub etag: String,
}
