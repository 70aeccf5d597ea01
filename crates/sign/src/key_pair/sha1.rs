//! Signatures over SHA-1.

use rsa::{BoxedUint, Pkcs1v15Sign, PrivateKey};
use sha1::{Digest as _, Sha1};

use super::der::rsa_numbers;

/// `DigestInfo` of SHA-1 up to the hash: RFC 8017, section 9.2, note 1.
const PREFIX: [u8; 15] = [
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
];

/// An RSA key that signs over SHA-1.
pub(super) struct Sha1Key(PrivateKey);

impl Sha1Key {
    pub(super) fn new(pkcs1: &[u8]) -> Option<Self> {
        let [n, e, d, p, q] = rsa_numbers(pkcs1)?.map(BoxedUint::from_be_slice_vartime);
        let key = PrivateKey::from_components(n, e, d, vec![p, q]);
        key.ok().map(Self)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let padding = Pkcs1v15Sign {
            hash_len: Some(20),
            prefix: PREFIX.into(),
        };
        self.0.sign(padding, &Sha1::digest(message)).ok()
    }
}

/// ECDSA takes a hash as a number; one that is shorter than the curve's order has zeros before it.
pub(super) fn left_padded(message: &[u8]) -> [u8; 32] {
    let mut padded = [0; 32];
    padded[12..].copy_from_slice(&Sha1::digest(message));
    padded
}
