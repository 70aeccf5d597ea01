//! SHA-256 and HMAC-SHA-256 with their inner states in hand.
//!
//! Signing hashes texts that mostly begin alike. The usual interfaces hide the state in between, and
//! keep a buffer of one block that every piece of text passes through; here a state can be kept and gone
//! on from, and many blocks are hashed in one call. The compression function itself is `sha2`'s, which
//! uses the machine's SHA instructions where there are any.
//!
//! FIPS 180-4 <https://doi.org/10.6028/NIST.FIPS.180-4>, RFC 2104 <https://www.rfc-editor.org/rfc/rfc2104>

use sha2::block_api::compress256;

use crate::encode::hex;

const BLOCK: usize = 64;

/// As many blocks as most canonical requests have.
const BLOCKS: usize = 12;

/// The end of a message: a one bit, and the length in bits in the last eight bytes.
const END: u8 = 0x80;

const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The SHA-256 of one text.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(bytes);
    hasher.finish()
}

/// SHA-256 of a text that comes in pieces.
pub(crate) struct Sha256 {
    state: [u32; 8],
    /// Bytes hashed so far, without those that wait in `blocks`.
    hashed: u64,
    blocks: [[u8; BLOCK]; BLOCKS],
    waiting: usize,
}

impl Sha256 {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            state: INITIAL,
            hashed: 0,
            blocks: [[0; BLOCK]; BLOCKS],
            waiting: 0,
        }
    }

    #[inline]
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        loop {
            let room = BLOCKS * BLOCK - self.waiting;
            let free = &mut self.blocks.as_flattened_mut()[self.waiting..];
            if let Some(free) = free.get_mut(..bytes.len())
                && bytes.len() < room
            {
                free.copy_from_slice(bytes);
                self.waiting += bytes.len();
                return;
            }
            let (now, later) = bytes.split_at(free.len());
            free.copy_from_slice(now);
            compress256(&mut self.state, &self.blocks);
            self.hashed += (BLOCKS * BLOCK) as u64;
            self.waiting = 0;
            bytes = later;
        }
    }

    /// The hash; by reference, for there are many blocks to move.
    #[inline]
    pub(crate) fn finish(&mut self) -> [u8; 32] {
        let bits = (self.hashed + self.waiting as u64) * 8;
        // The one bit and the length need nine bytes.
        let mut used = (self.waiting + 9).div_ceil(BLOCK);
        let flat = self.blocks.as_flattened_mut();
        let end = flat.len().min(used * BLOCK);
        flat[self.waiting..end].fill(0);
        flat[self.waiting] = END;
        if used > BLOCKS {
            compress256(&mut self.state, &self.blocks);
            self.blocks = [[0; BLOCK]; BLOCKS];
            used = 1;
        }
        self.blocks[used - 1][BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, &self.blocks[..used]);
        bytes_of(&self.state)
    }

    /// The state after what came so far, to go on from more than once.
    pub(crate) fn midstate(&self) -> Midstate {
        let mut state = self.state;
        let whole = self.waiting / BLOCK;
        compress256(&mut state, &self.blocks[..whole]);
        let rest = self.blocks.get(whole).copied().unwrap_or([0; BLOCK]);
        Midstate {
            state,
            hashed: self.hashed + (whole * BLOCK) as u64,
            rest,
            waiting: self.waiting % BLOCK,
        }
    }
}

/// What is left of a text once its whole blocks are hashed.
#[derive(Clone)]
pub(crate) struct Midstate {
    state: [u32; 8],
    hashed: u64,
    rest: [u8; BLOCK],
    waiting: usize,
}

impl Midstate {
    /// Goes on where the state was taken.
    #[inline]
    pub(crate) fn resume(&self) -> Sha256 {
        let mut hasher = Sha256 {
            state: self.state,
            hashed: self.hashed,
            blocks: [[0; BLOCK]; BLOCKS],
            waiting: self.waiting,
        };
        hasher.blocks[0] = self.rest;
        hasher
    }

