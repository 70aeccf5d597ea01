//! Who a principal is, as the application's tokens name them.

use smol_str::SmolStr;

use crate::InvalidValue;
use crate::text::text_type;

/// The `sub` of a token (OpenID Connect Core §2): 1–255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(SmolStr);

text_type!(Subject);

impl Subject {
    /// Checks a subject.
    ///
    /// # Errors
    /// Empty, longer than 255, or with anything but printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(InvalidValue::new(
                "must be 1 to 255 printable ASCII characters",
            ));
        }
        Ok(Self(text.into()))
    }

    /// Spells the subject as one key segment of `[A-Za-z0-9._-]`, so that two subjects never share one.
    ///
    /// Every other byte, and `_` itself, becomes `_` and two hex digits; so do the dots of a subject
    /// made of dots alone, because `.` and `..` are not segments.
    pub fn to_key_segment(&self) -> String {
        key_segment(&self.0)
    }
}

/// Spells a text of ASCII as [`Subject::to_key_segment`] says.
pub(crate) fn key_segment(text: &str) -> String {
    let only_dots = text.bytes().all(|b| b == b'.');
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && !only_dots);
        if plain {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("_{byte:02X}"));
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn two_subjects_never_share_a_segment(a in "[ -~]{1,12}", b in "[ -~]{1,12}") {
            let (left, right) = (Subject::parse(&a).unwrap(), Subject::parse(&b).unwrap());
            prop_assert_eq!(left.to_key_segment() == right.to_key_segment(), a == b);
        }

        #[test]
        fn a_segment_is_plain_and_never_dots(subject in "[ -~]{1,255}") {
            let segment = Subject::parse(&subject).unwrap().to_key_segment();
            prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
            prop_assert!(segment != "." && segment != "..");
        }
    }

    #[test]
    fn well_known_shapes_stay_readable() {
        let spell = |text: &str| Subject::parse(text).unwrap().to_key_segment();
        assert_eq!(spell("alice"), "alice");
        assert_eq!(spell("auth0|5f7c"), "auth0_7C5f7c");
        assert_eq!(spell(".."), "_2E_2E");
        assert_eq!(spell("a/../b"), "a_2F.._2Fb");
    }

    #[test]
    fn what_no_token_may_say_is_refused() {
        for text in ["", "é", "a\nb", &"x".repeat(256)] {
            assert!(Subject::parse(text).is_err());
        }
    }
}
