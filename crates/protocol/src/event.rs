//! The wire types of events: what happened, told alike by `GET /v1/events`, its stream and webhooks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file::{File, Integrity};
use crate::{
    Checksum, ContentType, FileId, Filename, FolderPath, InvalidValue, Metadata, ObjectKey,
    Problem, Subject, Tenant,
};

/// What others may want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EventKind {
    /// An upload became a file.
    #[serde(rename = "upload.completed")]
    UploadCompleted,
    /// The bytes of an upload were not what was declared.
    #[serde(rename = "upload.failed")]
    UploadFailed,
    /// The client gave an upload up.
    #[serde(rename = "upload.aborted")]
    UploadAborted,
    /// The session of an upload ended without its bytes.
    #[serde(rename = "upload.expired")]
    UploadExpired,
    /// A file is gone.
    #[serde(rename = "file.deleted")]
    FileDeleted,
    /// A download was issued, in a bucket that announces them.
    #[serde(rename = "download.issued")]
    DownloadIssued,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::UploadCompleted,
        Self::UploadFailed,
        Self::UploadAborted,
        Self::UploadExpired,
        Self::FileDeleted,
        Self::DownloadIssued,
    ];

    /// The word on the wire and in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UploadCompleted => "upload.completed",
            Self::UploadFailed => "upload.failed",
            Self::UploadAborted => "upload.aborted",
            Self::UploadExpired => "upload.expired",
            Self::FileDeleted => "file.deleted",
            Self::DownloadIssued => "download.issued",
        }
    }

    /// Reads words with commas between them; each once, in any order.
    ///
    /// # Errors
    /// A word that is no kind.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidValue> {
        let mut kinds = text
            .split(',')
            .map(|word| word.trim().parse())
            .collect::<Result<Vec<_>, _>>()?;
        kinds.sort_unstable();
        kinds.dedup();
        Ok(kinds)
    }
}

impl std::str::FromStr for EventKind {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| {
            InvalidValue::new(
                "is upload.completed, upload.failed, upload.aborted, upload.expired, file.deleted or download.issued",
            )
        })
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its id: the same wherever and however often it is told, and of no other event.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "evt_01936f3e8b7a7c3d9e4f0123456789ab_2")
    )]
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// To what.
    pub data: EventData,
}

/// The upload or the file of an event, as it is when it is told. Of one that is not remembered any more there are
/// `id`, `tenant`, `owner` and `bucket` alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventData {
    /// The id of the upload and its file.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: FileId,
    /// Its bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// In which tenant its owner is; absent for the default one.
    #[serde(default, skip_serializing_if = "Tenant::is_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub tenant: Tenant,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub owner: Option<Subject>,
    /// Its object key in the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub key: Option<ObjectKey>,
    /// Its true name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub filename: Option<Filename>,
    /// Its logical folder; empty is the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub path: Option<FolderPath>,
    /// The declared media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub content_type: Option<ContentType>,
    /// The media type its first bytes speak of, when they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_type: Option<String>,
    /// Its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its checksum: the declared one or, of a file, storage's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::upload::ChecksumSchema>))]
    pub checksum: Option<Checksum>,
    /// What was checked before it became visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
    /// The object's `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The application's own notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<std::collections::BTreeMap<String, String>>))]
    pub metadata: Option<Metadata>,
    /// When its upload was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub created_at: Option<Timestamp>,
    /// When the file is deleted by itself, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// How many downloads were issued, this one included: of `download.issued` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_count: Option<u64>,
    /// The proof of what was verified: of `upload.completed` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Why it failed: of `upload.failed` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::problem::ProblemSchema>))]
    pub problem: Option<Problem>,
}

impl EventData {
    /// What is known when nothing else is.
    pub fn bare(
        id: FileId,
        (tenant, owner): (Tenant, Option<Subject>),
        bucket: Option<String>,
    ) -> Self {
        Self {
            id,
            bucket,
            tenant,
            owner,
            key: None,
            filename: None,
            path: None,
            content_type: None,
            detected_type: None,
            size: None,
            checksum: None,
            integrity: None,
            etag: None,
            metadata: None,
            created_at: None,
            expires_at: None,
            download_count: None,
            receipt: None,
            problem: None,
        }
    }

    /// A file, without how often it was downloaded.
    pub fn of_file(file: File) -> Self {
        Self {
            key: Some(file.key),
            filename: Some(file.filename),
            path: Some(file.path),
            content_type: Some(file.content_type),
            detected_type: file.detected_type,
            size: Some(file.size),
            checksum: file.checksum,
            integrity: Some(file.integrity),
            etag: Some(file.etag),
            metadata: Some(file.metadata),
            created_at: Some(file.created_at),
            expires_at: file.expires_at,
            receipt: file.receipt,
            ..Self::bare(file.id, (file.tenant, Some(file.owner)), Some(file.bucket))
        }
    }
}

/// Where events begin for whoever has no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// With the oldest that is remembered.
    Oldest,
    /// With what happens from now on.
    Now,
}

/// The query of `GET /v1/events`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// Only these types, with commas between them.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(example = "upload.completed,file.deleted"))]
    pub kinds: Option<String>,
    /// Only of this bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Only of this upload or file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>, format = "uuid"))]
    pub file_id: Option<String>,
    /// Only of this owner, for administrators; everybody else sees their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub owner: Option<Subject>,
    /// Where to begin without a cursor; when absent, pages begin with the oldest and streams with now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Begin>,
    /// How many in a page, 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, or the last `id` of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether to go on as a stream of Server-Sent Events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<bool>,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// The events, in the order they happened.
    pub events: Vec<Event>,
    /// Where to go on, now or later: with what has not happened yet, when there are no more.
    pub next_cursor: String,
    /// Whether there are more already.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_types_is_read_and_what_is_none_is_named() {
        let kinds = EventKind::parse_list("file.deleted, upload.completed,file.deleted").unwrap();
        assert_eq!(kinds, [EventKind::UploadCompleted, EventKind::FileDeleted]);
        for wrong in ["", "upload", "upload.completed,", "Upload.Completed"] {
            assert!(EventKind::parse_list(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_type_is_one_word_everywhere() {
        for kind in EventKind::ALL {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("\"{}\"", kind.as_str()));
            assert_eq!(kind.as_str().parse::<EventKind>().unwrap(), kind);
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let id = "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap();
        let bare = EventData::bare(id, (Tenant::default(), None), Some("photos".to_owned()));
        let text = serde_json::to_string(&bare).unwrap();
        assert_eq!(text, format!(r#"{{"id":"{id}","bucket":"photos"}}"#));
    }
}
