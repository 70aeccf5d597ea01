//! The wire types of a file: look, list, change.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Algorithm, Checksum, ContentType, FileId, Filename, FolderPath, Metadata, ObjectKey, Subject,
    Tenant,
};

/// What stands behind the word "verified".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// Storage's own checksum of the whole object is the declared one.
    Checksum,
    /// The bytes were read back, and their checksum is the declared one.
    Rehash,
    /// No checksum was declared: size and `ETag` were checked, or the bounds of its bucket where no size was declared.
    Size,
}

impl Integrity {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Checksum, Self::Rehash, Self::Size];

    /// The word on the wire and in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Rehash => "rehash",
            Self::Size => "size",
        }
    }
}

/// A verified file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct File {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: FileId,
    /// Its bucket.
    pub bucket: String,
    /// Its object key in the bucket.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key: ObjectKey,
    /// Its true name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub filename: Filename,
    /// Its logical folder; empty is the root.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub path: FolderPath,
    /// The declared media type.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub content_type: ContentType,
    /// The media type its first bytes speak of, when they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_type: Option<String>,
    /// Its bytes.
    pub size: u64,
    /// Its checksum: the declared one or, without one, storage's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::upload::ChecksumSchema>))]
    pub checksum: Option<Checksum>,
    /// What was checked before it became visible.
    pub integrity: Integrity,
    /// The object's `ETag`.
    pub etag: String,
    /// The application's own notes.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub metadata: Metadata,
    /// In which tenant its owner is; absent for the default one.
    #[serde(default, skip_serializing_if = "Tenant::is_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub tenant: Tenant,
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub owner: Subject,
    /// When its upload was created.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it is deleted by itself, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// How many downloads were issued.
    pub download_count: u64,
    /// The proof of what was verified: a JWS that anybody can check against `/.well-known/jwks.json`. Lists leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

/// In which order files are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// The query of `GET /v1/files`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListFiles {
    /// Only this bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Only this folder, without the folders in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub path: Option<FolderPath>,
    /// Only this type, `image/png`, or these, `image/*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Only files with this checksum, `algorithm:base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// In which order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// How many, 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl ListFiles {
    /// Reads `algorithm:base64`.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse_checksum(text: &str) -> Result<Checksum, crate::InvalidValue> {
        let (algorithm, value) = text
            .split_once(':')
            .ok_or_else(|| crate::InvalidValue::new("must be 'algorithm:base64'"))?;
        Checksum::from_base64(algorithm.parse::<Algorithm>()?, value)
    }
}

/// A page of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FilePage {
    /// The files.
    pub files: Vec<File>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `PATCH /v1/files/{id}`, a merge patch (RFC 7396): absent stays, null removes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchFile {
    /// Another name; a file always has one, so null is refused.
    #[serde(
        default,
        deserialize_with = "never_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub filename: Option<Filename>,
    /// Another folder; null is the root.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub path: Option<Option<FolderPath>>,
    /// Pairs to set, and with null to remove; null alone removes all.
    #[serde(
        default,
        deserialize_with = "present_pairs",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, Option<String>>>))]
    pub metadata: Option<Option<BTreeMap<String, Option<String>>>>,
    /// Keep it for so many seconds from now; null is for ever.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u64>))]
    pub retain_for: Option<Option<u64>>,
}

fn never_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Tells null (`Some(None)`) from absent (`None`).
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

type Pairs = BTreeMap<String, Option<String>>;

fn present_pairs<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Pairs>>, D::Error> {
    struct Unique(Pairs);
    impl<'de> Deserialize<'de> for Unique {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer
                .deserialize_map(crate::metadata::UniqueKeys(std::marker::PhantomData))
                .map(Self)
        }
    }
    let pairs = Option::<Unique>::deserialize(deserializer)?;
    Ok(Some(pairs.map(|unique| unique.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<PatchFile, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_merge_patch_tells_null_from_absent() {
        let patch = read(r#"{"path":null,"metadata":{"a":null,"b":"1"}}"#).unwrap();
        assert_eq!(patch.path, Some(None));
        assert_eq!(patch.retain_for, None);
        let pairs = patch.metadata.unwrap().unwrap();
        assert_eq!(pairs["a"], None);
        assert_eq!(pairs["b"], Some("1".to_owned()));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for json in [
            r#"{"size":1}"#,
            r#"{"path":5}"#,
            r#"{"metadata":{"a":"1","a":null}}"#,
            r#"{"retain_for":-1}"#,
            r#"{"filename":null}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
