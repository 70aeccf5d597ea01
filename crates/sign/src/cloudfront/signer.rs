//! Signed URLs and cookies.

use std::borrow::Borrow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::policy::check_url;
use super::{Hash, KeyError, Policy, PolicyError, PrivateKey};

/// Why nothing was signed for CloudFront.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudFrontError {
    /// The policy makes no sense.
    #[error("policy cannot be signed")]
    Policy(#[from] PolicyError),
    /// The key cannot sign.
    #[error("private key cannot be used")]
    Key(#[from] KeyError),
    /// The id of the key has characters no id has.
    #[error("key pair id {id:?} is not made of letters and digits")]
    KeyPairId {
        /// The id as it was given.
        id: String,
    },
    /// The URL already has a parameter that CloudFront reads as part of the signature.
    #[error("URL already has the query parameter {name:?}")]
    ReservedQuery {
        /// Its name.
        name: String,
    },
}

/// The parameters CloudFront takes for its own; they never reach the origin.
const OWN: [&str; 5] = [
    "Expires",
    "Policy",
    "Signature",
    "Key-Pair-Id",
    "Hash-Algorithm",
];

/// Signs for the distributions that trust a key.
///
/// `K` is a [`PrivateKey`], or a reference or pointer to one.
pub struct Signer<K = PrivateKey> {
    key_pair_id: String,
    key: K,
    hash: Hash,
}

impl<K: Borrow<PrivateKey>> Signer<K> {
    /// With the id CloudFront gave the public key.
    ///
    /// # Errors
    /// [`CloudFrontError::KeyPairId`].
    pub fn new(key_pair_id: &str, key: K, hash: Hash) -> Result<Self, CloudFrontError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if key_pair_id.is_empty() || !key_pair_id.bytes().all(plain) {
            return Err(CloudFrontError::KeyPairId {
                id: key_pair_id.to_owned(),
            });
        }
        Ok(Self {
            key_pair_id: key_pair_id.to_owned(),
            key,
            hash,
        })
    }

    /// A URL that holds until `expires`.
    ///
    /// # Errors
    /// [`CloudFrontError`].
    pub fn url(&self, url: &str, expires: Timestamp) -> Result<String, CloudFrontError> {
        let policy = canned(url, expires).to_json()?;
        let seconds = expires.as_second();
        self.signed(url, &format!("Expires={seconds}"), &policy)
    }

    /// A URL with a custom policy, given as the exact JSON text that is signed; see [`Policy::to_json`].
    ///
    /// # Errors
    /// [`CloudFrontError`].
    pub fn url_with_policy(&self, url: &str, policy: &str) -> Result<String, CloudFrontError> {
        self.signed(
            url,
            &format!("Policy={}", encode(policy.as_bytes())),
            policy,
        )
    }

    /// Cookies, names and values, that open one URL until `expires`.
    ///
    /// # Errors
    /// [`CloudFrontError`].
    pub fn cookies(
        &self,
        url: &str,
        expires: Timestamp,
    ) -> Result<Vec<(&'static str, String)>, CloudFrontError> {
        let policy = canned(url, expires).to_json()?;
        let first = ("CloudFront-Expires", expires.as_second().to_string());
        self.cookies_of(first, &policy)
    }

    /// Cookies, names and values, that open what a custom policy names, given as the exact JSON text
    /// that is signed.
    ///
    /// # Errors
    /// [`CloudFrontError::Key`].
    pub fn cookies_with_policy(
        &self,
        policy: &str,
    ) -> Result<Vec<(&'static str, String)>, CloudFrontError> {
        self.cookies_of(("CloudFront-Policy", encode(policy.as_bytes())), policy)
    }

    fn signed(&self, url: &str, first: &str, policy: &str) -> Result<String, CloudFrontError> {
        check_url(url)?;
        let query = url.split_once('?').map_or("", |(_, query)| query);
        for parameter in query.split('&') {
            let name = parameter.split('=').next().unwrap_or_default();
            if OWN.contains(&name) {
                return Err(CloudFrontError::ReservedQuery {
                    name: name.to_owned(),
                });
            }
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        let signature = encode(&self.key.borrow().sign(self.hash, policy.as_bytes())?);
        let mut signed = format!(
            "{url}{separator}{first}&Signature={signature}&Key-Pair-Id={}",
            self.key_pair_id
        );
        if self.hash == Hash::Sha256 {
            signed.push_str("&Hash-Algorithm=SHA256");
        }
        Ok(signed)
    }

    fn cookies_of(
        &self,
        first: (&'static str, String),
        policy: &str,
    ) -> Result<Vec<(&'static str, String)>, CloudFrontError> {
        let signature = self.key.borrow().sign(self.hash, policy.as_bytes())?;
        let mut cookies = vec![
            first,
            ("CloudFront-Signature", encode(&signature)),
            ("CloudFront-Key-Pair-Id", self.key_pair_id.clone()),
        ];
        if self.hash == Hash::Sha256 {
            cookies.push(("CloudFront-Hash-Algorithm", "SHA256".to_owned()));
        }
        Ok(cookies)
    }
}

impl<K> fmt::Debug for Signer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key_pair_id", &self.key_pair_id)
            .finish_non_exhaustive()
    }
}

fn canned(url: &str, expires: Timestamp) -> Policy<'_> {
    Policy {
        resource: url,
        expires,
        starts: None,
        ip: None,
    }
}

/// Base64 with CloudFront's own letters for those that mean something in a URL.
fn encode(bytes: &[u8]) -> String {
    let mut text = STANDARD.encode(bytes);
    // All of ASCII: lengths stay as they are.
    text = text.replace('+', "-").replace('=', "_").replace('/', "~");
    text
}
