//! Upload tickets: what a token of an application may allow somebody who has no account.

use serde::{Deserialize, Serialize};

use crate::{ContentType, FolderPath, InvalidValue, Metadata, Subject};

/// The claim of a token that makes it a ticket.
pub const CLAIM: &str = "valetkey";

/// The most uploads of one ticket.
pub const MAX_COUNT: u64 = 1000;

/// The claim `valetkey` of a token: it narrows the token to uploads such as these. What is absent is not narrowed; what is
/// not known is refused, so that a slip of the pen widens nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicketClaim {
    /// Into this bucket; into the default one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Of these types: `image/png`, `image/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_types: Option<Vec<String>>,
    /// Of at most so many bytes each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// At most so many, 1 to [`MAX_COUNT`]. Each that was created counts, whatever becomes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u64>,
    /// Into this folder or those in it; into this one when an upload names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<FolderPath>,
    /// With these notes, which take the place of the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Whose they are; that of the token when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<Subject>,
}

impl TicketClaim {
    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// No types, a type that is none, or a count out of bounds.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if let Some(types) = &self.content_types {
            if types.is_empty() {
                return Err(InvalidValue::new(
                    "content_types: name at least one, or leave it out",
                ));
            }
            for pattern in types {
                check_pattern(pattern)?;
            }
        }
        if self
            .max_count
            .is_some_and(|count| !(1..=MAX_COUNT).contains(&count))
        {
            let why = format!("max_count: must be 1 to {MAX_COUNT}");
            return Err(InvalidValue::new(why));
        }
        Ok(())
    }
}

/// `image/png`, `image/*` or `*/*`, in small letters and without parameters.
fn check_pattern(pattern: &str) -> Result<(), InvalidValue> {
    let example = match pattern.strip_suffix("/*") {
        Some("*") => return Ok(()),
        Some(kind) => format!("{kind}/x"),
        None => pattern.to_owned(),
    };
    match ContentType::parse(&example) {
        Ok(parsed) if parsed.as_str() == example && !example.contains(';') => Ok(()),
        _ => Err(InvalidValue::new(
            "content_types: write image/png or image/*, in small letters",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<TicketClaim, String> {
        let claim: TicketClaim = serde_json::from_str(json).map_err(|error| error.to_string())?;
        claim.check().map_err(|error| error.to_string())?;
        Ok(claim)
    }

    #[test]
    fn a_good_claim_is_read_and_written_as_it_was() {
        for text in [
            "{}",
            r#"{"bucket":"photos","content_types":["image/*","*/*","application/pdf"],"max_size":5,"max_count":1000}"#,
            r#"{"path":"inbox/7","metadata":{"order":"7"},"sub":"alice"}"#,
        ] {
            let claim = read(text).unwrap();
            assert_eq!(serde_json::to_string(&claim).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_known_or_says_nothing_is_refused() {
        for text in [
            "null",
            "[1]",
            r#"{"max_sise":5}"#,
            r#"{"max_size":-1}"#,
            r#"{"max_size":"5"}"#,
            r#"{"max_count":0}"#,
            r#"{"max_count":1001}"#,
            r#"{"content_types":[]}"#,
            r#"{"content_types":["image"]}"#,
            r#"{"content_types":["IMAGE/PNG"]}"#,
            r#"{"content_types":["*/png"]}"#,
            r#"{"content_types":["text/plain; charset=utf-8"]}"#,
            r#"{"content_types":"image/png"}"#,
            r#"{"path":"../x"}"#,
            r#"{"metadata":{"A":"1"}}"#,
            r#"{"sub":""}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
