//! Links: ways to one file for whoever has them. No token is remembered, only its SHA-256.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::{FileId, Subject, Tenant};

use crate::{CatalogError, SecretHash};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id; later links have later ones.
    pub id: FileId,
    /// Of its token.
    pub hash: SecretHash,
    /// To which file.
    pub file: FileId,
    /// In which tenant the file is.
    pub tenant: Tenant,
    /// Whose the file is.
    pub owner: Subject,
    /// Who made the link.
    pub made_by: Subject,
    /// What it is for, in words; may be empty.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How many times it may be used; any number when absent.
    pub max_downloads: Option<u64>,
    /// How many times it was.
    pub downloads: u64,
    /// From which networks it may be used, each as `address/bits`; from any when there are none.
    pub networks: Vec<String>,
    /// The hash of its password, as a PHC string, if it has one.
    pub password: Option<String>,
    /// Whether a page comes before the bytes.
    pub landing: bool,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
}

/// One use of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkUse {
    /// When.
    pub at: Timestamp,
    /// From where, as far as that is to be known.
    pub address: Option<String>,
    /// What the program called itself.
    pub agent: Option<String>,
}

/// Which links to list, the newest first.
#[derive(Debug, Clone)]
pub struct LinkList {
    /// Only to files in this tenant; in every one when absent.
    pub tenant: Option<Tenant>,
    /// Only to this owner's files; to everybody's when absent.
    pub owner: Option<Subject>,
    /// Only to this file.
    pub file: Option<FileId>,
    /// Only those before this one.
    pub before: Option<FileId>,
    /// At most so many.
    pub limit: u32,
}

/// What is remembered of links.
#[async_trait]
pub trait Links: Send + Sync + 'static {
    /// Remembers a new link, unless its file has `most`; says whether it did.
    async fn insert_link(&self, link: Link, most: u32) -> Result<bool, CatalogError>;

    /// Finds a link.
    async fn find_link(&self, id: FileId) -> Result<Option<Link>, CatalogError>;

    /// Finds the link with this token.
    async fn find_link_by_hash(&self, hash: SecretHash) -> Result<Option<Link>, CatalogError>;

    /// Lists links.
    async fn list_links(&self, list: LinkList) -> Result<Vec<Link>, CatalogError>;

    /// Counts a use and remembers it, in one transaction, if the link is neither revoked nor over nor used up; gives
    /// its number, from 1. However many come at once, no more are counted than there may be.
    async fn use_link(&self, id: FileId, usage: LinkUse) -> Result<Option<u64>, CatalogError>;

    /// Ends a link, for ever; says whether it was not yet.
    async fn revoke_link(&self, id: FileId, at: Timestamp) -> Result<bool, CatalogError>;

    /// Gives the uses that are remembered with their numbers, the last first, those before a number.
    async fn link_uses(
        &self,
        id: FileId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, LinkUse)>, CatalogError>;

    /// Counts the uses that are remembered by day, the last first: days since 1970 in UTC, and how many.
    async fn link_days(&self, id: FileId, limit: u32) -> Result<Vec<(i64, u64)>, CatalogError>;

    /// Forgets uses of before then, links that ended before then, and links to files that nothing is remembered of.
    async fn forget_links_until(&self, then: Timestamp) -> Result<(), CatalogError>;
}
