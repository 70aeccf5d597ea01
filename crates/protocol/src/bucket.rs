//! What a caller may do where: enough to check a file before any request.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
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
    pub security_level: Option<i64>,
    /// What else policies may know of it: for administrators.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
}

/// A value that policies may read: of a claim, or of what an operator says of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Attribute {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// Several texts, in no order.
    Texts(Vec<String>),
}

impl Attribute {
    /// Of which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Flag(_) => Kind::Flag,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Texts(_) => Kind::Texts,
        }
    }
}

/// What kind of value an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// True or false.
    Flag,
    /// A whole number.
    Number,
    /// A text.
    Text,
    /// Several texts, in no order.
    Texts,
}

impl Kind {
    /// What it is, as a sentence ends.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Number => "a whole number",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
        }
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Says what is expected, which an untagged enum does not.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Attribute;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true or false, or a list of texts")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Attribute, E> {
        Ok(Attribute::Flag(value))
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Attribute, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            texts.push(text);
        }
        Ok(Attribute::Texts(texts))
    }
}

/// The answer of `GET /v1/buckets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Buckets {
    /// The buckets, by name.
    pub buckets: Vec<Bucket>,
}
