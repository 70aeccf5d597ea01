//! Drop links: ways for anybody to send files into one folder, until they end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{FileId, FolderPath, PresignedUrl, Secret, Subject};

/// What the token of a drop link begins with where it is sent as `Authorization: Bearer`.
pub const PREFIX: &str = "vd_";

/// The longest name of a drop link, in bytes.
pub const MAX_NAME_BYTES: usize = 100;

/// `POST /v1/drops`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDrop {
    /// Into which bucket; the default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Into which folder, and those in it; the top when absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub path: FolderPath,
    /// What it is for, in words that its page shows: up to 100 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// For how many seconds: 1 to 31,622,400, a year; 604,800, a week, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// How many files may be sent: 1 to 10,000; 100 when absent. Each that was begun counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10_000))]
    pub max_files: Option<u64>,
    /// Of how many bytes each; as the bucket says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_size: Option<u64>,
    /// Of how many bytes all together; any number when absent. Each that was begun counts with what it declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_bytes: Option<u64>,
    /// Of which types, such as `image/*`; as the bucket says when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_types: Vec<String>,
}

/// A drop link, as its maker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drop {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: FileId,
    /// The link itself. `curl -LT FILE URL/` sends a file.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub url: PresignedUrl,
    /// Into which bucket.
    pub bucket: String,
    /// Into which folder.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub path: FolderPath,
    /// What it is for, in words.
    pub name: String,
    /// Who made it, and whose the files are.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub owner: Subject,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// How many files may be sent; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_files: Option<u64>,
    /// Of how many bytes each; as the bucket says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Of how many bytes all together; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Of which types; as the bucket says when there are none.
    pub content_types: Vec<String>,
    /// How many files were begun.
    pub files: u64,
    /// How many bytes they declared.
    pub bytes: u64,
    /// When somebody ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<Timestamp>,
}

/// The query of `GET /v1/drops`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct ListDrops {
    /// How many: 1 to 1,000; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of drop links, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DropPage {
    /// The drop links.
    pub drops: Vec<Drop>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The answer of `POST /d/{token}`: what a page sends files with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DropTicket {
    /// What goes behind `Authorization: Bearer`, for uploads into the folder and nothing else.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub token: Secret,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
}
