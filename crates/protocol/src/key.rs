//! Object keys: what a file is called inside a bucket. Always made by the server.

use smol_str::SmolStr;

use crate::text::{every_byte, text_type};
use crate::{FileId, Filename, InvalidValue};

/// The prefix under which unverified single uploads land.
pub const QUARANTINE: &str = "quarantine";

/// The longest key S3, GCS and Azure all take, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

/// A key made by the server: segments of `[A-Za-z0-9._-]` between single `/`, at most 1,024 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(SmolStr);

text_type!(ObjectKey);

impl ObjectKey {
    /// Checks a key.
    ///
    /// # Errors
    /// Any other byte, an empty, `.` or `..` segment, or too many bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let bytes = text.as_bytes();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
        let dots = |segment: &[u8]| matches!(segment, b"" | b"." | b"..");
        let segments_ok = !bytes.split(|b| *b == b'/').any(dots);
        if bytes.len() <= MAX_KEY_BYTES && every_byte(bytes, plain) && segments_ok {
            Ok(Self(text.into()))
        } else {
            Err(InvalidValue::new(
                "a key has segments of A-Z, a-z, 0-9, '.', '_' and '-', and at most 1024 bytes",
            ))
        }
    }

    /// Where the unverified bytes of a single upload land: `quarantine/{id}`.
    pub fn quarantine(id: FileId) -> Self {
        Self(format!("{QUARANTINE}/{id}").into())
    }
}

/// Reduces a filename to `[A-Za-z0-9._-]{1,100}` for a key, keeping a short extension when it cuts.
pub fn safe_filename(filename: &Filename) -> String {
    const MAX: usize = 100;
    let mut safe = String::with_capacity(filename.as_str().len());
    for c in filename.as_str().chars() {
        let plain = c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match (plain, safe.ends_with('_')) {
            (true, _) => safe.push(c),
            (false, false) => safe.push('_'),
            (false, true) => {}
        }
    }
    if safe.len() > MAX {
        let extension = safe.rfind('.').map(|dot| safe[dot..].to_owned());
        let extension = extension
            .filter(|text| text.len() <= 16)
            .unwrap_or_default();
        safe.truncate(MAX - extension.len());
        safe.push_str(&extension);
    }
    if matches!(safe.as_str(), "." | "..") {
        "_".to_owned()
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a10_any_filename_becomes_one_plain_segment(name in "\\PC{1,80}") {
            if let Ok(name) = Filename::parse(&name) {
                let safe = safe_filename(&name);
                prop_assert!((1..=100).contains(&safe.len()));
                prop_assert!(!safe.contains('/'));
                prop_assert!(ObjectKey::parse(&safe).is_ok(), "{safe}");
            }
        }
    }

    #[test]
    fn what_can_stay_stays() {
        let safe = |text: &str| safe_filename(&Filename::parse(text).unwrap());
        assert_eq!(safe("report-2026_v1.pdf"), "report-2026_v1.pdf");
        assert_eq!(safe("my \"best\" 😀.jpg"), "my_best_.jpg");
        assert_eq!(safe("😀"), "_");
        let long = safe(&format!("{}.jpeg", "x".repeat(200)));
        assert!(long.len() == 100 && long.ends_with("x.jpeg"));
    }

    #[test]
    fn keys_that_could_mean_two_things_are_refused() {
        for key in [
            "",
            "/a",
            "a/",
            "a//b",
            "a/../b",
            "a b",
            "a%2fb",
            "é",
            &"x".repeat(1025),
        ] {
            assert!(ObjectKey::parse(key).is_err(), "{key}");
        }
    }
}
