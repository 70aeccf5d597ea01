//! Percent-encoding as SigV4 wants it: the unreserved characters of RFC 3986 stay, every other byte
//! becomes `%XX` in capitals, a space `%20`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>

use std::cmp::Ordering;

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";
const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";

/// Appends one encoded query name or value; `/` is encoded too.
pub fn encode_component(bytes: &[u8], out: &mut String) {
    encode(bytes, out, is_unreserved);
}

/// Appends an encoded path: exactly once, byte for byte, `/` kept wherever it stands.
pub fn encode_path(bytes: &[u8], out: &mut String) {
    encode(bytes, out, |byte| byte == b'/' || is_unreserved(byte));
}

/// Orders two texts by their encoded form, which is the order of a canonical query string.
///
/// It differs from the order of the raw bytes: `:` is after `0`, but `%3A` is before it.
pub(crate) fn compare_encoded(a: &str, b: &str) -> Ordering {
    encoded_bytes(a).cmp(encoded_bytes(b))
}

/// Lower-case hexadecimal of a SHA-256 or HMAC-SHA-256 output.
pub(crate) fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&digits(*byte, HEX_LOWER));
    }
    text
}

/// Appends ASCII bytes such as those of [`hex`].
pub(crate) fn push_ascii(bytes: &[u8], out: &mut String) {
    out.extend(bytes.iter().map(|byte| char::from(*byte)));
}

pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(bytes: &[u8], out: &mut String, keep: impl Fn(u8) -> bool) {
    let mut rest = bytes;
    loop {
        // Whole runs are copied at once: keys and upload ids hardly ever need an escape.
        let run = rest.iter().take_while(|byte| keep(**byte)).count();
        let (kept, tail) = rest.split_at(run);
        if let Ok(kept) = str::from_utf8(kept) {
            out.push_str(kept);
        }
        let Some((escaped, tail)) = tail.split_first() else {
            return;
        };
        out.push('%');
        push_ascii(&digits(*escaped, HEX_UPPER), out);
        rest = tail;
    }
}

fn encoded_bytes(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().flat_map(|byte| {
        let [high, low] = digits(byte, HEX_UPPER);
        let (letters, len) = if is_unreserved(byte) {
            ([byte, 0, 0], 1)
        } else {
            ([b'%', high, low], 3)
        };
        letters.into_iter().take(len)
    })
}

fn digits(byte: u8, alphabet: &[u8; 16]) -> [u8; 2] {
    [
        alphabet[usize::from(byte >> 4)],
        alphabet[usize::from(byte & 15)],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_encoded_once_and_only_unreserved_ones_stay() {
        let every: Vec<u8> = (0..=255).collect();
        let mut component = String::new();
        encode_component(&every, &mut component);
        let expected: String = (0..=255u8)
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        assert_eq!(component, expected);

        let mut path = String::new();
        encode_path(&every, &mut path);
        assert_eq!(path, expected.replace("%2F", "/"));
    }

    #[test]
    fn encoded_order_is_not_raw_order() {
        assert_eq!(compare_encoded("a:", "a0"), Ordering::Less);
        assert_eq!(compare_encoded("é", "a"), Ordering::Less);
        assert_eq!(compare_encoded("a", "a-"), Ordering::Less);
        assert_eq!(compare_encoded("same", "same"), Ordering::Equal);
    }
}
