//! The signing key of the day.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use valetkey_sign::s3::{SERVICE, SigningKey};
use valetkey_sign::{Credentials, SignError};

/// Derives the signing key once for each UTC day.
pub(super) struct SigningKeys {
    credentials: Credentials,
    region: String,
    latest: Mutex<Option<Arc<SigningKey>>>,
}

impl SigningKeys {
    pub(super) fn new(credentials: Credentials, region: String) -> Self {
        Self {
            credentials,
            region,
            latest: Mutex::new(None),
        }
    }

    /// The key that signs at this instant.
    pub(super) fn at(&self, now: Timestamp) -> Result<Arc<SigningKey>, SignError> {
        // A key is replaced whole, so one that a panicking thread left behind is still good.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = latest.as_ref().filter(|key| key.covers(now)) {
            return Ok(Arc::clone(key));
        }
        let key = SigningKey::derive(&self.credentials, now, &self.region, SERVICE)?;
        Ok(Arc::clone(latest.insert(Arc::new(key))))
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
