//! Private keys of pairs: RSA and ECDSA P-256.
//!
//! The arithmetic is that of aws-lc; only RSA with SHA-1, which it no longer signs and which CloudFront
//! still takes by default, is done in pure Rust.

mod der;
mod sha1;

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use sha1::Sha1Key;

/// Why a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No `-----BEGIN … PRIVATE KEY-----` with its end, or something between them that is no base64.
    #[error("private key is not in PEM form")]
    Pem,
    /// Neither an RSA key of at least 2,048 bits nor an ECDSA key on P-256.
    #[error("private key is neither RSA (2048 bits or more) nor ECDSA P-256, or it is encrypted")]
    Kind,
    /// The key is sound in form, but signing with it failed.
    #[error("signing with the private key failed")]
    Sign,
}

/// The hash a signature is made over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1: what CloudFront expects unless told otherwise.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
}

/// A private key, RSA or ECDSA P-256; `Debug` shows which of the two, and nothing else.
pub struct PrivateKey(Kind);

enum Kind {
    Rsa {
        pair: Box<RsaKeyPair>,
        pkcs1: Vec<u8>,
        /// Made when it is first needed: checking the key takes a while.
        sha1: Box<OnceLock<Option<Sha1Key>>>,
    },
    Ecdsa(Box<EcdsaKeyPair>),
}

impl PrivateKey {
    /// Reads PEM: PKCS #8, PKCS #1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`).
    ///
    /// # Errors
    /// [`KeyError::Pem`] and [`KeyError::Kind`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = read_pem(pem).ok_or(KeyError::Pem)?;
        let pkcs1 = der::pkcs1_of(&der).unwrap_or(&der);
        if let Ok(pair) = RsaKeyPair::from_der(pkcs1) {
            return Ok(Self(Kind::Rsa {
                pair: Box::new(pair),
                pkcs1: pkcs1.to_vec(),
                sha1: Box::default(),
            }));
        }
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, &der);
        let pair = pair.map_err(|_| KeyError::Kind)?;
        Ok(Self(Kind::Ecdsa(Box::new(pair))))
    }

    /// Signs a message: PKCS #1 v1.5 with RSA, and in ASN.1 form with ECDSA.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(&self, hash: Hash, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match (&self.0, hash) {
            (Kind::Rsa { pair, .. }, Hash::Sha256) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                // The source of randomness is ignored: these signatures have none in them.
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
            (Kind::Rsa { pkcs1, sha1, .. }, Hash::Sha1) => {
                let key = sha1.get_or_init(|| Sha1Key::new(pkcs1));
                let signature = key.as_ref().and_then(|key| key.sign(message));
                signature.ok_or(KeyError::Sign)
            }
            (Kind::Ecdsa(pair), hash) => {
                let digest = match hash {
                    Hash::Sha256 => crate::digest::sha256(message),
                    Hash::Sha1 => sha1::left_padded(message),
                };
                let digest = Digest::import_less_safe(&digest, &SHA256);
                let signature = digest.and_then(|digest| pair.sign_digest(&digest));
                Ok(signature.map_err(|_| KeyError::Sign)?.as_ref().to_vec())
            }
        }
    }

    /// Whether it is an RSA key; an ECDSA key otherwise.
    pub fn is_rsa(&self) -> bool {
        matches!(self.0, Kind::Rsa { .. })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_rsa() { "RSA" } else { "ECDSA P-256" };
        write!(f, "PrivateKey({kind})")
    }
}

/// The bytes of the first private key in a text.
fn read_pem(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN ").filter(|(_, rest)| {
        let label = rest.split("-----").next().unwrap_or_default();
        label.ends_with("PRIVATE KEY") && !label.contains("ENCRYPTED")
    })?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests;
