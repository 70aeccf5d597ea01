//! Third stage: the key that signs, and the signature.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::string_to_sign::{amz_date, date_of, head, scope};
use crate::encode::hex;
use crate::{Credentials, Secret, SignError};

/// A key derived from credentials for one UTC day, region and service.
///
/// Deriving it costs five HMACs, so keep it while it [covers](Self::covers) the present and the
/// credentials do not change. It also remembers the access key id and session token, so that these can
/// never be mixed up with those of other credentials.
#[derive(Clone)]
pub struct SigningKey {
    mac: Hmac<Sha256>,
    scope: String,
    credential: String,
    session_token: Option<Secret>,
}

impl SigningKey {
    /// Derives the key for the UTC day of `at`; `service` is [`SERVICE`](super::SERVICE) for S3.
    ///
    /// # Errors
    /// [`SignError::Scope`] and [`SignError::Credential`].
    pub fn derive(
        credentials: &Credentials,
        at: Timestamp,
        region: &str,
        service: &str,
    ) -> Result<Self, SignError> {
        check_scope("region", region)?;
        check_scope("service", service)?;
        check_credentials(credentials)?;
        let amz_date = amz_date(at);
        let date = date_of(&amz_date);

        let secret = format!("AWS4{}", credentials.secret_access_key.expose());
        let day = digest(mac_with(secret.as_bytes()), date);
        let of_region = digest(mac_with(&day), region);
        let of_service = digest(mac_with(&of_region), service);
        let signing = digest(mac_with(&of_service), "aws4_request");

        let scope = scope(date, region, service);
        Ok(Self {
            mac: mac_with(&signing),
            credential: format!("{}/{scope}", credentials.access_key_id),
            scope,
            session_token: credentials.session_token.clone(),
        })
    }

    /// Whether requests of this instant may be signed with this key.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.date() == date_of(&amz_date(at))
    }

    /// `access-key-id/date/region/service/aws4_request`.
    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(Secret::expose)
    }

    /// A signer that has already read the constant head of the string to sign.
    pub(super) fn signer_at(&self, amz_date: &str) -> Result<Signer, SignError> {
        let request_date = date_of(amz_date);
        if self.date() != request_date {
            return Err(SignError::KeyOfAnotherDay {
                key_date: self.date().to_owned(),
                request_date: request_date.to_owned(),
            });
        }
        let mut mac = self.mac.clone();
        mac.update(head(amz_date, &self.scope).as_bytes());
        Ok(Signer(mac))
    }

    fn date(&self) -> &str {
        self.scope.split('/').next().unwrap_or_default()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Signs the requests of one instant; cheap to use many times.
pub(super) struct Signer(Hmac<Sha256>);

impl Signer {
    /// The signature, in hexadecimal, of a request whose canonical form has this hash.
    pub(super) fn sign(&self, canonical_request_sha256: &[u8; 32]) -> [u8; 64] {
        let mut mac = self.0.clone();
        mac.update(&hex(canonical_request_sha256));
        hex(&mac.finalize().into_bytes().into())
    }
}

/// HMAC takes keys of any length: longer ones than a block are hashed first (RFC 2104).
fn mac_with(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    if let Some(head) = block.get_mut(..key.len()) {
        head.copy_from_slice(key);
    } else {
        block[..32].copy_from_slice(&Sha256::digest(key));
    }
    Hmac::new(&block.into())
}

fn digest(mut mac: Hmac<Sha256>, text: &str) -> [u8; 32] {
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn check_scope(part: &'static str, value: &str) -> Result<(), SignError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=64).contains(&value.len()) && value.bytes().all(plain) {
        return Ok(());
    }
    Err(SignError::Scope {
        part,
        value: value.to_owned(),
    })
}

/// `/` and `,` would end the access key id early in a credential, a line break any of them in a header.
fn check_credentials(credentials: &Credentials) -> Result<(), SignError> {
    let graphic = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let id = &credentials.access_key_id;
    if !graphic(id) || id.contains(['/', ',']) {
        return Err(SignError::Credential {
            part: "access key id",
        });
    }
    if credentials.secret_access_key.expose().is_empty() {
        return Err(SignError::Credential {
            part: "secret access key",
        });
    }
    let token = credentials.session_token.as_ref();
    if token.is_some_and(|token| !graphic(token.expose())) {
        return Err(SignError::Credential {
            part: "session token",
        });
    }
    Ok(())
}
