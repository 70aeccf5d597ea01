//! Media types (RFC 9110 §8.3.1).

use smol_str::SmolStr;

use crate::InvalidValue;
use crate::text::text_type;

/// A media type such as `image/jpeg` or `text/plain; charset=utf-8`; type and subtype in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentType(SmolStr);

text_type!(ContentType);

impl ContentType {
    /// The type of bytes nobody vouches for.
    pub const OCTET_STREAM: &str = "application/octet-stream";

    /// Checks a media type: `type/subtype` and `; name=value` parameters, at most 255 ASCII bytes.
    ///
    /// # Errors
    /// Anything RFC 9110 does not allow, and wildcards.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let wrong = || InvalidValue::new("must be a media type like 'image/jpeg'");
        if text.len() > 255 {
            return Err(wrong());
        }
        let (essence, parameters) = match text.split_once(';') {
            Some((essence, rest)) => (essence.trim_end_matches([' ', '\t']), Some(rest)),
            None => (text, None),
        };
        let (kind, subtype) = essence.split_once('/').ok_or_else(wrong)?;
        if !is_token(kind) || !is_token(subtype) || kind == "*" || subtype == "*" {
            return Err(wrong());
        }
        let mut normal = essence.to_ascii_lowercase();
        for parameter in parameters.into_iter().flat_map(|rest| rest.split(';')) {
            let parameter = parameter.trim_matches([' ', '\t']);
            let (name, value) = parameter.split_once('=').ok_or_else(wrong)?;
            if !is_token(name) || !(is_token(value) || is_quoted(value)) {
                return Err(wrong());
            }
            normal.push_str("; ");
            normal.push_str(parameter);
        }
        Ok(Self(normal.into()))
    }

    /// `type/subtype` without parameters: what rules compare.
    pub fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default()
    }

    /// Whether a pattern of a rule, `image/png`, `image/*` or `*/*`, covers this type.
    pub fn matches(&self, pattern: &str) -> bool {
        match pattern.strip_suffix("/*") {
            Some("*") => true,
            Some(kind) => self.essence().split('/').next() == Some(kind),
            None => self.essence() == pattern,
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// A quoted string without escapes; a `;` inside was already cut and so is refused.
fn is_quoted(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with('"')
        && text.ends_with('"')
        && text[1..text.len() - 1]
            .bytes()
            .all(|b| (b == b' ' || b.is_ascii_graphic()) && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_subtype_become_lower_case_and_parameters_stay() {
        let parsed = ContentType::parse("Text/HTML;charset=\"utf-8\"").unwrap();
        assert_eq!(parsed.as_str(), "text/html; charset=\"utf-8\"");
        assert_eq!(parsed.essence(), "text/html");
    }

    #[test]
    fn what_is_no_media_type_is_refused() {
        let long = format!("a/{}", "b".repeat(254));
        for text in [
            "",
            "image",
            "image/",
            "/png",
            "image/*",
            "*/*",
            "a/b\r\nx: y",
            "a b/c",
            "a/b;",
            "a/b; c",
            "a/é",
            &long,
        ] {
            assert!(ContentType::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn patterns_cover_exactly_what_they_say() {
        let png = ContentType::parse("image/png").unwrap();
        assert!(png.matches("image/png") && png.matches("image/*") && png.matches("*/*"));
        assert!(!png.matches("image/pn") && !png.matches("video/*"));
    }
}
