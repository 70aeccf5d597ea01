//! WHAT do we remember? One trait; each method is one transaction. This crate alone knows SQL.

mod error;
mod record;

pub mod sqlite;

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::file::Order;
use valetkey_protocol::{Checksum, FileId, Filename, FolderPath, Metadata, Subject};

pub use error::CatalogError;
pub use record::{Due, Edge, FileFacts, NewUpload, QUARANTINE_GRACE_SECONDS, Record, Transfer};

/// The catalog of uploads and files. An answer means that what it says is on disk.
///
/// Instants are remembered to the millisecond. A call whose future is dropped may still take effect.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    /// Remembers new uploads, all or none; an id that is taken is [`CatalogError::Refused`].
    async fn insert_uploads(&self, uploads: Vec<NewUpload>) -> Result<(), CatalogError>;

    /// Remembers a new upload under a key of its owner, in one transaction; or, when the owner used that key
    /// later than `since`, remembers nothing and gives what the key stands for.
    async fn insert_once(
        &self,
        upload: NewUpload,
        once: Once,
        since: Timestamp,
    ) -> Result<Option<Once>, CatalogError>;

    /// Frees a key of an owner whose upload came to nothing.
    async fn forget_key(&self, owner: Subject, key: String) -> Result<(), CatalogError>;

    /// Frees all keys used up to then.
    async fn forget_keys_until(&self, then: Timestamp) -> Result<(), CatalogError>;

    /// Finds what one id is.
    async fn find(&self, id: FileId) -> Result<Option<Record>, CatalogError>;

    /// Remembers storage's name for a multipart upload while it is pending and has none yet; says whether it did.
    async fn attach_multipart(&self, id: FileId, upload_id: String) -> Result<bool, CatalogError>;

    /// Remembers that upload URLs handed out live until then, while it is pending; says whether it is.
    /// An earlier instant than the remembered one changes nothing.
    async fn extend_urls(&self, id: FileId, until: Timestamp) -> Result<bool, CatalogError>;

    /// Goes along one edge of the state machine if the upload still stands at `epoch` and at the edge's
    /// beginning, and gives what it then is; `None` when somebody else was first.
    async fn advance(
        &self,
        id: FileId,
        epoch: u64,
        edge: Edge,
    ) -> Result<Option<Record>, CatalogError>;

    /// Changes what people may change of an available file that still stands at `epoch`, and moves its epoch
    /// on, so that of two changes at once one is told to look again.
    async fn patch(
        &self,
        id: FileId,
        epoch: u64,
        patch: FilePatch,
    ) -> Result<Option<Record>, CatalogError>;

    /// Counts one more issued download of each available file; an id given twice counts twice.
    async fn count_downloads(&self, ids: Vec<FileId>) -> Result<(), CatalogError>;

    /// Lists available files in order of their ids.
    async fn list(&self, list: FileList) -> Result<Vec<Record>, CatalogError>;

    /// Finds up to `limit` records with work due at `now`, the longest due first.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<(Due, Record)>, CatalogError>;

    /// Remembers that nothing of this upload is left in quarantine.
    async fn forget_quarantine(&self, id: FileId) -> Result<(), CatalogError>;

    /// Answers when the catalog can.
    async fn ping(&self) -> Result<(), CatalogError>;
}

/// A request that is served once: the client's key, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The client's key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub request: [u8; 32],
    /// The upload that was created.
    pub upload: FileId,
    /// For how many seconds its requests were signed.
    pub valid_for: u64,
}

/// What may be changed of a file: the whole new values.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePatch {
    /// Its name.
    pub filename: Filename,
    /// Its folder.
    pub path: FolderPath,
    /// The application's notes.
    pub metadata: Metadata,
    /// When it is deleted by itself.
    pub expires_at: Option<Timestamp>,
}

/// Which files to list.
#[derive(Debug, Clone)]
pub struct FileList {
    /// Only this owner's; everybody's when absent.
    pub owner: Option<Subject>,
    /// Only in this bucket.
    pub bucket: Option<String>,
    /// Only in this folder.
    pub path: Option<FolderPath>,
    /// Only this type, `image/png`, or these, `image/*`; compared without parameters.
    pub content_type: Option<String>,
    /// Only with this checksum.
    pub checksum: Option<Checksum>,
    /// In which order.
    pub order: Order,
    /// Only after this id, in that order.
    pub after: Option<FileId>,
    /// At most so many.
    pub limit: u32,
    /// Files whose retention ended by then are not listed.
    pub now: Timestamp,
}
