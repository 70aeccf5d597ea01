//! Policies: what may be decided, and why it was.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Subject, Tenant};

words! {
    /// What policies decide.
    PolicyAction {
        /// Creating an upload, and bringing it to its end.
        CreateUpload "create_upload";
        /// Seeing a file.
        Read "read";
        /// Listing what is everybody's in a bucket.
        ListAll "list_all";
        /// Fetching a file's bytes.
        Download "download";
        /// Changing what people may change of a file.
        Update "update";
        /// Deleting a file.
        Delete "delete";
        /// Making a link to a file.
        CreateLink "create_link";
        /// Managing the service or, in a tenant, that tenant.
        Administer "administer";
    }
}

/// Somebody to be asked about, as a token would name them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Somebody {
    /// Who it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub subject: Subject,
    /// In which tenant: the caller's when absent, which is the only one that an administrator of a tenant may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub tenant: Option<Tenant>,
    /// Which roles it has.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Which licences it has.
    #[serde(default)]
    pub licences: Vec<String>,
    /// The claims that policies may read, by the names of `[policy.claims]`: texts, whole numbers, booleans, lists of texts.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, serde_json::Value>))]
    pub claims: BTreeMap<String, serde_json::Value>,
}

/// The body of `POST /v1/policy/explain`: may somebody do this?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainPolicy {
    /// Who asks.
    #[serde(rename = "as")]
    pub who: Somebody,
    /// What they want to do.
    pub action: PolicyAction,
    /// The file it is about, for all actions but `create_upload`, `list_all` and `administer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// The bucket it is about, for `create_upload` and `list_all`: the default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Where the request comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ip: Option<IpAddr>,
    /// When; now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "date-time"))]
    pub at: Option<Timestamp>,
    /// For `create_upload`: the name of the file; `file` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// For `create_upload`: its folder; the top one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For `create_upload`: its media type; `application/octet-stream` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// For `create_upload`: its size in bytes; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// For how long the URL or link is to hold, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
}

/// Whether somebody may do something, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyExplanation {
    /// Whether they may.
    pub allowed: bool,
    /// What decided, in a sentence.
    pub why: String,
    /// The policies that decided: those that permit or, when it is refused, those that forbid.
    pub decided_by: Vec<String>,
    /// When nothing permits it: the policies that would, those first of which the fewest conditions fail.
    pub nearest: Vec<NearestPolicy>,
    /// Policies that could not be evaluated, and why. One is enough to refuse.
    pub errors: Vec<String>,
}

/// A policy that would have permitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NearestPolicy {
    /// Its `@id`, or its file and line.
    pub policy: String,
    /// Its conditions that do not hold, as they are written.
    pub failed: Vec<String>,
}
