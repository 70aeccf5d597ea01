//! The name a person gave a file.

use smol_str::SmolStr;

use crate::InvalidValue;
use crate::text::{every_byte, is_forbidden, text_type};

/// The true filename, as the client's file system had it: 1–255 bytes of UTF-8, no path, no controls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filename(SmolStr);

text_type!(Filename);

impl Filename {
    /// Checks a filename.
    ///
    /// # Errors
    /// Empty, over 255 bytes, `.`/`..`, a `/`, a control or a text-direction override.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() || text.len() > 255 {
            return Err(InvalidValue::new("must be 1 to 255 bytes long"));
        }
        if text == "." || text == ".." || !every_byte(text.as_bytes(), |b| b != b'/') {
            return Err(InvalidValue::new(
                "must be a plain name without '/'; a folder goes into 'path'",
            ));
        }
        let harmless = every_byte(text.as_bytes(), |b| matches!(b, b' '..=b'~'));
        if !harmless && text.chars().any(is_forbidden) {
            return Err(InvalidValue::new(
                "must not contain control characters or text-direction overrides",
            ));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_people_really_use_are_kept_as_they_are() {
        for name in [
            "photo.jpg",
            "my \"best\" photo 😀.jpg",
            "ünï'cödé;x=1.txt",
            ".profile",
            "a\\b",
        ] {
            assert_eq!(Filename::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_lie_are_refused() {
        let long = "x".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\0b",
            "a\nb",
            "a\u{202e}gpj.exe",
            "\u{85}",
            &long,
        ] {
            assert!(Filename::parse(name).is_err(), "{name:?}");
        }
    }
}
