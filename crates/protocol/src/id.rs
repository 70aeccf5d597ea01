//! The one id an upload and its file share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::InvalidValue;

/// The id of an upload and of the file it makes: a `UUIDv7` (RFC 9562 §5.7), so ids sort by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(Uuid);

impl FileId {
    /// Makes an id from a `UUIDv7`.
    ///
    /// # Errors
    /// Any other version is refused.
    pub fn from_uuid(uuid: Uuid) -> Result<Self, InvalidValue> {
        match uuid.get_version_num() {
            7 => Ok(Self(uuid)),
            _ => Err(InvalidValue::new("an id is a version 7 UUID")),
        }
    }

    /// The 16 bytes, most significant first: the form the catalog stores and sorts by.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for FileId {
    type Err = InvalidValue;

    /// Takes the one canonical spelling (lower case, hyphens), so that an id has a single URL.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidValue::new("an id is a UUID in lower case with hyphens");
        let uuid = Uuid::try_parse(text).map_err(|_| wrong())?;
        let mut buffer = Uuid::encode_buffer();
        if uuid.hyphenated().encode_lower(&mut buffer) != text {
            return Err(wrong());
        }
        Self::from_uuid(uuid)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for FileId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Uuid::encode_buffer();
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
    }
}

impl<'de> Deserialize<'de> for FileId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01936f3e-8b7a-7c3d-9e4f-0123456789ab";

    #[test]
    fn the_canonical_spelling_round_trips() {
        assert_eq!(ID.parse::<FileId>().unwrap().to_string(), ID);
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let upper = ID.to_uppercase();
        let braced = format!("{{{ID}}}");
        let simple = ID.replace('-', "");
        let v4 = "c0b0d2a4-3c6f-4f43-9c61-9c6a3f8f9a11";
        for text in ["", "x", "../etc/passwd", &upper, &braced, &simple, v4] {
            assert!(text.parse::<FileId>().is_err(), "{text}");
        }
    }
}
