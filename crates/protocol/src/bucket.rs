//! What a caller may do where: enough to check a file before any request.

use serde::{Deserialize, Serialize};

use crate::Algorithm;

/// A bucket, as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bucket {
    /// Its name in requests.
    pub name: String,
    /// Whether it is used when a request names none.
    pub default: bool,
    /// The media types it takes, such as `image/png` and `image/*`.
    pub content_types: Vec<String>,
    /// The most bytes of a file.
    pub max_size: u64,
    /// Files with more bytes go in parts.
    pub single_limit: u64,
    /// The algorithm it checks best.
    pub checksum_algorithm: Algorithm,
    /// Whether a checksum must be declared.
    pub checksum_required: bool,
    /// The longest a presigned request may live, in seconds.
    pub max_expires_in: u64,
}

/// The answer of `GET /v1/buckets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Buckets {
    /// The buckets, by name.
    pub buckets: Vec<Bucket>,
}
