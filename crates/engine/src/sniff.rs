//! What the first bytes of a file speak of.

/// How many bytes are looked at.
pub(crate) const SNIFFED_BYTES: u64 = 8192;

/// The media type the bytes begin like; `None` when they speak of none.
pub(crate) fn detect(first_bytes: &[u8]) -> Option<String> {
    infer::get(first_bytes).map(|kind| kind.mime_type().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_speak_for_themselves() {
        let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0];
        assert_eq!(detect(&png).as_deref(), Some("image/png"));
        assert_eq!(
            detect(b"<!DOCTYPE html><html>").as_deref(),
            Some("text/html")
        );
        assert_eq!(detect(b"hello"), None);
        assert_eq!(detect(b""), None);
    }
}
