//! Whose tokens hold.

use serde::Deserialize;
use valetkey_protocol::Secret;

use super::{ConfigError, invalid, read, secret, take_file};
use crate::auth::{ClaimName, KeyAlgorithm, VerifyingKey, is_key_id, parse_jwks_url};

/// Whose tokens hold: JSON Web Tokens, signed with the secret or with one of the keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The secret the application signs its tokens with, at least 32 bytes; other secrets are derived from it.
    pub secret: Secret,
    /// A file that holds the secret, instead of `secret`.
    pub secret_file: String,
    /// The `iss` every token must have; when empty, no token is taken that is signed with the secret.
    pub issuer: String,
    /// The `aud` every token must have.
    pub audience: String,
    /// The longest a token may live from `iat` to `exp`, in seconds.
    pub max_lifetime: u64,
    /// Whether keys may be fetched over http from this machine: for development and tests.
    pub allow_loopback_http: bool,
    /// Keys that tokens may be signed with, beside the secret.
    pub keys: Vec<KeyConfig>,
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
            allow_loopback_http: false,
            keys: Vec::new(),
            claims: ClaimsConfig::default(),
        }
    }
}

/// What the application calls its claims: a name, a path with dots, or a JSON pointer that begins with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimsConfig {
    /// The claim that says who it is.
    pub subject: String,
    /// The claim that lists roles.
    pub roles: String,
    /// The claim that says in which tenant; when empty, all are in the default one.
    pub tenant: String,
}

impl Default for ClaimsConfig {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            roles: "roles".to_owned(),
            tenant: "tenant".to_owned(),
        }
    }
}

/// A key that tokens may be signed with: a secret, a public key, or wherever an identity provider publishes its keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Its name; also the `kid` of tokens, where they have one and the key is not fetched.
    pub id: String,
    /// What is signed with it. Of fetched keys each says so itself; then only those for this are taken, if it is here.
    #[serde(default)]
    pub algorithm: Option<KeyAlgorithm>,
    /// The secret of HS256, at least 32 bytes.
    #[serde(default = "nothing")]
    pub secret: Secret,
    /// A file that holds the secret, instead.
    #[serde(default)]
    pub secret_file: String,
    /// A public key in PEM.
    #[serde(default)]
    pub public_key: String,
    /// A file that holds the public key, instead.
    #[serde(default)]
    pub public_key_file: String,
    /// Where an identity provider publishes its keys (RFC 7517).
    #[serde(default)]
    pub jwks_url: String,
    /// The `iss` of its tokens; `auth.issuer` when empty.
    #[serde(default)]
    pub issuer: String,
    /// The `aud` of its tokens; `auth.audience` when empty.
    #[serde(default)]
    pub audience: String,
    /// What its tokens call their claims; `auth.claims` when absent.
    #[serde(default)]
    pub claims: Option<ClaimsConfig>,
}

fn nothing() -> Secret {
    Secret::new("")
}

