//! Values that clients carry for us and cannot change: cursors and content capabilities.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use valetkey_protocol::Secret;

/// The bytes of a tag: 128 bits of HMAC-SHA-256 (RFC 2104 §5 allows to cut).
const TAG_BYTES: usize = 16;

/// What a sealed value is for; one can never pass as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A position in a list.
    Cursor,
    /// The permission to fetch one file's content.
    Content,
    /// A position in a survey.
    Survey,
    /// A drop link.
    Drop,
}

/// Seals and opens.
pub(crate) struct Sealer {
    cursor: Hmac<Sha256>,
    content: Hmac<Sha256>,
    survey: Hmac<Sha256>,
    drop: Hmac<Sha256>,
}

impl Sealer {
    /// Derives a key for each purpose from the service's secret.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self {
            cursor: derive(secret, b"valetkey cursor v1"),
            content: derive(secret, b"valetkey content v1"),
            survey: derive(secret, b"valetkey survey v1"),
            drop: derive(secret, b"valetkey drop v1"),
        }
    }

    /// The payload and its tag, in characters a URL carries as they are.
    pub(crate) fn seal(&self, purpose: Purpose, payload: &[u8]) -> String {
        let mut bytes = payload.to_vec();
        bytes.extend_from_slice(&self.tag(purpose, payload));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The payload, if it was sealed here for this purpose.
    pub(crate) fn open(&self, purpose: Purpose, sealed: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let payload_bytes = bytes.len().checked_sub(TAG_BYTES)?;
        let tag = bytes.split_off(payload_bytes);
        let good: bool = self.tag(purpose, &bytes).as_slice().ct_eq(&tag).into();
        good.then_some(bytes)
    }

    fn tag(&self, purpose: Purpose, payload: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = match purpose {
            Purpose::Cursor => self.cursor.clone(),
            Purpose::Content => self.content.clone(),
            Purpose::Survey => self.survey.clone(),
            Purpose::Drop => self.drop.clone(),
        };
        mac.update(payload);
        let full = mac.finalize().into_bytes();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&full[..TAG_BYTES]);
        tag
    }
}

/// A key of its own for each label.
pub(crate) fn derive(secret: &Secret, label: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(secret.expose().as_bytes());
    mac.update(label);
    keyed(&mac.finalize().into_bytes())
}

/// HMAC-SHA-256 with this key.
#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of every length (RFC 2104 §3)"
)]
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("every length is a key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&Secret::new("0123456789abcdef0123456789abcdef"))
    }

    #[test]
    fn what_was_sealed_opens_for_its_purpose_only() {
        let sealed = sealer().seal(Purpose::Cursor, b"payload");
        assert_eq!(sealer().open(Purpose::Cursor, &sealed).unwrap(), b"payload");
        assert_eq!(sealer().open(Purpose::Content, &sealed), None);
        let other = Sealer::new(&Secret::new("another secret of thirty-two bytes"));
        assert_eq!(other.open(Purpose::Cursor, &sealed), None);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealed = URL_SAFE_NO_PAD
            .decode(sealer().seal(Purpose::Content, b"x"))
            .unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(sealer().open(Purpose::Content, &changed), None);
        }
        for cut in 0..sealed.len() {
            let cut = URL_SAFE_NO_PAD.encode(&sealed[..cut]);
            assert_eq!(sealer().open(Purpose::Content, &cut), None);
        }
    }
}
