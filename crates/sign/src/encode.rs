//! Percent-encoding as SigV4 wants it: the unreserved characters of RFC 3986 stay, every other byte
//! becomes `%XX` in capitals, a space `%20`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request>

use std::cmp::Ordering;

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Appends one encoded query name or value; `/` is encoded too.
pub fn encode_component(bytes: &[u8], out: &mut String) {
    encode(bytes, out, is_unreserved);
}

/// Appends an encoded path: exactly once, byte for byte, `/` kept wherever it stands.
pub fn encode_path(bytes: &[u8], out: &mut String) {
    encode(bytes, out, |byte| is_unreserved(byte) | (byte == b'/'));
}

/// Orders two texts by their encoded form, which is the order of a canonical query string.
///
/// It differs from the order of the raw bytes: `:` is after `0`, but `%3A` is before it.
pub(crate) fn compare_encoded(a: &str, b: &str) -> Ordering {
    encoded_bytes(a).cmp(encoded_bytes(b))
}

/// Undoes percent-encoding; `+` is a plus, and a `%` without two hexadecimal digits is nothing.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let (pair, tail) = tail.split_first_chunk::<2>()?;
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        bytes.push(u8::try_from(high? * 16 + low?).ok()?);
        rest = tail;
    }
    Some(bytes)
}

/// Lower-case hexadecimal of a SHA-256 or HMAC-SHA-256 output.
pub(crate) fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [hex_digit(byte >> 4), hex_digit(byte & 15)];
    }
    text
}

/// Appends lower-case hexadecimal.
pub(crate) fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.push(char::from(hex_digit(byte >> 4)));
        out.push(char::from(hex_digit(byte & 15)));
    }
}

/// Appends ASCII bytes such as those of [`hex`].
pub(crate) fn push_ascii(bytes: &[u8], out: &mut String) {
    // ASCII is UTF-8: nothing is ever left out here.
    out.push_str(str::from_utf8(bytes).unwrap_or_default());
}

/// Without branches, so that the compiler looks at many bytes at once.
#[inline]
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        | (byte.wrapping_sub(b'0') < 10)
        | (byte == b'-')
        | (byte == b'.')
        | (byte == b'_')
        | (byte == b'~')
}

#[inline]
fn encode(bytes: &[u8], out: &mut String, keep: impl Fn(u8) -> bool) {
    // Keys and upload ids hardly ever need an escape.
    if all(bytes, &keep) {
        push_ascii(bytes, out);
    } else {
        encode_some(bytes, out, keep);
    }
}

#[cold]
fn encode_some(bytes: &[u8], out: &mut String, keep: impl Fn(u8) -> bool) {
    let mut rest = bytes;
    loop {
        // Whole runs are copied at once.
        let run = rest.iter().take_while(|byte| keep(**byte)).count();
        let (kept, tail) = rest.split_at(run);
        push_ascii(kept, out);
        let Some((escaped, tail)) = tail.split_first() else {
            return;
        };
        let [high, low] = digits(*escaped, HEX_UPPER);
        push_ascii(&[b'%', high, low], out);
        rest = tail;
    }
}

/// Whether all bytes are of a kind: sixteen are looked at at once, the last ones twice if need be.
#[inline]
pub(crate) fn all(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    let all_of = |chunk: &[u8; 16]| {
        let others = chunk.iter().map(|byte| u8::from(!is(*byte)));
        others.fold(0, |all, other| all | other) == 0
    };
    match bytes.last_chunk() {
        None => bytes.iter().all(|byte| is(*byte)),
        Some(last) => all_of(last) && bytes.as_chunks().0.iter().all(all_of),
    }
}

/// Without a table, so that the compiler does many at once.
const fn hex_digit(nibble: u8) -> u8 {
    nibble + b'0' + (nibble > 9) as u8 * (b'a' - b'9' - 1)
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
    fn what_is_encoded_is_decoded_and_what_is_not_is_refused() {
        let every: Vec<u8> = (0..=255).collect();
        let mut component = String::new();
        encode_component(&every, &mut component);
        assert_eq!(decode(component.as_bytes()), Some(every));
        assert_eq!(decode(b"%e1+"), Some(vec![0xe1, b'+']));
        for wrong in ["%", "%a", "%+1", "%g0", "a%2"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn hexadecimal_is_in_lower_case() {
        let bytes: [u8; 32] = std::array::from_fn(|at| (at * 8 + at % 8) as u8);
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&bytes), expected.as_bytes());
        let mut text = String::new();
        push_hex(&bytes, &mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn encoded_order_is_not_raw_order() {
        assert_eq!(compare_encoded("a:", "a0"), Ordering::Less);
        assert_eq!(compare_encoded("é", "a"), Ordering::Less);
        assert_eq!(compare_encoded("a", "a-"), Ordering::Less);
        assert_eq!(compare_encoded("same", "same"), Ordering::Equal);
    }
}
