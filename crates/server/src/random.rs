//! The only place that asks the machine for chance: ids, secrets and keys.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use uuid::{ContextV7, Uuid};
use valetkey_engine::{Ids, LinkChance};
use valetkey_protocol::{FileId, Secret, hex};

/// Makes `UUIDv7`s, each later than the one before it within this process (RFC 9562 §6.2).
pub(crate) struct FileIds(Mutex<ContextV7>);

impl Default for FileIds {
    fn default() -> Self {
        Self(Mutex::new(ContextV7::new()))
    }
}

impl Ids for FileIds {
    #[expect(
        clippy::expect_used,
        reason = "`new_v7` makes version 7 and nothing else"
    )]
    fn file_id(&self, now: Timestamp) -> FileId {
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let uuid = Uuid::new_v7(uuid::Timestamp::from_unix(&self.0, seconds, nanos));
        FileId::from_uuid(uuid).expect("a version 7 UUID")
    }
}

/// Names requests: chance once for the process, then a count. Cheap, and never the same twice.
pub(crate) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    /// Starts a count.
    ///
    /// # Errors
    /// The machine has no chance to give.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self {
            process: seed()?,
            count: AtomicU64::new(0),
        })
    }

    /// The next id, 24 characters.
    pub(crate) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}{count:08x}", self.process)
    }
}

/// A number to begin with, for what must only not be the same everywhere.
///
/// # Errors
/// The machine has no chance to give.
pub(crate) fn seed() -> Result<u64, getrandom::Error> {
    Ok(u64::from_be_bytes(random_bytes()?))
}

/// A secret of 32 random bytes, in 64 hexadecimal characters.
///
/// # Errors
/// The machine has no chance to give.
pub(crate) fn secret() -> Result<Secret, getrandom::Error> {
    Ok(Secret::new(hex(&random_bytes::<32>()?)))
}

/// What a link is made of.
///
/// # Errors
/// The machine has no chance to give.
pub(crate) fn link() -> Result<LinkChance, getrandom::Error> {
    Ok(LinkChance {
        token: random_bytes()?,
        salt: random_bytes()?,
    })
}

/// An access key id: `VK` and 18 random hexadecimal characters, as long as those of AWS.
///
/// # Errors
/// The machine has no chance to give.
pub(crate) fn access_key_id() -> Result<String, getrandom::Error> {
    Ok(format!("VK{}", hex(&random_bytes::<9>()?).to_uppercase()))
}

/// The bytes of an API key: of its id, and of its secret.
///
/// # Errors
/// The machine has no chance to give.
pub(crate) fn api_key() -> Result<([u8; 6], [u8; 32]), getrandom::Error> {
    Ok((random_bytes()?, random_bytes()?))
}

/// The 32 bytes of a private key, or of another secret.
///
/// # Errors
/// The machine has no chance to give.
pub(crate) fn key() -> Result<[u8; 32], getrandom::Error> {
    random_bytes()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge where chance is asked for"
)]
fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_instant_still_rise() {
        let (ids, now) = (FileIds::default(), Timestamp::UNIX_EPOCH);
        let made: Vec<_> = (0..10_000).map(|_| ids.file_id(now)).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn two_secrets_are_never_the_same_and_long_enough() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one, other);
        assert_eq!(access_key_id().unwrap().len(), 20);
    }

    #[test]
    fn request_ids_differ() {
        let ids = RequestIds::new().unwrap();
        let (one, other) = (ids.next(), ids.next());
        assert_ne!(one, other);
        assert_eq!(one.len(), 24);
    }
}
