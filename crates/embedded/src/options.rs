//! What a store is opened with.

use std::fmt;
use std::path::PathBuf;

use crate::clock::Clock;

/// Everything [`crate::EmbeddedStore::open`] needs to know.
#[derive(Clone)]
pub struct Options {
    /// The folder that holds the index and the bytes; made when it does not exist.
    pub data_dir: PathBuf,
    /// The one region that signatures must name, e.g. `us-east-1`.
    pub region: String,
    /// The one key that may sign requests.
    pub access_key: AccessKey,
    /// Which web pages may talk to the store.
    pub cors: CorsRules,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// The name below which each bucket has a host of its own: with `s3.example`, `photos.s3.example` is the
    /// bucket `photos`. Under every other name, and without one, the path names the bucket.
    pub domain: Option<String>,
    /// What tells the time; [`crate::system_clock`] outside tests.
    pub clock: Clock,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("data_dir", &self.data_dir)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("cors", &self.cors)
            .field("buckets", &self.buckets)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// An access key id and its secret. The secret is never printed.
#[derive(Clone)]
pub struct AccessKey {
    /// The public half, as it appears in `X-Amz-Credential`.
    pub id: String,
    secret: String,
}

impl AccessKey {
    /// A key from its two halves.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
        }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("secret", &"[redacted]")
            .finish()
    }
}

/// Which origins may use the store from a web page. Requests carry their own signature, so no rule ever
/// allows credentials (cookies).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRules {
    /// Exact origins such as `https://app.example`, or `*` for any.
    pub allowed_origins: Vec<String>,
    /// How long a browser may remember a preflight, in seconds.
    pub max_age: u32,
}

impl Default for CorsRules {
    fn default() -> Self {
        Self {
            allowed_origins: vec!["*".to_owned()],
            max_age: 3600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let printed = format!("{:?}", AccessKey::new("AKID", "hunter2"));
        assert!(printed.contains("AKID"));
        assert!(!printed.contains("hunter2"));
    }
}
