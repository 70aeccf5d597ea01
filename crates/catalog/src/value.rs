//! How values are written into columns and read back, whatever the database.

use std::borrow::Cow;

use valetkey_protocol::file::ListFiles;
use valetkey_protocol::{Checksum, Metadata, Problem};

use crate::CatalogError;

/// Why a value cannot be read.
pub(crate) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// What an empty set of notes is written as; most files have none.
const NO_METADATA: &str = "{}";

/// A number as databases hold it: never wrapped, never cut.
pub(crate) fn integer(what: &str, value: u64) -> Result<i64, CatalogError> {
    i64::try_from(value).map_err(|_| CatalogError::Refused {
        what: format!(
            "{what} is {value}, and the largest number it has room for is {}",
            i64::MAX
        ),
    })
}

/// A checksum as `algorithm:base64`.
pub(crate) fn checksum_text(checksum: &Checksum) -> String {
    format!("{}:{}", checksum.algorithm(), checksum.to_base64())
}

/// Reads what [`checksum_text`] wrote.
pub(crate) fn checksum(text: &str) -> Result<Checksum, Unreadable> {
    Ok(ListFiles::parse_checksum(text)?)
}

/// Notes as a JSON object.
pub(crate) fn metadata_text(metadata: &Metadata) -> Result<Cow<'static, str>, CatalogError> {
    if metadata.pairs().is_empty() {
        return Ok(Cow::Borrowed(NO_METADATA));
    }
    let text = serde_json::to_string(metadata).map_err(|error| no_json("metadata", &error))?;
    Ok(Cow::Owned(text))
}

/// Reads what [`metadata_text`] wrote.
pub(crate) fn metadata(text: &str) -> Result<Metadata, Unreadable> {
    match text {
        NO_METADATA => Ok(Metadata::default()),
        text => Ok(serde_json::from_str(text)?),
    }
}

/// A problem as its document.
pub(crate) fn problem_text(problem: &Problem) -> Result<String, CatalogError> {
    serde_json::to_string(problem).map_err(|error| no_json("problem", &error))
}

/// Reads what [`problem_text`] wrote.
pub(crate) fn problem(text: &str) -> Result<Problem, Unreadable> {
    Ok(serde_json::from_str(text)?)
}

/// The value with this name.
pub(crate) fn word<T: Copy>(
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, Unreadable> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| format!("'{text}' is not known to this version").into())
}

fn no_json(what: &str, error: &serde_json::Error) -> CatalogError {
    CatalogError::Refused {
        what: format!("{what}: {error}"),
    }
}
