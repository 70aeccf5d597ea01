//! What the first bytes of a file speak of.

use valetkey_protocol::ContentType;

/// How many bytes are looked at.
pub(crate) const SNIFFED_BYTES: u64 = 8192;

/// The media type the bytes begin like; `None` when they speak of none.
pub(crate) fn detect(first_bytes: &[u8]) -> Option<String> {
    let known = infer::get(first_bytes).map(|kind| kind.mime_type());
    known.or_else(|| markup(first_bytes)).map(str::to_owned)
}

/// What begins with a tag, after white space at the most; an SVG needs nothing before its own.
fn markup(first_bytes: &[u8]) -> Option<&'static str> {
    let text = first_bytes.strip_prefix(b"\xef\xbb\xbf");
    let tag = text.unwrap_or(first_bytes).trim_ascii_start();
    let tag = tag.strip_prefix(b"<")?;
    let begins = |with: &[u8]| {
        let start = tag.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if begins(b"svg") || begins(b"!doctype svg") {
        return Some("image/svg+xml");
    }
    tag.first()?.is_ascii_alphabetic().then_some("text/xml")
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
        for svg in ["<svg>", "\u{feff}\n <SVG x=1>", "<!DOCTYPE svg PUBLIC>"] {
            assert_eq!(detect(svg.as_bytes()).as_deref(), Some("image/svg+xml"));
        }
        assert_eq!(detect(b"<math>").as_deref(), Some("text/xml"));
        for plain in ["hello", "a < b", "<", "< 5", "<3", "\u{feff}", "<!"] {
            assert_eq!(detect(plain.as_bytes()), None, "{plain}");
        }
        assert_eq!(detect(b""), None);
    }

    #[test]
    fn only_another_family_is_a_contradiction() {
        let contradicts =
            |detected, declared| contradicts(detected, &ContentType::parse(declared).unwrap());
        assert!(contradicts("text/html", "image/png"));
        assert!(contradicts("image/svg+xml", "image/png"));
        assert!(!contradicts("image/svg+xml", "image/svg+xml"));
        assert!(contradicts("application/x-executable", "application/pdf"));
        assert!(contradicts("image/png", "application/zip"));
        assert!(!contradicts("image/jpeg", "image/jpg"));
        assert!(!contradicts("application/zip", "application/java-archive"));
        assert!(!contradicts("text/xml", "image/svg+xml"));
        assert!(!contradicts("video/mp4", "audio/mp4"));
        assert!(!contradicts("text/html", "application/octet-stream"));
    }
}
