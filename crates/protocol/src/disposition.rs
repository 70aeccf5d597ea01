//! `Content-Disposition` (RFC 6266, RFC 8187): how a download keeps its true name.

use serde::{Deserialize, Serialize};

use crate::Filename;
use crate::text::is_forbidden;

/// Whether a browser shows a file or saves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// Save it.
    #[default]
    Attachment,
    /// Show it, where the bucket allows this type to be shown.
    Inline,
}

impl Disposition {
    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Inline => "inline",
        }
    }

    /// The whole header value: an ASCII fallback for old clients and the true name as `filename*`.
    pub fn header_value(self, filename: &Filename) -> String {
        let name = filename.as_str();
        let mut value = format!("{}; filename=\"", self.as_str());
        for c in name.chars().filter(|&c| !is_forbidden(c)) {
            let plain = c.is_ascii() && !matches!(c, '"' | '\\' | '%');
            value.push(if plain { c } else { '_' });
        }
        value.push_str("\"; filename*=UTF-8''");
        let mut utf8 = [0; 4];
        for c in name.chars().filter(|&c| !is_forbidden(c)) {
            for byte in c.encode_utf8(&mut utf8).bytes() {
                // attr-char of RFC 8187 §3.2.1.
                if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                    value.push(char::from(byte));
                } else {
                    value.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_true_name_and_a_safe_fallback_stand_side_by_side() {
        let name = Filename::parse("my \"é\".txt").unwrap();
        assert_eq!(
            Disposition::Attachment.header_value(&name),
            "attachment; filename=\"my ___.txt\"; filename*=UTF-8''my%20%22%C3%A9%22.txt"
        );
    }

    proptest! {
        #[test]
        fn a12_no_name_can_add_a_parameter_or_a_line(name in "\\PC{1,60}") {
            if let Ok(name) = Filename::parse(&name) {
                let value = Disposition::Inline.header_value(&name);
                prop_assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)));
                prop_assert_eq!(value.matches('"').count(), 2);
                // A name may well look like the end of itself: "; is text between the quotes.
                let quoted = value.strip_prefix("inline; filename=\"").unwrap();
                let (_, rest) = quoted.split_once('"').unwrap();
                let rest = rest.strip_prefix("; filename*=UTF-8''").unwrap();
                prop_assert!(!rest.contains([' ', ';', '"']));
            }
        }
    }
}
