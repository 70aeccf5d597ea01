//! QR codes, as SVG: black on white with its quiet zone, whatever is around it.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::failure::Failure;

/// The modules that must be free around a code (ISO/IEC 18004 §6.3.8).
const QUIET: i32 = 4;

/// The code of a text.
///
/// # Errors
/// It is too long, which an address of ours is not.
pub(crate) fn svg(text: &str) -> Result<String, Failure> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium);
    let code = code.map_err(|error| Failure::internal(format!("no QR code: {error}")))?;
    let side = code.size() + 2 * QUIET;
    let mut dark = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(dark, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         aria-label=\"QR code of this link\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{dark}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_as_large_as_its_text_and_a_quiet_zone_need() {
        let text = svg("https://files.example.com/d/abc").unwrap();
        // Version 3: 29 modules and four on each side; the finder's corner is dark.
        assert!(text.contains("viewBox=\"0 0 37 37\""), "{text}");
        assert!(text.contains("d=\"M4 4h1v1h-1z"), "{text}");
        assert!(svg(&"x".repeat(3000)).is_err());
    }
}
