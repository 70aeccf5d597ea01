//! The configuration of one bucket.

use jiff::Timestamp;
use serde::Deserialize;
use valetkey_engine::BucketRules;
use valetkey_protocol::Secret;

use super::{ConfigError, invalid};

/// What kind of storage a bucket lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// S3 and what speaks it.
    S3,
    /// The store on the local disk.
    Embedded,
}

/// Where a request names its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// In the path: what MinIO, Ceph and most others take.
    Path,
    /// In the host name: what AWS prefers.
    Virtual,
}

/// Whose key storage encrypts new objects with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketEncryption {
    /// Nothing is asked for: what is set for the bucket there holds.
    None,
    /// A key of the storage service.
    SseS3,
    /// A key of a key management service.
    SseKms,
}

/// One bucket.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BucketConfig {
    /// What kind of storage it lies in.
    pub provider: Provider,
    /// Storage's name for it; the name in this file when empty.
    pub bucket: String,
    /// Where this service reaches storage.
    pub endpoint: String,
    /// Where clients reach it; `endpoint` when empty.
    pub public_endpoint: String,
    /// The region its signatures name.
    pub region: String,
    /// Where requests name the bucket.
    pub addressing: Addressing,
    /// Who signs.
    pub access_key_id: String,
    /// With what.
    pub secret_access_key: Secret,
    /// A file that holds it, instead of `secret_access_key`.
    pub secret_access_key_file: String,
    /// The session token of temporary credentials.
    pub session_token: Secret,
    /// When temporary credentials end, as in 2026-11-28T12:00:00Z.
    pub session_token_expires_at: String,
    /// The account the bucket must belong to.
    pub expected_bucket_owner: String,
    /// How storage encrypts its objects.
    pub encryption: BucketEncryption,
    /// With which key of the key management service; with the account's own when empty.
    pub kms_key_id: String,
    /// The storage class of its files; the bucket's own when empty.
    pub storage_class: String,
    /// What it takes, and how.
    pub rules: BucketRules,
}

impl Default for BucketConfig {
    fn default() -> Self {
        Self {
            provider: Provider::Embedded,
            bucket: String::new(),
            endpoint: String::new(),
            public_endpoint: String::new(),
            region: "us-east-1".to_owned(),
            addressing: Addressing::Path,
            access_key_id: String::new(),
            secret_access_key: Secret::new(""),
            secret_access_key_file: String::new(),
            session_token: Secret::new(""),
            session_token_expires_at: String::new(),
            expected_bucket_owner: String::new(),
            encryption: BucketEncryption::None,
            kms_key_id: String::new(),
            storage_class: String::new(),
            rules: BucketRules::default(),
        }
    }
}

impl BucketConfig {
    /// Storage's name for the bucket that this file calls `name`.
    pub(crate) fn storage_name<'a>(&'a self, name: &'a str) -> &'a str {
        if self.bucket.is_empty() {
            name
        } else {
            &self.bucket
        }
    }

