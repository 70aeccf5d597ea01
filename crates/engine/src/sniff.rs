//! What the first bytes of a file speak of.

use valetkey_protocol::ContentType;

/// How many bytes are looked at.
pub(crate) const SNIFFED_BYTES: u64 = 8192;

/// The media type the bytes begin like; `None` when they speak of none.
pub(crate) fn detect(first_bytes: &[u8]) -> Option<String> {
    infer::get(first_bytes).map(|kind| kind.mime_type().to_owned())
}

/// Whether bytes that speak of one type cannot be of the declared one: an HTML page is no image. Inside a family
/// (and sound may come as a film) names vary too much to tell.
pub(crate) fn contradicts(detected: &str, declared: &ContentType) -> bool {
    declared.essence() != ContentType::OCTET_STREAM
        && family(detected) != family(declared.essence())
}

fn family(essence: &str) -> &str {
    // Programs are only what they are called.
    const PROGRAMS: [&str; 3] = ["portable-executable", "x-executable", "x-mach-binary"];
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    match kind {
        "audio" | "video" => "media",
        _ if subtype == "xml" || subtype.ends_with("+xml") => "text",
        "application" if PROGRAMS.iter().any(|program| subtype.ends_with(program)) => essence,
        _ => kind,
    }
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

    #[test]
    fn only_another_family_is_a_contradiction() {
        let contradicts =
            |detected, declared| contradicts(detected, &ContentType::parse(declared).unwrap());
        assert!(contradicts("text/html", "image/png"));
        assert!(contradicts("application/x-executable", "application/pdf"));
        assert!(contradicts("image/png", "application/zip"));
        assert!(!contradicts("image/jpeg", "image/jpg"));
        assert!(!contradicts("application/zip", "application/java-archive"));
        assert!(!contradicts("text/xml", "image/svg+xml"));
        assert!(!contradicts("video/mp4", "audio/mp4"));
        assert!(!contradicts("text/html", "application/octet-stream"));
    }
}
