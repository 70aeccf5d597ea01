//! What storage is told of a bucket.

use valetkey_store::s3::{
    AddressingStyle, AtRest, Backoff, Credentials, Encryption, S3Settings, Timeouts,
};

use crate::config::{Addressing, BucketConfig, BucketEncryption};
use crate::{ServeError, random};

/// What a bucket is reached with.
///
/// # Errors
/// The machine has no randomness.
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
        checksum_algorithm: config.rules.checksum_algorithm,
        expected_bucket_owner: set(&config.expected_bucket_owner),
        at_rest: at_rest(config),
        timeouts: Timeouts::default(),
        backoff: Backoff::new(random::seed()?),
    })
}

/// How storage keeps what is put there.
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
