//! What an S3 bucket is reached with.

use std::time::Duration;

use jiff::Timestamp;
use valetkey_protocol::Algorithm;
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

use super::{AtRest, Backoff};
use crate::StoreError;

/// Everything [`S3Store::new`](super::S3Store::new) needs to know about one bucket.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Where we send control calls: `http[s]://host[:port][/base]`; it may be inside the cluster.
    pub endpoint: String,
    /// What is signed for clients, in the same form; `endpoint` when there is none.
    pub public_endpoint: Option<String>,
    /// The region that signatures name, e.g. `us-east-1`.
    pub region: String,
    /// The bucket's name.
    pub bucket: String,
    /// How the bucket's name enters both addresses.
    pub addressing: AddressingStyle,
    /// Who signs.
    pub credentials: Credentials,
    /// When they end, if they do: what was signed with them ends with them, whatever it says.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html#PresignedUrl-Expiration>
    pub credentials_end: Option<Timestamp>,
    /// The checksum that storage computes over multipart uploads; with `crc64nvme` it covers the whole object.
    pub checksum_algorithm: Algorithm,
    /// The account the bucket must belong to: another one's bucket of that name is refused by storage.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
    pub expected_bucket_owner: Option<String>,
    /// How storage keeps new objects.
    pub at_rest: AtRest,
    /// How long we wait.
    pub timeouts: Timeouts,
    /// How long we pause before trying again.
    pub backoff: Backoff,
}

impl S3Settings {
    /// The two addresses: for control calls, and for clients.
    pub(super) fn addresses(&self) -> Result<(Endpoint, Endpoint), StoreError> {
        let public = self.public_endpoint.as_deref().unwrap_or(&self.endpoint);
        Ok((
            self.address("endpoint", &self.endpoint)?,
            self.address("public_endpoint", public)?,
        ))
    }

    /// Checks what nothing else checks on its way.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let owner = self.expected_bucket_owner.as_deref();
        if owner.is_some_and(|id| id.is_empty() || !id.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(wrong("expected_bucket_owner is no account id"));
        }
        self.at_rest.check()?;
        let Timeouts {
            connect,
            call,
            read,
            long_call,
        } = self.timeouts;
        if [connect, call, read, long_call].contains(&Duration::ZERO) {
            return Err(wrong("a timeout of zero leaves no time for any call"));
        }
        Ok(())
    }

    fn address(&self, setting: &str, url: &str) -> Result<Endpoint, StoreError> {
        Endpoint::parse(url, &self.bucket, self.addressing)
            .map_err(|error| wrong(format!("{setting}: {error}")))
    }
}

/// How long we wait for storage; retries are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole call, as requests of clients wait for it.
    pub call: Duration,
    /// For the bytes of a range.
    pub read: Duration,
    /// For a copy or a completion, during which storage may move all the bytes.
    pub long_call: Duration,
}

impl Default for Timeouts {
    /// 2, 4, 10 and 120 seconds.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            call: Duration::from_secs(4),
            read: Duration::from_secs(10),
            long_call: Duration::from_secs(120),
        }
    }
}

pub(super) fn wrong(why: impl Into<String>) -> StoreError {
    StoreError::Settings { why: why.into() }
}