/// Where a key comes from.
pub(crate) enum KeySource<'a> {
    /// A secret.
    Secret(&'a Secret),
    /// A public key in PEM, and what it is for.
    Pem(KeyAlgorithm, &'a str),
    /// Where keys are fetched.
    Jwks(&'a str),
}

impl AuthConfig {
    /// Puts what files hold in the place of their names.
    pub(super) fn read_files(&mut self) -> Result<(), ConfigError> {
        take_file("auth.secret", &mut self.secret, &self.secret_file)?;
        for key in &mut self.keys {
            let name = |part: &str| format!("auth.keys.{}.{part}", key.id);
            take_file(&name("secret"), &mut key.secret, &key.secret_file)?;
            if key.public_key_file.is_empty() {
                continue;
            }
            if !key.public_key.is_empty() {
                let problem = "stands beside `public_key_file`: keep one of the two";
                return Err(invalid(name("public_key"), problem));
            }
            key.public_key = read(key.public_key_file.as_ref())?;
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        secret::check(&self.secret).map_err(|problem| invalid("auth.secret", problem))?;
        let signs_none = self.issuer.is_empty() && self.audience.is_empty();
        if !signs_none || self.keys.is_empty() {
            check_named("auth", &self.issuer, &self.audience)?;
        }
        self.claims.check("auth.claims")?;
        if self.max_lifetime == 0 {
            return Err(invalid(
                "auth.max_lifetime",
                "is 0: set it to seconds, such as 86400",
            ));
        }
        for (index, key) in self.keys.iter().enumerate() {
            if self.keys[..index].iter().any(|other| other.id == key.id) {
                let problem = "is there twice: call one of the two otherwise";
                return Err(invalid(format!("auth.keys.{}.id", key.id), problem));
            }
            self.check_key(key)?;
        }
        Ok(())
    }

    fn check_key(&self, key: &KeyConfig) -> Result<(), ConfigError> {
        if !is_key_id(&key.id) {
            let problem = "is no name: write 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'";
            return Err(invalid("auth.keys.id", problem));
        }
        let name = |part: &str| format!("auth.keys.{}{part}", key.id);
        check_named(&name(""), self.issuer_of(key), self.audience_of(key))?;
        if let Some(claims) = &key.claims {
            claims.check(&name(".claims"))?;
        }
        match key.source()? {
            KeySource::Secret(secret) => {
                secret::check(secret).map_err(|problem| invalid(name(".secret"), problem))
            }
            KeySource::Pem(algorithm, text) => VerifyingKey::from_pem(algorithm, text)
                .map(|_| ())
                .map_err(|problem| invalid(name(".public_key"), problem)),
            KeySource::Jwks(url) => parse_jwks_url(url, self.allow_loopback_http)
                .map(|_| ())
                .map_err(|problem| invalid(name(".jwks_url"), problem)),
        }
    }

    /// The `iss` of a key's tokens.
    pub(crate) fn issuer_of<'a>(&'a self, key: &'a KeyConfig) -> &'a str {
        or(&key.issuer, &self.issuer)
    }

    /// Their `aud`.
    pub(crate) fn audience_of<'a>(&'a self, key: &'a KeyConfig) -> &'a str {
        or(&key.audience, &self.audience)
    }
}

impl KeyConfig {
    /// Where it comes from.
    ///
    /// # Errors
    /// Nowhere, or from several places, or it is for another algorithm.
    pub(crate) fn source(&self) -> Result<KeySource<'_>, ConfigError> {
        let wrong = |problem: &str| Err(invalid(format!("auth.keys.{}", self.id), problem));
        let set = [
            !self.secret.expose().is_empty(),
            !self.public_key.is_empty(),
            !self.jwks_url.is_empty(),
        ];
        match (set, self.algorithm) {
            ([true, false, false], None | Some(KeyAlgorithm::HS256)) => {
                Ok(KeySource::Secret(&self.secret))
            }
            ([true, false, false], Some(_)) => {
                wrong("has a secret, which is for HS256: set `algorithm` to that")
            }
            ([false, true, false], Some(algorithm)) if algorithm != KeyAlgorithm::HS256 => {
                Ok(KeySource::Pem(algorithm, &self.public_key))
            }
            ([false, true, false], _) => {
                wrong("has a public key: set `algorithm` to what it is for, RS256, ES256 or EdDSA")
            }
            ([false, false, true], Some(KeyAlgorithm::HS256)) => wrong(
                "has a JWKS, which is public, and a key of HS256 is a secret: leave `algorithm` out, or set \
                 another",
            ),
            ([false, false, true], _) => Ok(KeySource::Jwks(&self.jwks_url)),
            _ => wrong(
                "must have one of `secret`, `secret_file`, `public_key`, `public_key_file` and `jwks_url`",
            ),
        }
    }
}

impl ClaimsConfig {
    fn check(&self, key: &str) -> Result<(), ConfigError> {
        for (part, value, meaning) in [
            (
                "subject",
                &self.subject,
                "the claim that says who it is, usually `sub`",
            ),
            (
                "roles",
                &self.roles,
                "the claim that lists roles, such as `roles`",
            ),
        ] {
            if value.is_empty() {
                let problem = format!("is empty: set it to {meaning}");
                return Err(invalid(format!("{key}.{part}"), problem));
            }
            ClaimName::parse(value).map_err(|problem| invalid(format!("{key}.{part}"), problem))?;
        }
        ClaimName::parse(&self.tenant)
            .map(|_| ())
            .map_err(|problem| invalid(format!("{key}.tenant"), problem))
    }
}

fn check_named(key: &str, issuer: &str, audience: &str) -> Result<(), ConfigError> {
    for (part, value, meaning) in [
        ("issuer", issuer, "the `iss` of your tokens"),
        ("audience", audience, "the `aud` of your tokens"),
    ] {
        if value.is_empty() {
            let problem = format!("is empty: set it to {meaning}");
            return Err(invalid(format!("{key}.{part}"), problem));
        }
    }
    Ok(())
}

fn or<'a>(own: &'a str, common: &'a str) -> &'a str {
    if own.is_empty() { common } else { own }
}

#[cfg(test)]
mod tests;
