//! What the index remembers of an object, an upload and a part. Kept as JSON, so that a new field with a
//! default can be read from an old index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cors::CorsRule;
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::id::Id;
use crate::lifecycle::LifecycleRule;

/// A published object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// In bytes.
    pub(crate) size: u64,
    /// Without its quotes.
    pub(crate) etag: String,
    /// Whole seconds.
    pub(crate) modified: Timestamp,
    /// Where the bytes are; `None` for an empty object.
    pub(crate) body: Option<Id>,
    /// Number of parts, when it was uploaded in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parts: Option<u32>,
    pub(crate) checksum: Checksum,
    #[serde(flatten)]
    pub(crate) facts: Facts,
}

/// What the writer said about an object, given back as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// `x-amz-meta-*`, names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) initiated: Timestamp,
    pub(crate) algorithm: Algorithm,
    pub(crate) coverage: Coverage,
    /// Whether the client named the algorithm (else it is S3's default, and never asked for).
    pub(crate) declared: bool,
    pub(crate) facts: Facts,
}

/// One part of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// `None` for an empty part.
    pub(crate) blob: Option<Id>,
    pub(crate) size: u64,
    /// MD5 in hexadecimal, which is also the part's ETag.
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    /// In the upload's algorithm, base64.
    pub(crate) checksum: String,
}

/// The answer to a Complete, kept a while so that a repeated Complete gets it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CompletedRecord {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// The parts that were named, `number:etag`.
    pub(crate) parts: Vec<String>,
    pub(crate) etag: String,
    pub(crate) checksum: Checksum,
    pub(crate) at: Timestamp,
}

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) created: Timestamp,
    /// None: the configured ones are in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) cors: Vec<CorsRule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lifecycle: Vec<LifecycleRule>,
}

/// Consecutive bytes of a body: one whole blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) blob: Id,
    pub(crate) size: u64,
}
