//! Checksums of whole files.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::InvalidValue;

/// What the decoder wants to have room for when it reads the 44 characters of 32 bytes.
const LONGEST_DECODED: usize = 33;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4), 32 bytes.
    Sha256,
    /// CRC-64/NVME, 8 bytes big-endian: nearly free, the default.
    Crc64Nvme,
    /// CRC-32C (Castagnoli), 4 bytes big-endian.
    Crc32c,
}

impl Algorithm {
    /// Every algorithm of this API.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Crc64Nvme, Self::Crc32c];

    /// The name on the wire, in headers and in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Crc64Nvme => "crc64nvme",
            Self::Crc32c => "crc32c",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| InvalidValue::new("must be one of sha256, crc64nvme, crc32c"))
    }
}

/// A checksum of a whole file; base64 of its big-endian bytes on the wire, as S3 writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WireChecksum", into = "WireChecksum")]
pub enum Checksum {
    /// SHA-256.
    Sha256([u8; 32]),
    /// CRC-64/NVME.
    Crc64Nvme(u64),
    /// CRC-32C.
    Crc32c(u32),
}

impl Checksum {
    /// Reads the base64 form.
    ///
    /// # Errors
    /// No base64, or not as many bytes as the algorithm gives.
    pub fn from_base64(algorithm: Algorithm, text: &str) -> Result<Self, InvalidValue> {
        let mut buffer = [0; LONGEST_DECODED];
        let length = STANDARD.decode_slice(text, &mut buffer).unwrap_or_default();
        let bytes = &buffer[..length];
        let read = match algorithm {
            Algorithm::Sha256 => bytes.try_into().map(Self::Sha256),
            Algorithm::Crc64Nvme => bytes
                .try_into()
                .map(|b| Self::Crc64Nvme(u64::from_be_bytes(b))),
            Algorithm::Crc32c => bytes
                .try_into()
                .map(|b| Self::Crc32c(u32::from_be_bytes(b))),
        };
        read.map_err(|_| {
            InvalidValue::new(format!(
                "value must be the base64 of the {} bytes of a {algorithm}",
                match algorithm {
                    Algorithm::Sha256 => 32,
                    Algorithm::Crc64Nvme => 8,
                    Algorithm::Crc32c => 4,
                }
            ))
        })
    }

    /// Which algorithm made it.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Crc64Nvme(_) => Algorithm::Crc64Nvme,
            Self::Crc32c(_) => Algorithm::Crc32c,
        }
    }

    /// The base64 form.
    pub fn to_base64(&self) -> String {
        match self {
            Self::Sha256(bytes) => STANDARD.encode(bytes),
            Self::Crc64Nvme(value) => STANDARD.encode(value.to_be_bytes()),
            Self::Crc32c(value) => STANDARD.encode(value.to_be_bytes()),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireChecksum {
    algorithm: Algorithm,
    value: String,
}

impl TryFrom<WireChecksum> for Checksum {
    type Error = InvalidValue;

    fn try_from(wire: WireChecksum) -> Result<Self, Self::Error> {
        Self::from_base64(wire.algorithm, &wire.value)
    }
}

impl From<Checksum> for WireChecksum {
    fn from(checksum: Checksum) -> Self {
        Self {
            algorithm: checksum.algorithm(),
            value: checksum.to_base64(),
        }
    }
}

/// Computes a checksum over bytes as they come.
pub struct Hasher(State);

enum State {
    Sha256(sha2::Sha256),
    Crc(Algorithm, Box<crc_fast::Digest>),
}

impl Hasher {
    /// Starts a checksum.
    pub fn new(algorithm: Algorithm) -> Self {
        let crc = |which| State::Crc(algorithm, Box::new(crc_fast::Digest::new(which)));
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Algorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
        })
    }

    /// The checksum of bytes already at hand.
    pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Crc(_, state) => state.update(bytes),
        }
    }

    /// Gives the checksum of all bytes taken.
    pub fn finish(self) -> Checksum {
        match self.0 {
            State::Sha256(state) => Checksum::Sha256(state.finalize().into()),
            State::Crc(Algorithm::Crc32c, state) => Checksum::Crc32c(low_32_bits(state.finalize())),
            State::Crc(_, state) => Checksum::Crc64Nvme(state.finalize()),
        }
    }
}

/// The 32-bit CRCs come in the low half of the digest's `u64`.
fn low_32_bits(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values_come_out() {
        // CRC catalogue: the CRC of "123456789"; FIPS 180-4: the SHA-256 of "abc".
        let check = |algorithm| Hasher::digest(algorithm, b"123456789");
        assert_eq!(
            check(Algorithm::Crc64Nvme),
            Checksum::Crc64Nvme(0xae8b_1486_0a79_9888)
        );
        assert_eq!(check(Algorithm::Crc32c), Checksum::Crc32c(0xe306_9283));
        assert_eq!(
            Hasher::digest(Algorithm::Sha256, b"abc").to_base64(),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
        );
    }

    #[test]
    fn bytes_in_pieces_give_the_same_checksum() {
        for algorithm in Algorithm::ALL {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"1234");
            hasher.update(b"");
            hasher.update(b"56789");
            assert_eq!(hasher.finish(), Hasher::digest(algorithm, b"123456789"));
        }
    }

    #[test]
    fn the_wire_form_round_trips_and_wrong_lengths_are_refused() {
        let checksum = Hasher::digest(Algorithm::Crc64Nvme, b"x");
        let json = serde_json::to_string(&checksum).unwrap();
        assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), checksum);
        for value in ["", "AAAAAA==", "not base64", "AAAAAAAAAAA"] {
            let json = format!(r#"{{"algorithm":"crc64nvme","value":"{value}"}}"#);
            assert!(serde_json::from_str::<Checksum>(&json).is_err(), "{value}");
        }
    }
}
