//! The wire types of a download.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::disposition::Disposition;
use crate::{Filename, PresignedUrl, Problem};

/// `POST /v1/files/{id}/download`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDownload {
    /// How long the URL is good for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Save it (the default) or show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// Save it under another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub filename: Option<Filename>,
}

/// A way to the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Download {
    /// A presigned GET, straight to storage.
    pub url: PresignedUrl,
    /// Headers to send with it; usually none.
    pub headers: BTreeMap<String, String>,
    /// When `url` and `content_url` stop working.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// A URL of this service for `<img>` and `<video>`, which cannot send a token: it redirects to storage.
    pub content_url: PresignedUrl,
}

/// `POST /v1/downloads/batch`: one set of options for all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDownloads {
    /// Up to 100 ids, answered in this order.
    pub ids: Vec<String>,
    /// How long the URLs are good for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Save them (the default) or show them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// One result of a batch of downloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadResult {
    /// The status this download alone would have got.
    pub status: u16,
    /// The id asked.
    pub id: String,
    /// The way to the bytes, with status 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Download>,
    /// The problem, with any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::problem::ProblemSchema>))]
    pub problem: Option<Problem>,
}
