//! Drop links: ways for anybody to send files into one folder. No token is remembered: it is the id, sealed.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::{FileId, FolderPath, Subject, Tenant};

use crate::{CatalogError, TicketId};

/// A drop link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropLink {
    /// Its id; later ones have later ones.
    pub id: FileId,
    /// In which tenant its maker is.
    pub tenant: Tenant,
    /// Who made it, and whose the files are.
    pub owner: Subject,
    /// Into which bucket.
    pub bucket: String,
    /// Into which folder.
    pub path: FolderPath,
    /// What it is for, in words; may be empty.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How many files may be sent; any number when absent.
    pub max_files: Option<u64>,
    /// Of how many bytes each; as the bucket says when absent.
    pub max_size: Option<u64>,
    /// Of how many bytes all together; any number when absent.
    pub max_bytes: Option<u64>,
    /// Of which types; as the bucket says when there are none.
    pub content_types: Vec<String>,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
}

/// Which drop links to list, the newest first.
#[derive(Debug, Clone)]
pub struct DropList {
    /// Only of this tenant; of every one when absent.
    pub tenant: Option<Tenant>,
    /// Only this owner's; everybody's when absent.
    pub owner: Option<Subject>,
    /// Only those before this one.
    pub before: Option<FileId>,
    /// At most so many.
    pub limit: u32,
}

/// What is remembered of drop links.
#[async_trait]
pub trait DropLinks: Send + Sync + 'static {
    /// Remembers a new one, unless its owner has `most`; says whether it did.
    async fn insert_drop(&self, drop: DropLink, most: u32) -> Result<bool, CatalogError>;

    /// Finds one.
    async fn find_drop(&self, id: FileId) -> Result<Option<DropLink>, CatalogError>;

    /// Lists them.
    async fn list_drops(&self, list: DropList) -> Result<Vec<DropLink>, CatalogError>;

    /// Ends one, for ever; says whether it was not yet.
    async fn revoke_drop(&self, id: FileId, at: Timestamp) -> Result<bool, CatalogError>;

    /// Counts the uploads under each ticket and sums up their declared sizes, in the order of the tickets.
    async fn ticket_sums(&self, tickets: Vec<TicketId>) -> Result<Vec<(u64, u64)>, CatalogError>;

    /// Forgets those that ended before then.
    async fn forget_drops_until(&self, then: Timestamp) -> Result<(), CatalogError>;
}
