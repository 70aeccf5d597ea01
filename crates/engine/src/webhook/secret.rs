//! The secrets of endpoints, and what is signed with them. Those that the service makes are derived from its own secret,
//! so that none lies in the catalog.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use valetkey_catalog::Endpoint;
use valetkey_protocol::Secret;
use valetkey_protocol::webhook::{EndpointId, Origin, SECRET_PREFIX};

use super::ConfiguredEndpoint;
use crate::Error;
use crate::seal::{derive, keyed};

/// How many bytes a secret has (Standard Webhooks 1.0).
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Where keys come from.
pub(super) struct Secrets {
    root: Hmac<Sha256>,
    configured: BTreeMap<EndpointId, Vec<Vec<u8>>>,
}

impl Secrets {
    /// # Errors
    /// A configured secret is none.
    pub(super) fn new(secret: &Secret, configured: &[ConfiguredEndpoint]) -> Result<Self, Error> {
        let keys = |endpoint: &ConfiguredEndpoint| {
            let secrets = [Some(&endpoint.secret), endpoint.previous_secret.as_ref()];
            let keys = secrets.into_iter().flatten().map(bytes_of);
            let keys = keys.collect::<Result<_, _>>();
            let wrong = |why| Error::Internal(format!("webhook {}: its secret {why}", endpoint.id));
            Ok((endpoint.id.clone(), keys.map_err(wrong)?))
        };
        Ok(Self {
            root: derive(secret, b"valetkey webhook v1"),
            configured: configured.iter().map(keys).collect::<Result<_, Error>>()?,
        })
    }

    /// The secret that the service makes for a generation of an endpoint, as people see it.
    pub(super) fn made(&self, endpoint: &Endpoint) -> Secret {
        let key = self.derived(endpoint, endpoint.generation);
        Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(key)))
    }

    /// The keys that sign at this time, the newest first; none when only another server's configuration has them.
    pub(super) fn of(&self, endpoint: &Endpoint, now: Timestamp) -> Vec<Vec<u8>> {
        if endpoint.origin == Origin::Config {
            return self
                .configured
                .get(&endpoint.id)
                .cloned()
                .unwrap_or_default();
        }
        let mut keys = vec![self.derived(endpoint, endpoint.generation)];
        if endpoint.old_secret_until.is_some_and(|until| now < until) {
            keys.extend(
                endpoint
                    .generation
                    .checked_sub(1)
                    .map(|old| self.derived(endpoint, old)),
            );
        }
        keys
    }

    fn derived(&self, endpoint: &Endpoint, generation: u64) -> Vec<u8> {
        let mut mac = self.root.clone();
        mac.update(endpoint.id.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(&generation.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

/// What `webhook-signature` says: one signature for each key, separated by spaces.
pub(super) fn sign(keys: &[Vec<u8>], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signature = |key: &Vec<u8>| {
        let mut mac = keyed(key);
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    keys.iter().map(signature).collect::<Vec<_>>().join(" ")
}

/// Whether this is a secret that webhooks can be signed with.
///
/// # Errors
/// What is wrong with it, and how to make one.
pub fn check_webhook_secret(secret: &Secret) -> Result<(), String> {
    bytes_of(secret).map(|_| ())
}

fn bytes_of(secret: &Secret) -> Result<Vec<u8>, String> {
    let text = secret.expose();
    let coded = text.strip_prefix(SECRET_PREFIX);
    let bytes = coded.and_then(|coded| STANDARD.decode(coded).ok());
    let bytes = bytes.filter(|bytes| BYTES.contains(&bytes.len()));
    bytes.ok_or_else(|| {
        format!(
            "is not `{SECRET_PREFIX}` and base64 of 24 to 64 bytes: make one with \
             `echo \"{SECRET_PREFIX}$(openssl rand -base64 32)\"`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(id: &str, generation: u64) -> Endpoint {
        Endpoint {
            id: id.parse().unwrap(),
            url: "https://example.com/".to_owned(),
            kinds: Vec::new(),
            buckets: Vec::new(),
            origin: Origin::Api,
            disabled: None,
            generation,
            old_secret_until: None,
            cursor: 0,
            created_at: Timestamp::UNIX_EPOCH,
            version: 0,
        }
    }

    fn secrets(secret: &str) -> Secrets {
        Secrets::new(&Secret::new(secret), &[]).unwrap()
    }

    #[test]
    fn every_endpoint_and_generation_has_a_secret_of_its_own() {
        let ours = secrets("0123456789abcdef0123456789abcdef");
        let all = [
            ours.made(&endpoint("a", 0)),
            ours.made(&endpoint("a", 1)),
            ours.made(&endpoint("b", 0)),
            secrets("another secret of thirty-two bytes").made(&endpoint("a", 0)),
        ];
        for (index, one) in all.iter().enumerate() {
            check_webhook_secret(one).unwrap();
            assert!(!all[..index].contains(one));
        }
        assert_eq!(ours.made(&endpoint("a", 0)), all[0]);
    }

    #[test]
    fn the_secret_before_signs_until_its_time() {
        let ours = secrets("0123456789abcdef0123456789abcdef");
        let mut rotated = endpoint("a", 1);
        let then = Timestamp::from_second(100).unwrap();
        rotated.old_secret_until = Some(then);
        let at = |second| ours.of(&rotated, Timestamp::from_second(second).unwrap());
        let old = ours.of(&endpoint("a", 0), then).remove(0);
        let new = ours.of(&endpoint("a", 1), then).remove(0);
        assert_eq!(at(99), [new.clone(), old]);
        assert_eq!(at(100), [new]);
    }

    #[test]
    fn the_published_example_is_signed_as_it_says() {
        // <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, libraries' tests.
        let key = bytes_of(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signed = sign(
            &[key],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_with_the_remedy() {
        for text in [
            "",
            "whsec_",
            "whsec_!!!!",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            let why = check_webhook_secret(&Secret::new(text)).unwrap_err();
            assert!(why.contains("openssl rand"), "{why}");
            assert!(
                text.is_empty() || text == "whsec_" || !why.contains(text),
                "{why}"
            );
        }
    }
}
