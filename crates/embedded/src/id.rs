//! Names for what the store makes itself: blobs, bodies, uploads, requests.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::random;

/// The millisecond of the latest name, and how many were made in it before.
static LATEST: Mutex<(u64, u16)> = Mutex::new((0, 0));

/// A unique name that sorts by the time it was made (48 bits of milliseconds, 16 that count within one, 64 random).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl Id {
    /// A new name. Fails only when the machine has no random bytes to give.
    pub(crate) fn new(now: Timestamp) -> io::Result<Self> {
        let mut bytes = [0; 16];
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&turn(millis).to_be_bytes());
        random::fill(&mut bytes[8..])?;
        Ok(Self(bytes))
    }

    /// Reads what [`fmt::Display`] wrote: 32 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(Self(unhex(text)?))
    }

    /// The folder of a blob: two digits of the random end, so that 256 folders fill evenly.
    pub(crate) fn shard(self) -> String {
        hex(&self.0[15..])
    }
}

/// How many names were made in the same millisecond just before.
fn turn(millis: u64) -> u16 {
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    *latest = match *latest {
        (same, count) if same == millis => (millis, count.wrapping_add(1)),
        _ => (millis, 0),
    };
    latest.1
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or(text)
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads exactly `N` bytes of hexadecimal; the case does not matter.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = Id::new(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(Id::parse(&id.to_string()), Some(id));
        assert_eq!(Id::parse("short"), None);
        assert_eq!(Id::parse(&"g".repeat(32)), None);
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let early = Id::new(Timestamp::from_millisecond(1_000).unwrap()).unwrap();
        let late = Id::new(Timestamp::from_millisecond(1_001).unwrap()).unwrap();
        assert!(early < late);
        // Also within one millisecond, unless somebody else made one for another in between.
        let same = || Id::new(Timestamp::from_millisecond(987_654_321).unwrap()).unwrap();
        let in_order = (0..100).filter(|_| same() < same()).count();
        assert!(in_order >= 90, "{in_order} of 100 pairs");
    }
}
