//! Third stage: the key that signs.

use std::fmt;

use jiff::Timestamp;

use super::dialect::Dialect;
use super::string_to_sign::head;
use crate::digest::{HmacKey, PrefixedHmac};
use crate::instant::{compact, day_of};
use crate::{Credentials, Secret, SignError};

/// A key derived from credentials for one UTC day, region and service.
///
/// The secret itself signs nothing: `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service),
/// "aws4_request")` does, so that whoever gets hold of one derived key can use it for one day in one
/// region only. Deriving it costs five HMACs, so keep it while it [covers](Self::covers) the present and
/// the credentials do not change. It also remembers the access key id and session token, so that these
/// can never be mixed up with those of other credentials.
#[derive(Clone)]
pub struct SigningKey {
    mac: HmacKey,
    scope: Scope,
}

impl SigningKey {
    /// Derives the key of AWS's dialect for the UTC day of `at`; `service` is
    /// [`s3::SERVICE`](crate::s3::SERVICE) for S3.
    ///
    /// # Errors
    /// [`SignError::Scope`] and [`SignError::Credential`].
    pub fn derive(
        credentials: &Credentials,
        at: Timestamp,
        region: &str,
        service: &str,
    ) -> Result<Self, SignError> {
        Self::derive_in(Dialect::Aws, credentials, at, region, service)
    }

    /// The same in any dialect that has a shared secret.
    pub(crate) fn derive_in(
        dialect: Dialect,
        credentials: &Credentials,
        at: Timestamp,
        region: &str,
        service: &str,
    ) -> Result<Self, SignError> {
        let scope = Scope::new(dialect, credentials, at, region, service)?;
        let secret = format!(
            "{}{}",
            dialect.secret_prefix(),
            credentials.secret_access_key.expose()
        );
        let mut mac = HmacKey::new(secret.as_bytes());
        for part in scope.text.split('/') {
            mac = HmacKey::new(&mac.mac(part.as_bytes()));
        }
        Ok(Self { mac, scope })
    }

    /// Whether requests of this instant may be signed with this key.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.scope.day() == day_of(&compact(at))
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A signer that has already read the constant head of the string to sign.
    pub(crate) fn signer_at(&self, date: &str) -> Result<PrefixedHmac, SignError> {
        Ok(self.mac.with_prefix(self.scope.head_at(date)?.as_bytes()))
    }

    /// The signature of a text other than a string to sign: a form's policy.
    pub(crate) fn sign_text(&self, text: &str) -> [u8; 32] {
        self.mac.mac(text.as_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("scope", &self.scope.text)
            .finish_non_exhaustive()
    }
}

/// Who signs, and for which day, region and service.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) dialect: Dialect,
    /// `20130524/us-east-1/s3/aws4_request`.
    pub(crate) text: String,
    /// The access key id, `/`, and the text.
    pub(crate) credential: String,
    pub(crate) session_token: Option<Secret>,
}

impl Scope {
    pub(crate) fn new(
        dialect: Dialect,
        credentials: &Credentials,
        at: Timestamp,
        region: &str,
        service: &str,
    ) -> Result<Self, SignError> {
        check_credentials(credentials)?;
        let token = credentials.session_token.clone();
        Self::of_signer(
            dialect,
            &credentials.access_key_id,
            token,
            at,
            region,
            service,
        )
    }

    /// The scope of a signer whose secret we need not know; its name is already checked.
    pub(crate) fn of_signer(
        dialect: Dialect,
        signer: &str,
        session_token: Option<Secret>,
        at: Timestamp,
        region: &str,
        service: &str,
    ) -> Result<Self, SignError> {
        check_part("region", region)?;
        check_part("service", service)?;
        let date = compact(at);
        let text = format!(
            "{}/{region}/{service}/{}",
            day_of(&date),
            dialect.terminator()
        );
        Ok(Self {
            dialect,
            credential: format!("{signer}/{text}"),
            text,
            session_token,
        })
    }

    /// The string to sign up to the hash.
    pub(crate) fn head_at(&self, date: &str) -> Result<String, SignError> {
        let request_date = day_of(date);
        if self.day() != request_date {
            return Err(SignError::KeyOfAnotherDay {
                key_date: self.day().to_owned(),
                request_date: request_date.to_owned(),
            });
        }
        Ok(head(self.dialect, date, &self.text))
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.session_token.as_ref().map(Secret::expose)
    }

    fn day(&self) -> &str {
        self.text.split('/').next().unwrap_or_default()
    }
}

fn check_part(part: &'static str, value: &str) -> Result<(), SignError> {
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
    check_signer(&credentials.access_key_id)?;
    if credentials.secret_access_key.expose().is_empty() {
        return Err(SignError::Credential {
            part: "secret access key",
        });
    }
    let token = credentials.session_token.as_ref();
    if token.is_some_and(|token| !is_graphic(token.expose())) {
        return Err(SignError::Credential {
            part: "session token",
        });
    }
    Ok(())
}

/// Checks an access key id or a service account's address.
pub(crate) fn check_signer(id: &str) -> Result<(), SignError> {
    if !is_graphic(id) || id.contains(['/', ',']) {
        return Err(SignError::Credential {
            part: "access key id",
        });
    }
    Ok(())
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}
