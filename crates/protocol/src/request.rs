//! A presigned request: everything a client needs to send one request straight to storage.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PresignedUrl;

/// One request to storage that needs no other credential until `expires_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresignedRequest {
    /// The method it is signed for.
    pub method: Method,
    /// Where it goes.
    pub url: PresignedUrl,
    /// Every signed header but `host` and `content-length`, which HTTP stacks set: send them as they are.
    pub headers: BTreeMap<String, String>,
    /// When storage stops accepting it. A transfer that has begun by then goes on.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
}

/// The methods requests are presigned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Fetch bytes.
    Get,
    /// Store bytes.
    Put,
}

impl Method {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
        }
    }
}
