//! The key receipts are signed with: read or made, used, and published with those that were used before.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519_PUBLIC_KEY_LEN, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde_json::json;
use valetkey_engine::ReceiptSigner;
use valetkey_protocol::receipt::{ALGORITHM, TYPE};
use valetkey_protocol::{Jwk, Jwks, Receipt, Secret};

use crate::config::ReceiptsConfig;
use crate::{ServeError, files, random};

/// What a key that is made is called.
pub(crate) const FILE_NAME: &str = "receipt-key.pem";

/// What comes before the 32 bytes of a private Ed25519 key in PKCS#8 (RFC 8410 §7).
const PRIVATE_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// What comes before the 32 bytes of a public one (RFC 8410 §4).
const PUBLIC_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

type PublicKey = [u8; ED25519_PUBLIC_KEY_LEN];

/// A fresh key, as `receipts.key_file` takes it.
///
/// # Errors
/// The machine has no random bytes to give.
pub fn new_key() -> Result<Secret, ServeError> {
    let der = [&PRIVATE_PREFIX[..], &random::key()?].concat();
    // 48 bytes are one line of 64 characters, which is how long a line of PEM is (RFC 7468 §2).
    let line = STANDARD.encode(der);
    Ok(Secret::new(format!(
        "-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n"
    )))
}

/// Signs receipts, and publishes what checks them.
pub(crate) struct ReceiptKeys {
    pair: Ed25519KeyPair,
    /// The header of every receipt and the dot after it.
    header: String,
    published: Jwks,
}

impl ReceiptKeys {
    /// Reads the configured keys; without one to sign with, the one in `folder`, which is made once.
    ///
    /// # Errors
    /// A file cannot be read or made, or holds no Ed25519 key.
    pub(crate) fn open(config: &ReceiptsConfig, folder: &Path) -> Result<Self, ServeError> {
        let configured = &config.key_file;
        let (path, text) = match configured.as_os_str().is_empty() {
            false => (configured.clone(), read(configured)?),
            true => {
                let path = folder.join(FILE_NAME);
                let text = files::read_or_make(&path, || Ok(new_key()?.expose().to_owned()))?;
                (path, text)
            }
        };
        let pair = private_key(&text).map_err(no_key(&path))?;
        let mut keys = vec![Jwk::ed25519(&public_half(&pair).map_err(no_key(&path))?)];
        for path in &config.retired_key_files {
            let key = Jwk::ed25519(&any_public_key(&read(path)?).map_err(no_key(path))?);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let header = json!({"alg": ALGORITHM, "kid": keys[0].kid, "typ": TYPE}).to_string();
        Ok(Self {
            pair,
            header: format!("{}.", URL_SAFE_NO_PAD.encode(header)),
            published: Jwks { keys },
        })
    }
}

impl ReceiptSigner for ReceiptKeys {
    fn sign(&self, receipt: &Receipt) -> Result<String, String> {
        let failed = |error: &dyn std::fmt::Display| format!("a receipt is not signed: {error}");
        let claims = serde_json::to_vec(receipt).map_err(|error| failed(&error))?;
        let mut jws = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut jws);
        let signature = self.pair.try_sign(jws.as_bytes());
        let signature = signature.map_err(|error| failed(&error))?;
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jws);
        Ok(jws)
    }

    fn keys(&self) -> &Jwks {
        &self.published
    }
}

fn read(path: &Path) -> Result<String, ServeError> {
    std::fs::read_to_string(path).map_err(|source| ServeError::File {
        path: path.to_owned(),
        source,
    })
}

fn private_key(text: &str) -> Result<Ed25519KeyPair, &'static str> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| "has no `-----BEGIN PRIVATE KEY-----` (PKCS#8, unencrypted)")?;
    Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| "holds another kind of key")
}

fn public_half(pair: &Ed25519KeyPair) -> Result<PublicKey, &'static str> {
    let public = pair.public_key().as_ref().try_into();
    public.map_err(|_| "holds another kind of key")
}

/// The public key of a file that holds either half.
fn any_public_key(text: &str) -> Result<PublicKey, &'static str> {
    match SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()) {
        Ok(der) => {
            let bytes = der.as_ref().strip_prefix(&PUBLIC_PREFIX);
            let key = bytes.and_then(|bytes| bytes.try_into().ok());
            key.ok_or("holds another kind of key")
        }
        Err(_) => public_half(&private_key(text)?),
    }
}

fn no_key(path: &Path) -> impl Fn(&'static str) -> ServeError + use<> {
    let path: PathBuf = path.to_owned();
    move |why| ServeError::ReceiptKey {
        path: path.clone(),
        why,
    }
}

#[cfg(test)]
mod tests;
