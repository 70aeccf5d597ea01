//! Who is told what happens, and where messages may go.

use serde::Deserialize;
use valetkey_engine::{ConfiguredEndpoint, check_webhook_secret};
use valetkey_protocol::Secret;
use valetkey_protocol::event::EventKind;
use valetkey_protocol::webhook::EndpointId;

use super::{ConfigError, invalid};
use crate::webhooks::{Network, parse_url};

/// The most deliveries of one endpoint that are under way at a time.
const MOST_AT_ONCE: u32 = 64;

/// Who is told what happens, and where messages may go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Whether http is as good as https.
    pub allow_http: bool,
    /// Which addresses may be used beside those of the public Internet: `10.0.0.0/8`, `fd00::/8`, `192.0.2.7`.
    pub allow_addresses: Vec<String>,
    /// How many deliveries of one endpoint are under way at a time, in each server.
    pub concurrency: u32,
    /// Endpoints, beside those that administrators make with the API.
    pub endpoints: Vec<EndpointConfig>,
}

/// An endpoint that is managed here and not by the API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// Its name: 1 to 63 of `a-z`, `0-9` and `-`.
    pub id: EndpointId,
    /// Where it is.
    pub url: String,
    /// Which events; all but `download.issued` when empty.
    #[serde(default)]
    pub types: Vec<EventKind>,
    /// Of which buckets; of all when empty.
    #[serde(default)]
    pub buckets: Vec<String>,
    /// What is signed with: `whsec_` and base64 of 24 to 64 bytes.
    #[serde(default = "nothing")]
    pub secret: Secret,
    /// A file that holds the secret, instead.
    #[serde(default)]
    pub secret_file: String,
    /// What was signed with before: signs as well, for as long as it is here.
    #[serde(default)]
    pub previous_secret: Option<Secret>,
}

fn nothing() -> Secret {
    Secret::new("")
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            allow_http: false,
            allow_addresses: Vec::new(),
            concurrency: 4,
            endpoints: Vec::new(),
        }
    }
}

impl WebhooksConfig {
    pub(super) fn check(&self, is_bucket: impl Fn(&str) -> bool) -> Result<(), ConfigError> {
        if !(1..=MOST_AT_ONCE).contains(&self.concurrency) {
            let problem = format!("is not 1 to {MOST_AT_ONCE}: set it to 4, for example");
            return Err(invalid("webhooks.concurrency", problem));
        }
        self.networks()?;
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let key = |part: &str| format!("webhooks.endpoints.{}.{part}", endpoint.id);
            let before = &self.endpoints[..index];
            if before.iter().any(|other| other.id == endpoint.id) {
                let problem = "is there twice: call one of the two otherwise";
                return Err(invalid(key("id"), problem));
            }
            parse_url(&endpoint.url, self.allow_http)
                .map_err(|problem| invalid(key("url"), problem))?;
            if let Some(bucket) = endpoint.buckets.iter().find(|bucket| !is_bucket(bucket)) {
                let problem = format!("names `{bucket}`, which is no bucket of this file");
                return Err(invalid(key("buckets"), problem));
            }
            check_webhook_secret(&endpoint.secret)
                .map_err(|problem| invalid(key("secret"), problem))?;
            if let Some(previous) = &endpoint.previous_secret {
                check_webhook_secret(previous)
                    .map_err(|problem| invalid(key("previous_secret"), problem))?;
            }
        }
        Ok(())
    }

    /// The addresses that may be used beside those of the public Internet.
    pub(crate) fn networks(&self) -> Result<Vec<Network>, ConfigError> {
        let read = |text: &String| {
            let wrong = |problem| {
                let problem = format!("has `{text}`, which {problem}");
                invalid("webhooks.allow_addresses", problem)
            };
            text.parse().map_err(wrong)
        };
        self.allow_addresses.iter().map(read).collect()
    }

    /// The endpoints, as the engine takes them.
    pub(crate) fn configured(&self) -> Vec<ConfiguredEndpoint> {
        let configured = |endpoint: &EndpointConfig| ConfiguredEndpoint {
            id: endpoint.id.clone(),
            url: endpoint.url.clone(),
            kinds: endpoint.types.clone(),
            buckets: endpoint.buckets.clone(),
            secret: endpoint.secret.clone(),
            previous_secret: endpoint.previous_secret.clone(),
        };
        self.endpoints.iter().map(configured).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "billing"
        url = "https://app.example.com/hooks"
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    "#;

    fn problem(changes: &str, http: bool) -> Option<String> {
        let mut table: toml::Table = GOOD.parse().unwrap();
        table.extend(changes.parse::<toml::Table>().unwrap());
        let config = WebhooksConfig {
            allow_http: http,
            endpoints: vec![table.try_into().unwrap()],
            ..WebhooksConfig::default()
        };
        let checked = config.check(|bucket| bucket == "files");
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn a_good_endpoint_is_taken() {
        assert_eq!(problem("", false), None);
        assert_eq!(problem("buckets = ['files']", false), None);
        assert_eq!(problem("types = ['file.deleted']", false), None);
        assert_eq!(problem("url = 'http://app.example.com/'", true), None);
    }

    #[test]
    fn what_is_wrong_with_an_endpoint_is_told_under_its_id() {
        for (changes, key, remedy) in [
            ("url = 'http://a.example/'", "url", "allow_http"),
            ("url = 'https://u:p@a.example/'", "url", "leave them out"),
            ("url = 'https://a.example/#x'", "url", "#"),
            ("url = 'ftp://a.example/'", "url", "https"),
            ("url = 'a.example'", "url", "https://"),
            ("secret = 'hush'", "secret", "openssl"),
            ("previous_secret = 'hush'", "previous_secret", "openssl"),
            ("buckets = ['nowhere']", "buckets", "nowhere"),
        ] {
            let problem = problem(changes, false).unwrap();
            let key = format!("`webhooks.endpoints.billing.{key}`");
            assert!(problem.starts_with(&key), "{problem}");
            assert!(
                problem.contains(remedy) && !problem.contains("hush"),
                "{problem}"
            );
        }
    }

    #[test]
    fn networks_and_concurrency_are_checked_and_ids_are_there_once() {
        let endpoint: EndpointConfig = toml::from_str(GOOD).unwrap();
        for (change, key) in [
            (
                WebhooksConfig {
                    allow_addresses: vec!["10.0.0.0/40".to_owned()],
                    ..WebhooksConfig::default()
                },
                "webhooks.allow_addresses",
            ),
            (
                WebhooksConfig {
                    concurrency: 0,
                    ..WebhooksConfig::default()
                },
                "webhooks.concurrency",
            ),
            (
                WebhooksConfig {
                    endpoints: vec![endpoint.clone(), endpoint],
                    ..WebhooksConfig::default()
                },
                "webhooks.endpoints.billing.id",
            ),
        ] {
            let problem = change.check(|_| true).unwrap_err().to_string();
            assert!(problem.starts_with(&format!("`{key}`")), "{problem}");
        }
    }
}
