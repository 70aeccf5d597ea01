//! The signing key of the day.

use std::sync::Arc;

use jiff::Timestamp;
use valetkey_sign::s3::{SERVICE, SigningKey};
use valetkey_sign::{Credentials, SignError};

use super::recent::Recent;

/// Derives the signing key once for each UTC day.
pub(super) struct SigningKeys {
    credentials: Credentials,
    region: String,
    recent: Recent<SigningKey>,
}

impl SigningKeys {
    pub(super) fn new(credentials: Credentials, region: String) -> Self {
        Self {
            credentials,
            region,
            recent: Recent::new(),
        }
    }

    /// The key that signs at this instant.
    pub(super) fn at(&self, now: Timestamp) -> Result<Arc<SigningKey>, SignError> {
        self.recent.get_or_make(
            |key| key.covers(now),
            || SigningKey::derive(&self.credentials, now, &self.region, SERVICE),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_serves_a_day_and_the_next_day_has_its_own() {
        let keys = SigningKeys::new(Credentials::new("id", "secret"), "us-east-1".to_owned());
        let at = |text: &str| keys.at(text.parse().unwrap()).unwrap();
        let morning = at("2026-03-01T00:00:00Z");
        assert!(Arc::ptr_eq(&morning, &at("2026-03-01T23:59:59.999Z")));
        let midnight = "2026-03-02T00:00:00Z";
        assert!(at(midnight).covers(midnight.parse().unwrap()));
    }
}
