//! The wire types of an upload: create, sign parts, look, complete.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file::File;
use crate::{
    Algorithm, Checksum, ContentType, FileId, Filename, FolderPath, Metadata, ObjectKey,
    PartNumber, PresignedRequest, Problem,
};

/// The most items of a batch.
pub const MAX_BATCH: usize = 100;
/// The most parts signed by one request.
pub const MAX_SIGNED_PARTS: usize = 100;
/// The most presigned requests in one answer.
pub const MAX_SIGNED_REQUESTS: usize = 1000;

/// `POST /v1/uploads`: a file somebody wants to upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateUpload {
    /// Its true name.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 255))]
    pub filename: Filename,
    /// Its media type.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "image/jpeg"))]
    pub content_type: ContentType,
    /// Its bytes.
    pub size: u64,
    /// Its checksum: storage refuses other bytes, and the file is recorded as checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ChecksumSchema>))]
    pub checksum: Option<Checksum>,
    /// Where it goes; the default bucket when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Its logical folder; the root when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 1024))]
    pub path: Option<FolderPath>,
    /// The application's own notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub metadata: Option<Metadata>,
    /// How long each presigned request is good for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// How long the file is kept once it is available, in seconds; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_for: Option<u64>,
}

/// `POST /v1/uploads/batch`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateUploads {
    /// Up to 100 uploads, answered in this order.
    pub uploads: Vec<CreateUpload>,
}

/// The life of an upload and of the file it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Bytes may come.
    Pending,
    /// The bytes are being checked.
    Verifying,
    /// It is a file.
    Available,
    /// The bytes were not the declared ones.
    Failed,
    /// Nothing good came within the session.
    Expired,
    /// The client gave it up.
    Aborted,
    /// It was a file, and its bytes are being removed.
    Deleting,
    /// It was a file.
    Deleted,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Verifying,
        Self::Available,
        Self::Failed,
        Self::Expired,
        Self::Aborted,
        Self::Deleting,
        Self::Deleted,
    ];

    /// The word on the wire and in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verifying => "verifying",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Aborted => "aborted",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }
}

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// One PUT.
    Single,
    /// Parts, in any order, in parallel.
    Multipart,
}

impl Strategy {
    /// The word on the wire and in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multipart => "multipart",
        }
    }
}

/// An upload, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// Its id, and the id of the file it becomes.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: FileId,
    /// Its bucket.
    pub bucket: String,
    /// The object key the file will have.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key: ObjectKey,
    /// Where it is in its life.
    pub state: State,
    /// How the bytes travel.
    pub strategy: Strategy,
    /// The algorithm this bucket checks best: declare the file's checksum with it, at the latest at complete.
    pub checksum_algorithm: Algorithm,
    /// The declared bytes; the most there may be, when none were declared.
    pub size: u64,
    /// When the session ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// The one request of a single upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PresignedRequest>,
    /// The bytes of every part but the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_size: Option<u64>,
    /// How many parts there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_count: Option<u32>,
    /// The first parts, up to 100; `POST /v1/uploads/{id}/parts` signs the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<PartRequest>>,
    /// The parts storage has, when an open multipart upload is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_parts: Option<Vec<UploadedPart>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::problem::ProblemSchema>))]
    pub problem: Option<Problem>,
}

/// One part and the request that stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartRequest {
    /// Its number, from 1.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub part_number: PartNumber,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// The request.
    pub request: PresignedRequest,
}

/// A part as storage reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadedPart {
    /// Its number, from 1.
    pub part_number: u32,
    /// Its bytes.
    pub size: u64,
    /// Its `ETag`.
    pub etag: String,
}

/// `POST /v1/uploads/{id}/parts`: sign these parts, again or for the first time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignParts {
    /// Up to 100 numbers of the plan.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<u32>))]
    pub part_numbers: Vec<PartNumber>,
    /// Checksums of single parts, by number: storage then refuses other bytes.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "unique_keys"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, ChecksumSchema>))]
    pub checksums: BTreeMap<PartNumberText, Checksum>,
    /// How long each request is good for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
}

/// A part number as a JSON key.
pub type PartNumberText = String;

/// The answer of `POST /v1/uploads/{id}/parts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedParts {
    /// In the order asked.
    pub parts: Vec<PartRequest>,
}

/// `POST /v1/uploads/{id}/complete`: the bytes are there. Part lists of other protocols may come along
/// and are ignored: storage is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompleteUpload {
    /// The checksum, when it was not declared at creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ChecksumSchema>))]
    pub checksum: Option<Checksum>,
}

/// `POST /v1/uploads/complete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteUploads {
    /// Up to 100 ids, answered in this order.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub ids: Vec<String>,
}

/// The 202 of a completion that takes longer than the answer may wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StillVerifying {
    /// The upload.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: FileId,
    /// `verifying`.
    pub state: State,
}

/// One result of a batch of creations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateResult {
    /// The status this upload alone would have got.
    pub status: u16,
    /// The upload, with status 201.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
    /// The problem, with any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::problem::ProblemSchema>))]
    pub problem: Option<Problem>,
}

/// One result of a batch of completions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompleteResult {
    /// The status this completion alone would have got.
    pub status: u16,
    /// The id asked.
    pub id: String,
    /// The file, with status 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// `verifying`, with status 202.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The problem, with any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::problem::ProblemSchema>))]
    pub problem: Option<Problem>,
}

/// The answer of a batch, one result for each item in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Results<T> {
    /// The results.
    pub results: Vec<T>,
}

fn unique_keys<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: serde::Deserializer<'de>,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(crate::metadata::UniqueKeys(std::marker::PhantomData))
}

/// The wire form of a checksum, for the schema.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Checksum)]
pub struct ChecksumSchema {
    /// How it is computed.
    pub algorithm: Algorithm,
    /// Base64 of its big-endian bytes.
    #[schema(example = "rosUhgp5mIg=")]
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"filename":"a.txt","content_type":"text/plain","size":3}"#;

    #[test]
    fn three_fields_are_enough() {
        let create: CreateUpload = serde_json::from_str(MINIMAL).unwrap();
        assert_eq!(create.size, 3);
        assert_eq!(serde_json::to_string(&create).unwrap(), MINIMAL);
    }

    #[test]
    fn sizes_that_are_no_count_of_bytes_are_refused() {
        for size in [
            "-1",
            "1.5",
            "\"5\"",
            "18446744073709551616",
            "null",
            "true",
            "1e2",
        ] {
            let json = MINIMAL.replace(":3}", &format!(":{size}}}"));
            assert!(
                serde_json::from_str::<CreateUpload>(&json).is_err(),
                "{size}"
            );
        }
    }

    #[test]
    fn part_lists_of_other_protocols_are_ignored_at_complete() {
        let json = r#"{"parts":[{"PartNumber":1,"ETag":"x"}]}"#;
        assert!(
            serde_json::from_str::<CompleteUpload>(json)
                .unwrap()
                .checksum
                .is_none()
        );
    }

    #[test]
    fn a_part_checksum_given_twice_is_refused() {
        let one = r#"{"algorithm":"crc32c","value":"AAAAAA=="}"#;
        let json = format!(r#"{{"part_numbers":[1],"checksums":{{"1":{one},"1":{one}}}}}"#);
        let error = serde_json::from_str::<SignParts>(&json).unwrap_err();
        assert!(error.to_string().contains("duplicate field `1`"), "{error}");
    }
}
