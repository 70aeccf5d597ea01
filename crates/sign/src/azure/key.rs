//! What signs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::AzureError;
use crate::digest::HmacKey;

/// An account's key.
#[derive(Clone)]
pub struct AccountKey(HmacKey);

impl AccountKey {
    /// From base64, as the portal shows it.
    ///
    /// # Errors
    /// [`AzureError::Key`].
    pub fn from_base64(text: &str) -> Result<Self, AzureError> {
        read(text).map(Self)
    }

    pub(super) fn mac(&self, text: &str) -> [u8; 32] {
        self.0.mac(text.as_bytes())
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(***)")
    }
}

/// A key that Microsoft Entra handed out, with what has to be repeated of it in every signature.
#[derive(Clone)]
pub struct UserDelegationKey {
    /// Who asked for it: an object id.
    pub signed_oid: String,
    /// The tenant of who asked for it.
    pub signed_tid: String,
    /// From when on it holds, as it came.
    pub signed_start: String,
    /// Until when it holds, as it came.
    pub signed_expiry: String,
    /// `b`, the blob service.
    pub signed_service: String,
    /// The version of the service that made it.
    pub signed_version: String,
    /// The tenant of the user it is delegated to, if it came with one.
    pub signed_delegated_user_tid: Option<String>,
    key: HmacKey,
}

impl UserDelegationKey {
    /// From the parts of the answer to *Get User Delegation Key*.
    ///
    /// # Errors
    /// [`AzureError::Key`] and [`AzureError::Control`].
    pub fn new(
        signed_oid: impl Into<String>,
        signed_tid: impl Into<String>,
        signed_period: (impl Into<String>, impl Into<String>),
        signed_service: impl Into<String>,
        signed_version: impl Into<String>,
        value: &str,
    ) -> Result<Self, AzureError> {
        let key = Self {
            signed_oid: signed_oid.into(),
            signed_tid: signed_tid.into(),
            signed_start: signed_period.0.into(),
            signed_expiry: signed_period.1.into(),
            signed_service: signed_service.into(),
            signed_version: signed_version.into(),
            signed_delegated_user_tid: None,
            key: read(value)?,
        };
        key.check()?;
        Ok(key)
    }

    /// Its parts stand on lines of their own in what is signed.
    pub(super) fn check(&self) -> Result<(), AzureError> {
        let mut texts = self
            .parts()
            .into_iter()
            .map(|(_, text)| text)
            .chain(self.signed_delegated_user_tid.as_deref());
        if texts.any(|text| text.chars().any(char::is_control)) {
            return Err(AzureError::Control {
                part: "user delegation key",
            });
        }
        Ok(())
    }

    /// The parts that every signature repeats, with their parameters' names.
    pub(super) fn parts(&self) -> [(&'static str, &str); 6] {
        [
            ("skoid", &self.signed_oid),
            ("sktid", &self.signed_tid),
            ("skt", &self.signed_start),
            ("ske", &self.signed_expiry),
            ("sks", &self.signed_service),
            ("skv", &self.signed_version),
        ]
    }
}

impl fmt::Debug for UserDelegationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserDelegationKey")
            .field("signed_oid", &self.signed_oid)
            .field("signed_expiry", &self.signed_expiry)
            .finish_non_exhaustive()
    }
}

/// Either kind of key.
#[derive(Clone, Copy, Debug)]
pub enum SasKey<'a> {
    /// The account's own: makes a service SAS.
    Account(&'a AccountKey),
    /// A delegated one: makes a user delegation SAS.
    Delegation(&'a UserDelegationKey),
}

impl SasKey<'_> {
    pub(super) fn hmac(&self) -> &HmacKey {
        match self {
            Self::Account(key) => &key.0,
            Self::Delegation(key) => &key.key,
        }
    }
}

impl<'a> From<&'a AccountKey> for SasKey<'a> {
    fn from(key: &'a AccountKey) -> Self {
        Self::Account(key)
    }
}

impl<'a> From<&'a UserDelegationKey> for SasKey<'a> {
    fn from(key: &'a UserDelegationKey) -> Self {
        Self::Delegation(key)
    }
}

fn read(base64: &str) -> Result<HmacKey, AzureError> {
    let bytes = STANDARD.decode(base64).map_err(|_| AzureError::Key)?;
    Ok(HmacKey::new(&bytes))
}