    /// The hash of the text so far and, in hexadecimal, another hash: two or three blocks, and nothing
    /// around them.
    #[inline]
    fn finish_with_hex(&self, hash: &[u8; 32]) -> [u8; 32] {
        let mut blocks = [[0; BLOCK]; 3];
        blocks[0] = self.rest;
        let end = self.waiting + 64;
        let used = (end + 9).div_ceil(BLOCK);
        let flat = blocks.as_flattened_mut();
        if let Some(text) = flat[self.waiting..].first_chunk_mut() {
            *text = hex(hash);
        }
        flat[end] = END;
        let bits = (self.hashed + end as u64) * 8;
        blocks[used - 1][BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        let mut state = self.state;
        compress256(&mut state, &blocks[..used]);
        bytes_of(&state)
    }
}

/// An HMAC-SHA-256 key, both its pads already hashed: two blocks less for every text.
#[derive(Clone)]
pub(crate) struct HmacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// Keys longer than a block are hashed first.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if let Some(head) = block.get_mut(..key.len()) {
            head.copy_from_slice(key);
        } else {
            block[..32].copy_from_slice(&sha256(key));
        }
        let padded = |pad: u8| {
            let mut state = INITIAL;
            compress256(&mut state, &[block.map(|byte| byte ^ pad)]);
            state
        };
        Self {
            inner: padded(0x36),
            outer: padded(0x5c),
        }
    }

    /// The code of one text.
    pub(crate) fn mac(&self, text: &[u8]) -> [u8; 32] {
        let mut hasher = self.begin();
        hasher.update(text);
        close(&self.outer, &hasher.finish())
    }

    /// The key together with the beginning of every text it will be used for.
    pub(crate) fn with_prefix(&self, prefix: &[u8]) -> PrefixedHmac {
        let mut hasher = self.begin();
        hasher.update(prefix);
        PrefixedHmac {
            inner: hasher.midstate(),
            outer: self.outer,
        }
    }

    fn begin(&self) -> Sha256 {
        Sha256 {
            state: self.inner,
            hashed: BLOCK as u64,
            ..Sha256::new()
        }
    }
}

/// HMAC-SHA-256 of texts that begin alike.
#[derive(Clone)]
pub(crate) struct PrefixedHmac {
    inner: Midstate,
    outer: [u32; 8],
}

impl PrefixedHmac {
    /// The code of the prefix and these pieces.
    pub(crate) fn mac_of(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut hasher = self.inner.resume();
        pieces.iter().for_each(|piece| hasher.update(piece));
        close(&self.outer, &hasher.finish())
    }

    /// The signature, in hexadecimal, of a request whose canonical form has this hash.
    #[inline]
    pub(crate) fn sign(&self, canonical_request_sha256: &[u8; 32]) -> [u8; 64] {
        let inner = self.inner.finish_with_hex(canonical_request_sha256);
        hex(&close(&self.outer, &inner))
    }
}

#[inline]
fn close(outer: &[u32; 8], inner: &[u8; 32]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    block[..32].copy_from_slice(inner);
    block[32] = END;
    let bits = (BLOCK as u64 + 32) * 8;
    block[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    let mut state = *outer;
    compress256(&mut state, &[block]);
    bytes_of(&state)
}

#[inline]
fn bytes_of(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (four, word) in bytes.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::Digest as _;

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn texts_of_every_length_hash_as_in_sha2() {
        for len in 0..1_300 {
            let text = text(len);
            let expected: [u8; 32] = sha2::Sha256::digest(&text).into();
            assert_eq!(sha256(&text), expected, "{len}");
        }
    }

    #[test]
    fn a_midstate_may_be_taken_anywhere() {
        let text = text(700);
        let expected = sha256(&text);
        for cut in 0..=text.len() {
            let mut hasher = Sha256::new();
            hasher.update(&text[..cut]);
            let mut rest = hasher.midstate().resume();
            rest.update(&text[cut..]);
            assert_eq!(rest.finish(), expected, "{cut}");
        }
    }

    #[test]
    fn codes_are_those_of_the_hmac_crate_for_keys_and_prefixes_of_any_length() {
        let hash: [u8; 32] = text(32).try_into().unwrap();
        for len in 0..200 {
            let (key, prefix) = (text(len), text(200 - len));
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
            mac.update(&prefix);
            mac.update(&hex(&hash));
            let expected: [u8; 32] = mac.finalize().into_bytes().into();
            let ours = HmacKey::new(&key);
            let whole = [&prefix[..], &hex(&hash)].concat();
            let prefixed = ours.with_prefix(&prefix);
            assert_eq!(prefixed.sign(&hash), hex(&expected), "{len}");
            assert_eq!(prefixed.mac_of(&[&hex(&hash)]), expected, "{len}");
            assert_eq!(ours.mac(&whole), expected, "{len}");
        }
    }
}
