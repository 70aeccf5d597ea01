//! The configuration of one bucket.

use serde::Deserialize;
use valetkey_engine::BucketRules;
use valetkey_protocol::{Algorithm, Secret};

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
    /// The account the bucket must belong to.
    pub expected_bucket_owner: String,
    /// What it takes, and how.
    pub rules: RulesConfig,
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
            expected_bucket_owner: String::new(),
            rules: RulesConfig::default(),
        }
    }
}

/// What a bucket takes, and how; each key as in the engine's rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// The media types it takes, such as `image/png`, `image/*` or `*/*`.
    pub content_types: Vec<String>,
    /// The most bytes of a file.
    pub max_size: u64,
    /// Files with more bytes go in parts.
    pub single_limit: u64,
    /// The bytes of a part, as long as 10,000 of them are enough.
    pub part_size: u64,
    /// The algorithm clients are told to use.
    pub checksum_algorithm: Algorithm,
    /// Whether a checksum must be declared.
    pub checksum_required: bool,
    /// How long a presigned request lives when nobody asks otherwise, in seconds.
    pub request_ttl_seconds: u64,
    /// How long it may live at most, in seconds.
    pub max_expires_in: u64,
    /// How long an upload session lives, in seconds.
    pub session_ttl_seconds: u64,
    /// The first segments of every object key.
    pub key_prefix: String,
    /// The media types browsers may show instead of save.
    pub inline_types: Vec<String>,
    /// Whether a file whose first bytes contradict its type is refused, and not only recorded.
    pub refuse_type_mismatch: bool,
    /// Up to how many bytes are read back when storage has no checksum of its own to compare.
    pub rehash_limit: u64,
}

impl Default for RulesConfig {
    fn default() -> Self {
        let rules = BucketRules::default();
        Self {
            content_types: rules.content_types,
            max_size: rules.max_size,
            single_limit: rules.single_limit,
            part_size: rules.part_size,
            checksum_algorithm: rules.checksum_algorithm,
            checksum_required: rules.checksum_required,
            request_ttl_seconds: rules.request_ttl_seconds,
            max_expires_in: rules.max_expires_in,
            session_ttl_seconds: rules.session_ttl_seconds,
            key_prefix: rules.key_prefix,
            inline_types: rules.inline_types,
            refuse_type_mismatch: rules.refuse_type_mismatch,
            rehash_limit: rules.rehash_limit,
        }
    }
}

impl From<RulesConfig> for BucketRules {
    fn from(rules: RulesConfig) -> Self {
        Self {
            content_types: rules.content_types,
            max_size: rules.max_size,
            single_limit: rules.single_limit,
            part_size: rules.part_size,
            checksum_algorithm: rules.checksum_algorithm,
            checksum_required: rules.checksum_required,
            request_ttl_seconds: rules.request_ttl_seconds,
            max_expires_in: rules.max_expires_in,
            session_ttl_seconds: rules.session_ttl_seconds,
            key_prefix: rules.key_prefix,
            inline_types: rules.inline_types,
            refuse_type_mismatch: rules.refuse_type_mismatch,
            rehash_limit: rules.rehash_limit,
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

    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let key = |part: &str| format!("buckets.{name}.{part}");
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=63).contains(&name.len()) || !name.bytes().all(plain) {
            let problem = "is no name for a bucket: use 1 to 63 of a-z, 0-9 and '-'";
            return Err(invalid(format!("buckets.{name}"), problem));
        }
        let rules = BucketRules::from(self.rules.clone());
        rules
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
        Ok(())
    }

    fn check_embedded(&self, key: impl Fn(&str) -> String) -> Result<(), ConfigError> {
        for (part, value) in [
            ("endpoint", &*self.endpoint),
            ("public_endpoint", &self.public_endpoint),
            ("access_key_id", &self.access_key_id),
            ("secret_access_key", self.secret_access_key.expose()),
            ("session_token", self.session_token.expose()),
            ("expected_bucket_owner", &self.expected_bucket_owner),
        ] {
            if !value.is_empty() {
                let problem = "has no meaning for the provider embedded: remove it; addresses go into [embedded], and its key is made by itself";
                return Err(invalid(key(part), problem));
            }
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
