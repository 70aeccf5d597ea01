//! What lists of a bucket are made of.

use jiff::Timestamp;

/// Some lines of a list, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Up to 1,000 lines.
    pub items: Vec<T>,
    /// What asks for the next page; `None` when this is the last one. Only the store that gave it can read it.
    pub next: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key, which may be none of ours.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// When it was stored.
    pub modified_at: Timestamp,
}

/// A multipart upload that is neither completed nor given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMultipart {
    /// The key of the object it would become, which may be none of ours.
    pub key: String,
    /// Storage's name for it.
    pub upload_id: String,
    /// When it was started.
    pub started_at: Timestamp,
}
