//! What a caller may do where: enough to check a file before any request.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Algorithm;

/// A bucket, as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bucket {
    /// Its name in requests.
    pub name: String,
    /// Whether it is used when a request names none.
    pub default: bool,
    /// The media types it takes, such as `image/png` and `image/*`.
    pub content_types: Vec<String>,
    /// The endings of names it takes, such as `png`; all when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// The fewest bytes of a file.
    #[serde(default)]
    pub min_size: u64,
    /// The most bytes of a file.
    pub max_size: u64,
    /// Files with more bytes go in parts.
    pub single_limit: u64,
    /// The algorithm it checks best.
    pub checksum_algorithm: Algorithm,
    /// Whether a checksum must be declared.
    pub checksum_required: bool,
    /// The longest a presigned request may live, in seconds.
    pub max_expires_in: u64,
    /// For how many days nobody can delete a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_days: Option<u64>,
    /// After how many days files are deleted by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<u64>,
    /// How much it is to be protected: for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_level: Option<Attribute>,
    /// What else policies may know of it: for administrators.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
}

/// What an operator says of a bucket for policies to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Attribute {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Default for Attribute {
    /// The empty text, which is nothing.
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Says what is expected, which an untagged enum does not.
struct Reader;

impl Visitor<'_> for Reader {
    type Value = Attribute;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Attribute, E> {
        Ok(Attribute::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Attribute, E> {
        Ok(Attribute::Number(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Attribute, E> {
        let number = i64::try_from(value).map_err(|_| {
            E::invalid_value(
                de::Unexpected::Unsigned(value),
                &"a number that is not so large",
            )
        })?;
        Ok(Attribute::Number(number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Attribute, E> {
        Ok(Attribute::Text(value.to_owned()))
    }
}

/// The answer of `GET /v1/buckets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Buckets {
    /// The buckets, by name.
    pub buckets: Vec<Bucket>,
}
