//! Whose tokens hold.

use serde::Deserialize;
use valetkey_protocol::Secret;

/// Whose tokens hold: JSON Web Tokens with HS256.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The secret the application signs its tokens with, at least 32 bytes.
    pub secret: Secret,
    /// A file that holds the secret, instead of `secret`.
    pub secret_file: String,
    /// The `iss` every token must have.
    pub issuer: String,
    /// The `aud` every token must have.
    pub audience: String,
    /// The longest a token may live from `iat` to `exp`, in seconds.
    pub max_lifetime: u64,
    /// What the application calls its claims.
    pub claims: ClaimsConfig,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            secret: Secret::new(""),
            secret_file: String::new(),
            issuer: String::new(),
            audience: String::new(),
            max_lifetime: 86_400,
            claims: ClaimsConfig::default(),
        }
    }
}

/// What the application calls its claims.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimsConfig {
    /// The claim that says who it is.
    pub subject: String,
    /// The claim that lists roles.
    pub roles: String,
}

impl Default for ClaimsConfig {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            roles: "roles".to_owned(),
        }
    }
}
