//! A file's logical folder.

use smol_str::SmolStr;

use crate::InvalidValue;
use crate::text::{is_forbidden, text_type};

/// A logical folder such as `photos/2026`; empty is the root. It is never part of an object key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FolderPath(SmolStr);

text_type!(FolderPath);

impl FolderPath {
    /// Checks a folder: segments between single `/`, at most 1,024 bytes in all.
    ///
    /// # Errors
    /// Empty, `.` or `..` segments (so also a `/` at either end), and control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.len() > 1024 {
            return Err(InvalidValue::new("must be at most 1024 bytes long"));
        }
        if text.chars().any(is_forbidden) {
            return Err(InvalidValue::new(
                "must not contain control characters or text-direction overrides",
            ));
        }
        if !text.is_empty() && text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidValue::new(
                "must be folders like 'photos/2026', without '.', '..' or empty segments",
            ));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_kept_and_the_root_is_empty() {
        for path in ["", "photos", "photos/2026", "été/été 2"] {
            assert_eq!(FolderPath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn anything_that_could_climb_or_hide_is_refused() {
        for path in ["/", "/a", "a/", "a//b", "a/../b", ".", "a/.", "a\tb"] {
            assert!(FolderPath::parse(path).is_err(), "{path:?}");
        }
    }
}
