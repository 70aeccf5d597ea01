//! Checksums: computing them while bytes pass, and joining those of parts.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A checksum algorithm of `x-amz-checksum-*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The value of `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries a value.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Reads [`Algorithm::name`], in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Reads [`Algorithm::header`], in any case.
    pub(crate) fn of_header(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    }

    /// Length of a value in bytes, before base64.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// What a multipart upload covers when it does not say.
    pub(crate) fn default_coverage(self) -> Coverage {
        match self {
            Self::Crc64Nvme => Coverage::FullObject,
            Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256 => Coverage::Composite,
        }
    }

    /// Whether the checksums of parts join (CRCs), and whether S3 offers it.
    pub(crate) fn allows(self, coverage: Coverage) -> bool {
        match self {
            Self::Crc32 | Self::Crc32c => true,
            Self::Crc64Nvme => coverage == Coverage::FullObject,
            Self::Sha1 | Self::Sha256 => coverage == Coverage::Composite,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// What a checksum is of: `x-amz-checksum-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Coverage {
    /// All bytes of the object.
    FullObject,
    /// The checksums of the parts, one after the other.
    Composite,
}

impl Coverage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "FULL_OBJECT" => Some(Self::FullObject),
            "COMPOSITE" => Some(Self::Composite),
            _ => None,
        }
    }
}

/// The checksum kept with an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    pub(crate) coverage: Coverage,
    /// As S3 writes it: base64, with `-<parts>` behind a composite.
    pub(crate) value: String,
}

/// One checksum being computed.
enum Sum {
    Crc(Box<crc_fast::Digest>),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

/// Computes the MD5 of a body, and whichever checksums are wanted, in one pass.
pub(crate) struct Digester {
    md5: Md5,
    sums: Vec<(Algorithm, Sum)>,
}

impl Digester {
    /// Starts with no bytes. Naming an algorithm twice is the same as naming it once.
    pub(crate) fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut sums: Vec<(Algorithm, Sum)> = Vec::new();
        for algorithm in algorithms {
            if sums.iter().all(|(known, _)| *known != algorithm) {
                sums.push((algorithm, start(algorithm)));
            }
        }
        Self {
            md5: Md5::new(),
            sums,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for (_, sum) in &mut self.sums {
            match sum {
                Sum::Crc(crc) => crc.update(bytes),
                Sum::Sha1(sha1) => sha1.update(bytes),
                Sum::Sha256(sha256) => sha256.update(bytes),
            }
        }
    }

    pub(crate) fn finish(self) -> Digests {
        Digests {
            md5: self.md5.finalize().into(),
            sums: self
                .sums
                .into_iter()
                .map(|(algorithm, sum)| (algorithm, end(algorithm, sum)))
                .collect(),
        }
    }
}

/// What a [`Digester`] found.
pub(crate) struct Digests {
    pub(crate) md5: [u8; 16],
    sums: Vec<(Algorithm, Vec<u8>)>,
}

impl Digests {
    /// The value of an algorithm in base64, when it was asked for.
    pub(crate) fn value(&self, algorithm: Algorithm) -> Option<String> {
        let (_, bytes) = self.sums.iter().find(|(known, _)| *known == algorithm)?;
        Some(BASE64.encode(bytes))
    }
}

fn start(algorithm: Algorithm) -> Sum {
    match (algorithm.crc(), algorithm) {
        (Some(crc), _) => Sum::Crc(Box::new(crc_fast::Digest::new(crc))),
        (None, Algorithm::Sha1) => Sum::Sha1(Box::default()),
        (None, _) => Sum::Sha256(Box::default()),
    }
}

fn end(algorithm: Algorithm, sum: Sum) -> Vec<u8> {
    match sum {
        Sum::Crc(crc) => crc_bytes(algorithm, crc.finalize()),
        Sum::Sha1(sha1) => sha1.finalize().to_vec(),
        Sum::Sha256(sha256) => sha256.finalize().to_vec(),
    }
}

fn crc_bytes(algorithm: Algorithm, value: u64) -> Vec<u8> {
    value.to_be_bytes()[8 - algorithm.len()..].to_vec()
}

/// Reads a base64 value of the right length.
pub(crate) fn decode(algorithm: Algorithm, value: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(value).ok()?;
    (bytes.len() == algorithm.len()).then_some(bytes)
}

/// The checksum of all bytes from those of consecutive parts, given with their sizes. `None` when the
/// algorithm does not join or a value is not one of its own.
pub(crate) fn combine<'a>(
    algorithm: Algorithm,
    parts: impl IntoIterator<Item = (&'a str, u64)>,
) -> Option<String> {
    let crc = algorithm.crc()?;
    let mut whole = crc_fast::checksum(crc, b"");
    for (value, size) in parts {
        let part = decode(algorithm, value)?
            .into_iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(byte));
        whole = crc_fast::checksum_combine(crc, whole, part, size);
    }
    Some(BASE64.encode(crc_bytes(algorithm, whole)))
}

/// The checksum of the parts' checksums, with `-<parts>` behind it. `None` when a value is not one of the
/// algorithm's own.
pub(crate) fn compose<'a>(
    algorithm: Algorithm,
    parts: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let mut sum = Digester::new([algorithm]);
    let mut count = 0_u32;
    for value in parts {
        sum.update(&decode(algorithm, value)?);
        count += 1;
    }
    Some(format!("{}-{count}", sum.finish().value(algorithm)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(algorithm: Algorithm, bytes: &[u8]) -> String {
        let mut digester = Digester::new([algorithm]);
        digester.update(bytes);
        digester.finish().value(algorithm).unwrap()
    }

    // The check values of the CRC catalogue and of FIPS 180 for "123456789".
    #[test]
    fn the_published_check_values_come_out() {
        let check = b"123456789";
        assert_eq!(
            value(Algorithm::Crc32, check),
            BASE64.encode([0xcb, 0xf4, 0x39, 0x26])
        );
        assert_eq!(
            value(Algorithm::Crc32c, check),
            BASE64.encode([0xe3, 0x06, 0x92, 0x83])
        );
        assert_eq!(
            value(Algorithm::Crc64Nvme, check),
            BASE64.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes())
        );
        assert_eq!(
            value(Algorithm::Sha1, check),
            "98O8HYCOBHMq32eZZczDTKeuNEE="
        );
        assert_eq!(
            value(Algorithm::Sha256, check),
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="
        );
    }

    #[test]
    fn joined_part_checksums_equal_the_checksum_of_the_whole() {
        let (first, second) = (b"hello ".as_slice(), b"world".as_slice());
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts = [value(algorithm, first), value(algorithm, second)];
            let joined = combine(algorithm, [(parts[0].as_str(), 6), (parts[1].as_str(), 5)]);
            assert_eq!(joined, Some(value(algorithm, b"hello world")));
        }
    }

    #[test]
    fn a_composite_says_how_many_parts_it_is_of() {
        let parts = [
            value(Algorithm::Sha256, b"a"),
            value(Algorithm::Sha256, b"b"),
        ];
        let composite = compose(Algorithm::Sha256, parts.iter().map(String::as_str)).unwrap();
        assert!(composite.ends_with("=-2"));
        assert_eq!(combine(Algorithm::Sha256, [(parts[0].as_str(), 1)]), None);
    }
}