    /// Which bucket of which storage it is, however its address is written.
    pub(super) fn place(&self, name: &str) -> String {
        let name = self.storage_name(name);
        let endpoint: Option<http::Uri> = match self.provider {
            Provider::Embedded => return format!("embedded {name}"),
            Provider::S3 => self.endpoint.parse().ok(),
        };
        let Some(endpoint) = endpoint else {
            return format!("{} {name}", self.endpoint);
        };
        let port = match endpoint.scheme_str() {
            Some("http") => 80,
            _ => 443,
        };
        let port = endpoint.port_u16().unwrap_or(port);
        let host = endpoint.host().unwrap_or_default().to_ascii_lowercase();
        format!("{host}:{port}{} {name}", endpoint.path())
    }

    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let key = |part: &str| format!("buckets.{name}.{part}");
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=63).contains(&name.len()) || !name.bytes().all(plain) {
            let problem = "is no name for a bucket: use 1 to 63 of a-z, 0-9 and '-'";
            return Err(invalid(format!("buckets.{name}"), problem));
        }
        self.rules
            .check()
            .map_err(|problem| invalid(key("rules"), format!("do not fit together: {problem}")))?;
        match self.provider {
            Provider::S3 => self.check_s3(key),
            Provider::Embedded => self.check_embedded(key),
        }
    }

    fn check_s3(&self, key: impl Fn(&str) -> String) -> Result<(), ConfigError> {
        for (part, value, example) in [
            (
                "endpoint",
                &*self.endpoint,
                "https://s3.eu-central-1.amazonaws.com",
            ),
            ("region", &self.region, "eu-central-1"),
            (
                "access_key_id",
                &self.access_key_id,
                "the id of the key that signs",
            ),
            (
                "secret_access_key",
                self.secret_access_key.expose(),
                "its secret, here or in `secret_access_key_file`",
            ),
        ] {
            if value.is_empty() {
                return Err(invalid(
                    key(part),
                    format!("is empty: set it, for example to {example}"),
                ));
            }
        }
        check_url(&key("endpoint"), &self.endpoint)?;
        if !self.public_endpoint.is_empty() {
            check_url(&key("public_endpoint"), &self.public_endpoint)?;
        }
        if !self.kms_key_id.is_empty() && self.encryption != BucketEncryption::SseKms {
            let problem = "is set, and encryption is not \"sse-kms\": set that, or remove this";
            return Err(invalid(key("kms_key_id"), problem));
        }
        self.check_credentials_end(key("session_token_expires_at"))
    }

    /// Temporary credentials say when they end, so that nothing is promised for longer.
    fn check_credentials_end(&self, key: String) -> Result<(), ConfigError> {
        let end = &*self.session_token_expires_at;
        let problem = match (self.session_token.expose().is_empty(), end.is_empty()) {
            (true, true) => return Ok(()),
            (true, false) => "has no meaning without `session_token`: remove it",
            (false, true) => {
                "is empty, but `session_token` is set: temporary credentials end, and what they sign ends with them; \
                 write the `Expiration` they came with, like 2026-11-28T12:00:00Z"
            }
            (false, false) if end.parse::<Timestamp>().is_ok() => return Ok(()),
            (false, false) => "is no instant: write it like 2026-11-28T12:00:00Z",
        };
        Err(invalid(key, problem))
    }

    fn check_embedded(&self, key: impl Fn(&str) -> String) -> Result<(), ConfigError> {
        for (part, value) in [
            ("endpoint", &*self.endpoint),
            ("public_endpoint", &self.public_endpoint),
            ("access_key_id", &self.access_key_id),
            ("secret_access_key", self.secret_access_key.expose()),
            ("session_token", self.session_token.expose()),
            ("session_token_expires_at", &self.session_token_expires_at),
            ("expected_bucket_owner", &self.expected_bucket_owner),
            ("kms_key_id", &self.kms_key_id),
            ("storage_class", &self.storage_class),
        ] {
            if !value.is_empty() {
                let problem = "has no meaning for the provider embedded: remove it; addresses go into [embedded], and its key is made by itself";
                return Err(invalid(key(part), problem));
            }
        }
        if self.encryption != BucketEncryption::None {
            let problem = "has no meaning for the provider embedded, which encrypts nothing: set it to \"none\", and let its disk \
                 be an encrypted one";
            return Err(invalid(key("encryption"), problem));
        }
        Ok(())
    }
}

/// Checks a base URL: scheme, host and maybe a port, and a path without a slash at its end.
pub(super) fn check_url(key: &str, url: &str) -> Result<(), ConfigError> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with(['/', ':'])
            && !rest.ends_with('/')
            && !rest.contains(['?', '#', '@'])
    }) && url
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.host().is_some());
    if good {
        return Ok(());
    }
    let problem = "is no base URL: write it like https://files.example.com, without a slash at its end, query or user";
    Err(invalid(key, problem))
}
