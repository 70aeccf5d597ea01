//! The application's own notes on a file.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::InvalidValue;
use crate::text::is_forbidden;

/// The most bytes all keys and values may have together.
pub const MAX_METADATA_BYTES: usize = 2048;

/// String pairs kept with a file: keys of `[a-z0-9-]{1,64}`, 2 KiB in all. The service never reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Checks the pairs.
    ///
    /// # Errors
    /// A key outside `[a-z0-9-]{1,64}`, a control character, or more than 2 KiB in all.
    pub fn new(pairs: BTreeMap<String, String>) -> Result<Self, InvalidValue> {
        for (key, value) in &pairs {
            check_pair(key, value)?;
        }
        let total: usize = pairs
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if total > MAX_METADATA_BYTES {
            return Err(InvalidValue::new(format!(
                "keys and values have {total} bytes together; at most {MAX_METADATA_BYTES} are allowed"
            )));
        }
        Ok(Self(pairs))
    }

    /// The pairs, by key.
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Applies a merge patch (RFC 7396): `None` removes a key.
    ///
    /// # Errors
    /// As [`Metadata::new`], for the result.
    pub fn merged(&self, patch: &BTreeMap<String, Option<String>>) -> Result<Self, InvalidValue> {
        let mut pairs = self.0.clone();
        for (key, value) in patch {
            match value {
                Some(value) => pairs.insert(key.clone(), value.clone()),
                None => pairs.remove(key),
            };
        }
        Self::new(pairs)
    }
}

fn check_pair(key: &str, value: &str) -> Result<(), InvalidValue> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if key.is_empty() || key.len() > 64 || !key.bytes().all(allowed) {
        return Err(InvalidValue::new(
            "a key must be 1 to 64 characters of a-z, 0-9 and '-'",
        ));
    }
    if value.chars().any(is_forbidden) {
        return Err(InvalidValue::new(
            "a value must not contain control characters",
        ));
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = deserializer.deserialize_map(UniqueKeys(std::marker::PhantomData))?;
        Self::new(pairs).map_err(D::Error::custom)
    }
}

/// Reads a map and refuses a repeated key, which plain maps would silently overwrite.
pub(crate) struct UniqueKeys<V>(pub(crate) std::marker::PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for UniqueKeys<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with each key once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, V>()? {
            if pairs.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
            }
            pairs.insert(key, value);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Metadata, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn plain_pairs_round_trip() {
        let text = r#"{"album":"été","order-id":"7"}"#;
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    }

    #[test]
    fn a_repeated_key_is_refused_and_named() {
        let error = read(r#"{"a":"1","a":"2"}"#).unwrap_err();
        assert!(error.to_string().contains("duplicate field `a`"), "{error}");
    }

    #[test]
    fn wrong_keys_controls_and_bulk_are_refused() {
        let bulk = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_METADATA_BYTES));
        for text in [
            r#"{"A":"1"}"#,
            r#"{"":"1"}"#,
            r#"{"a b":"1"}"#,
            r#"{"a":"x\u0000"}"#,
            r#"{"a":1}"#,
            &bulk,
        ] {
            assert!(read(text).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn a_merge_patch_sets_and_removes() {
        let before = read(r#"{"a":"1","b":"2"}"#).unwrap();
        let patch = BTreeMap::from([
            ("a".to_owned(), None),
            ("c".to_owned(), Some("3".to_owned())),
        ]);
        assert_eq!(
            before.merged(&patch).unwrap(),
            read(r#"{"b":"2","c":"3"}"#).unwrap()
        );
    }
}
