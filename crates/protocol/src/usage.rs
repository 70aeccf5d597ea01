//! What uploads and files take, and how much they may.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/usage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// What you take in each bucket, by name.
    pub buckets: Vec<BucketUsage>,
}

/// What the caller takes in one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BucketUsage {
    /// The bucket.
    pub bucket: String,
    /// What you take, and may.
    #[serde(flatten)]
    pub yours: Account,
    /// What all together take, and may; for administrators.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub everybody: Option<Account>,
}

/// What somebody takes in one bucket, and may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Account {
    /// Uploads that are neither a file nor over.
    pub open_uploads: u64,
    /// How many there may be at a time; no limit when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_open_uploads: Option<u64>,
    /// The bytes they declared, which are kept free for them.
    pub reserved_bytes: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// How many bytes may be reserved and stored; no limit when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quota: Option<u64>,
}
