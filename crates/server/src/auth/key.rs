//! Keys: what is signed with each, and nothing else.

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::Value;
use valetkey_protocol::Secret;

/// The shortest RSA key, in bits (RFC 7518 §3.3).
const SHORTEST_RSA: usize = 2048;

/// The longest `kid`.
const LONGEST_ID: usize = 64;

/// What tokens may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256: a secret that both sides have.
    HS256,
    /// RSA (PKCS #1 v1.5) with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl KeyAlgorithm {
    pub(crate) const ALL: [Self; 4] = [Self::HS256, Self::RS256, Self::ES256, Self::EdDsa];

    /// The word in headers and key sets.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn jwt(self) -> Algorithm {
        match self {
            Self::HS256 => Algorithm::HS256,
            Self::RS256 => Algorithm::RS256,
            Self::ES256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    /// The one a header names, if it is one of ours.
    pub(crate) fn of(algorithm: Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.jwt() == algorithm)
    }
}

/// Whether a text may name a key of the configuration.
pub(crate) fn is_key_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Whether the `kid` of a token may name a key: it is looked up in memory and nowhere else. Some identity providers use
/// base64 with all its letters.
pub(crate) fn is_stated_id(text: &str) -> bool {
    let letter = |byte: u8| is_plain(byte) || matches!(byte, b'+' | b'/' | b'=');
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(letter) && !text.contains("..")
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// A key, and the one algorithm it is for.
#[derive(Clone)]
pub(crate) struct VerifyingKey {
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) key: DecodingKey,
}

impl VerifyingKey {
    /// A secret of HS256.
    pub(crate) fn from_secret(secret: &Secret) -> Self {
        Self {
            algorithm: KeyAlgorithm::HS256,
            key: DecodingKey::from_secret(secret.expose().as_bytes()),
        }
    }

    /// A public key, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// It is none, or none for this algorithm.
    pub(crate) fn from_pem(algorithm: KeyAlgorithm, text: &str) -> Result<Self, String> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).map_err(|_| {
            "has no `-----BEGIN PUBLIC KEY-----`: make it with `openssl pkey -in private.pem -pubout`, or of a \
             certificate with `openssl x509 -in certificate.pem -noout -pubkey`"
        })?;
        let der = der.as_ref();
        let other = |_| format!("is no key for {}", algorithm.as_str());
        let key = match algorithm {
            KeyAlgorithm::HS256 => return Err("is public, and HS256 needs a secret".to_owned()),
            KeyAlgorithm::RS256 => {
                let key = PublicEncryptingKey::from_der(der)
                    .map_err(|_| "is no key for RS256, or one of fewer than 2048 bits")?;
                check_rsa(key.key_size_bits())?;
                DecodingKey::from_rsa_der(der)
            }
            KeyAlgorithm::ES256 => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).map_err(other)?;
                DecodingKey::from_ec_der(der)
            }
            KeyAlgorithm::EdDsa => {
                ParsedPublicKey::new(&ED25519, der).map_err(other)?;
                DecodingKey::from_ed_der(der)
            }
        };
        Ok(Self { algorithm, key })
    }
}

fn check_rsa(bits: usize) -> Result<(), String> {
    match bits < SHORTEST_RSA {
        true => Err(format!("has {bits} bits: {SHORTEST_RSA} are the fewest")),
        false => Ok(()),
    }
}

/// What an identity provider publishes: those keys of it that tokens may be signed with.
#[derive(Default)]
pub(crate) struct KeySet(Vec<(Option<String>, VerifyingKey)>);

/// One key of a set (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

impl KeySet {
    /// Reads a set. Keys for other ends, such as encryption, are left out, and so are those that this version does not
    /// know, and secrets: nothing that everybody can read is one.
    ///
    /// # Errors
    /// It is no set, or has no key that can be used.
    pub(crate) fn parse(bytes: &[u8], only: Option<KeyAlgorithm>) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(bytes)
            .map_err(|error| format!("what is there is no JSON Web Key Set: {error}"))?;
        let keys = set.keys.into_iter().filter_map(|key| {
            let key: WireKey = serde_json::from_value(key).ok()?;
            let read = key.read()?;
            let wanted = only.is_none_or(|only| only == read.algorithm);
            wanted.then_some((key.kid, read))
        });
        let keys: Vec<_> = keys.collect();
        match keys.is_empty() {
            true => Err("the set has no key that can be used".to_owned()),
            false => Ok(Self(keys)),
        }
    }

    /// The keys with this id; without one the only key there is for this algorithm.
    pub(crate) fn find(&self, algorithm: KeyAlgorithm, id: Option<&str>) -> Vec<VerifyingKey> {
        let fits = |(_, key): &&(_, VerifyingKey)| key.algorithm == algorithm;
        let mut found = self.0.iter().filter(fits);
        match (id, found.clone().count()) {
            (None, 1) => found
                .next()
                .map(|(_, key)| key.clone())
                .into_iter()
                .collect(),
            (None, _) => Vec::new(),
            (Some(_), _) => found
                .filter(|(name, _)| name.as_deref() == id)
                .map(|(_, key)| key.clone())
                .collect(),
        }
    }
}

impl WireKey {
    fn read(&self) -> Option<VerifyingKey> {
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let mut operations = self.key_ops.iter().flatten();
        let verifies = self.key_ops.is_none() || operations.any(|one| one == "verify");
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => KeyAlgorithm::RS256,
            ("EC", Some("P-256")) => KeyAlgorithm::ES256,
            ("OKP", Some("Ed25519")) => KeyAlgorithm::EdDsa,
            _ => return None,
        };
        let named = self.alg.as_deref();
        let named = named.is_none_or(|named| named == algorithm.as_str());
        if !(signs && verifies && named) {
            return None;
        }
        let key = match algorithm {
            KeyAlgorithm::HS256 => return None,
            KeyAlgorithm::RS256 => self.rsa()?,
            KeyAlgorithm::ES256 => {
                bytes(&self.x, 32)?;
                bytes(&self.y, 32)?;
                DecodingKey::from_ec_components(&self.x, &self.y).ok()?
            }
            KeyAlgorithm::EdDsa => {
                bytes(&self.x, 32)?;
                DecodingKey::from_ed_components(&self.x).ok()?
            }
        };
        Some(VerifyingKey { algorithm, key })
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let modulus = URL_SAFE_NO_PAD.decode(&self.n).ok()?;
        let first = modulus.iter().position(|byte| *byte != 0)?;
        check_rsa((modulus.len() - first) * 8).ok()?;
        DecodingKey::from_rsa_components(&self.n, &self.e).ok()
    }
}

fn bytes(text: &str, length: usize) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    (bytes.len() == length).then_some(bytes)
}
