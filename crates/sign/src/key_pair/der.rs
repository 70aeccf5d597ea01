//! Just enough of ASN.1 to find the numbers of an RSA key.
//!
//! RFC 5208 (PKCS #8) <https://www.rfc-editor.org/rfc/rfc5208>, RFC 8017, appendix A.1.2 (PKCS #1)
//! <https://www.rfc-editor.org/rfc/rfc8017>

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The `RSAPrivateKey` inside a `PrivateKeyInfo`.
pub(super) fn pkcs1_of(pkcs8: &[u8]) -> Option<&[u8]> {
    let (outer, _) = take(SEQUENCE, pkcs8)?;
    let (_version, rest) = take(INTEGER, outer)?;
    let (_algorithm, rest) = take(SEQUENCE, rest)?;
    let (key, _) = take(OCTETS, rest)?;
    Some(key)
}

/// The first numbers of an `RSAPrivateKey`: n, e, d, p and q, big-endian.
pub(super) fn rsa_numbers(pkcs1: &[u8]) -> Option<[&[u8]; 5]> {
    let (outer, _) = take(SEQUENCE, pkcs1)?;
    let (_version, mut rest) = take(INTEGER, outer)?;
    let mut numbers = [&[][..]; 5];
    for number in &mut numbers {
        let (bytes, tail) = take(INTEGER, rest)?;
        // A leading zero only keeps the number positive.
        *number = bytes.strip_prefix(&[0]).unwrap_or(bytes);
        rest = tail;
    }
    Some(numbers)
}

/// The contents of an element of this kind, and what follows it.
fn take(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (short, rest) = rest.split_first()?;
    if *first != tag {
        return None;
    }
    let (len, rest) = match usize::from(*short) {
        len @ 0..0x80 => (len, rest),
        long => {
            let (digits, rest) = rest.split_at_checked(long - 0x80)?;
            if digits.len() > 4 {
                return None;
            }
            let len = digits
                .iter()
                .fold(0, |len, byte| len << 8 | usize::from(*byte));
            (len, rest)
        }
    };
    rest.split_at_checked(len)
}
