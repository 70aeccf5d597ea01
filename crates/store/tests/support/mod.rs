//! What the tests of this crate share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary compiles this for itself, uses its share, and stops at the first surprise"
)]

pub mod stub;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use valetkey_protocol::{Algorithm, Clock, ContentType, ObjectKey};
use valetkey_store::s3::{
    AddressingStyle, AtRest, Backoff, Credentials, S3Settings, S3Store, Timeouts,
};

pub const SECRET: &str = "a-secret-that-never-shows";

/// A clock that stands still.
pub struct Fixed(pub Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub fn instant() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A bucket named `bucket` behind this address; retries hardly pause.
pub fn settings(endpoint: &str) -> S3Settings {
    S3Settings {
        endpoint: endpoint.to_owned(),
        public_endpoint: None,
        region: "us-east-1".to_owned(),
        bucket: "bucket".to_owned(),
        addressing: AddressingStyle::Path,
        credentials: Credentials::new("AKID", SECRET),
        checksum_algorithm: Algorithm::Crc64Nvme,
        credentials_end: None,
        expected_bucket_owner: None,
        at_rest: AtRest::default(),
        timeouts: Timeouts::default(),
        backoff: Backoff {
            base: Duration::from_millis(1),
            ..Backoff::new(1)
        },
    }
}

pub fn store(settings: S3Settings) -> S3Store {
    S3Store::new(settings, Arc::new(Fixed(instant()))).unwrap()
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

pub fn content_type(text: &str) -> ContentType {
    ContentType::parse(text).unwrap()
}
