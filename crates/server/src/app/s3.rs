//! What a bucket of S3, and of what speaks it, is reached with.

use valetkey_store::s3::{
    AddressingStyle, AtRest, Backoff, Credentials, Encryption, S3Settings, Timeouts,
};

use crate::config::{Addressing, BucketConfig, BucketEncryption};
use crate::{ServeError, random};

/// The settings of a bucket, as it is configured.
///
/// # Errors
/// The system gives no randomness.
pub(super) fn settings(name: &str, config: &BucketConfig) -> Result<S3Settings, ServeError> {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut credentials =
        Credentials::new(&config.access_key_id, config.secret_access_key.expose());
    if let Some(token) = set(config.session_token.expose()) {
        credentials = credentials.with_session_token(token);
    }
    Ok(S3Settings {
        endpoint: config.endpoint.clone(),
        public_endpoint: set(&config.public_endpoint),
        region: config.region.clone(),
        bucket: config.storage_name(name).to_owned(),
        addressing: match config.addressing {
            Addressing::Path => AddressingStyle::Path,
            Addressing::Virtual => AddressingStyle::VirtualHost,
        },
        credentials,
        at_rest: at_rest(config),
        credentials_end: config.session_token_expires_at.parse().ok(),
        checksum_algorithm: config.rules.checksum_algorithm,
        expected_bucket_owner: set(&config.expected_bucket_owner),
        timeouts: Timeouts::default(),
        backoff: Backoff::new(random::seed()?),
    })
}

/// How storage is to keep what it gets.
fn at_rest(config: &BucketConfig) -> AtRest {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let key_id = set(&config.kms_key_id);
    AtRest {
        encryption: match config.encryption {
            BucketEncryption::None => Encryption::Unasked,
            BucketEncryption::SseS3 => Encryption::S3,
            BucketEncryption::SseKms => Encryption::Kms { key_id },
        },
        storage_class: set(&config.storage_class),
    }
}
