//! Links: ways to one file for whoever has them, until they end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{FileId, PresignedUrl, Secret, Subject};

/// The longest name of a link, in bytes.
pub const MAX_NAME_BYTES: usize = 100;

/// The longest password of a link, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 200;

/// `POST /v1/links`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateLink {
    /// The id of the file.
    pub file: String,
    /// What it is for, in words that nobody but you sees: up to 100 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// For how many seconds: 1 to 31,622,400, a year; 604,800, a week, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// How many times it may be used; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_downloads: Option<u64>,
    /// From which networks it may be used, such as `192.0.2.0/24`; from any when there are none. Up to 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// What whoever uses it has to know: up to 200 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<Secret>,
    /// Whether a page with the name and the size of the file comes first, and only its button counts.
    #[serde(default)]
    pub landing: bool,
}

/// A link, as whoever manages it sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Link {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: FileId,
    /// The file it leads to.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub file: FileId,
    /// What it is for, in words.
    pub name: String,
    /// Who made it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub made_by: Subject,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// How many times it may be used; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_downloads: Option<u64>,
    /// How many times it was used.
    pub downloads: u64,
    /// From which networks it may be used; from any when there are none.
    pub networks: Vec<String>,
    /// Whether it has a password.
    pub password: bool,
    /// Whether a page comes first.
    pub landing: bool,
    /// When somebody ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<Timestamp>,
    /// How often it was used on which day, as far as that is remembered, the last day first: where one link is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<LinkDay>,
    /// The link itself: only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub url: Option<PresignedUrl>,
}

/// How often a link was used on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkDay {
    /// The day, in UTC: `2026-11-28`.
    pub day: String,
    /// How many times.
    pub downloads: u64,
}

/// The query of `GET /v1/links`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct ListLinks {
    /// Only links to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>, format = "uuid"))]
    pub file: Option<FileId>,
    /// How many: 1 to 1,000; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of links, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkPage {
    /// The links.
    pub links: Vec<Link>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The query of `GET /v1/links/{id}/uses`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default, deny_unknown_fields)]
pub struct ListLinkUses {
    /// How many: 1 to 1,000; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of uses of a link, the last first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkUsePage {
    /// The uses.
    pub uses: Vec<LinkUse>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One use of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkUse {
    /// Which it was, from 1.
    pub number: u64,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// From where: the address or its network, as the configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the program called itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// The body of `POST /l/{token}` of programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct OpenLink {
    /// The password, if the link has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub password: Option<Secret>,
}
