//! The wire types of the classic routes: what clients of well-known guides to presigned URLs send and read. Members that
//! are not known are ignored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ContentType, Filename, ObjectKey, PresignedUrl};

/// `POST /request-upload`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestUpload {
    /// Its true name.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 255))]
    pub filename: Filename,
    /// Its media type, which the PUT must have; without it the PUT may have any, and the file has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "image/jpeg"))]
    pub content_type: Option<ContentType>,
}

/// The answer: where to PUT the bytes, and what the file is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestedUpload {
    /// Where to PUT the bytes.
    pub upload_url: PresignedUrl,
    /// The object key the file will have.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub file_key: ObjectKey,
    /// For how many seconds the URL is good.
    pub expires_in: u64,
    /// The headers the PUT must have.
    pub headers: BTreeMap<String, String>,
}

/// The answer of `GET /request-download/{file_key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequestedDownload {
    /// Where to GET the bytes.
    pub download_url: PresignedUrl,
    /// For how many seconds the URL is good.
    pub expires_in: u64,
}

/// The query of `GET /files`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListClassic {
    /// How many, 1 to 1,000; 1,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `GET /files`: the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassicFiles {
    /// The files.
    pub files: Vec<ClassicFile>,
    /// Where the next page begins, when there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassicFile {
    /// Its object key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key: ObjectKey,
    /// Its bytes.
    pub size: u64,
    /// When its upload was created; it never changes after that.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_modified: Timestamp,
}

/// The answer of `DELETE /files/{file_key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassicDeleted {
    /// That it is gone, for a person.
    pub message: String,
}

/// `POST /api/images/presigned`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresignImage {
    /// Its media type, which the PUT must have.
    #[serde(rename = "contentType")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "image/png"))]
    pub content_type: ContentType,
}

/// The answer: where to PUT the image, and what it is called below the public base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresignedImage {
    /// Where to PUT the bytes.
    #[serde(rename = "presignedUrl")]
    pub presigned_url: PresignedUrl,
    /// Its name: everybody reads it at `{public_url}/public/{bucket}/{fileName}`.
    #[serde(rename = "fileName")]
    pub file_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guides_send_is_read_and_more_is_ignored() {
        let json = r#"{"filename":"a.txt","fileSize":3}"#;
        let request: RequestUpload = serde_json::from_str(json).unwrap();
        assert_eq!(request.content_type, None);
        let json = r#"{"contentType":"image/PNG","fileName":"x"}"#;
        let image: PresignImage = serde_json::from_str(json).unwrap();
        assert_eq!(image.content_type.as_str(), "image/png");
    }
}
