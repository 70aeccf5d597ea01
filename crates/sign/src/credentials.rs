//! Who signs.

use std::fmt;

/// The credentials a request is signed with, as every S3-speaking provider hands them out.
///
/// `Debug` shows the access key id, which travels in every URL anyway, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The public half: it names the key and appears in clear in every signed request.
    pub access_key_id: String,
    /// The half that signs and never travels.
    pub secret_access_key: Secret,
    /// The token that comes with temporary credentials (STS, instance roles).
    pub session_token: Option<Secret>,
}

impl Credentials {
    /// Long-lived credentials, without a session token.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
        }
    }

    /// The same credentials with the session token of a temporary grant.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(Secret::new(token));
        self
    }
}

/// A text that must not be printed: `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself; for signing, never for printing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
