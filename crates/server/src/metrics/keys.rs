//! Keys of tokens: how often they were fetched, and when that last went well.

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    key: String,
    outcome: &'static str,
}

/// What is counted about keys that are fetched.
pub(super) struct Keys {
    fetches: Family<OutcomeLabels, Counter>,
    fetched_at: Family<KeyLabels, Gauge>,
}

impl Keys {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let keys = Self {
            fetches: Family::default(),
            fetched_at: Family::default(),
        };
        registry.register(
            "valetkey_auth_key_fetches",
            "Fetches of the keys of an identity provider",
            keys.fetches.clone(),
        );
        registry.register(
            "valetkey_auth_keys_time_seconds",
            "When the keys of an identity provider were last fetched, in seconds since 1970; 0 when never",
            keys.fetched_at.clone(),
        );
        keys
    }

    /// Begins to count, so that a first time is a change that rates can see.
    pub(super) fn begin(&self, key: &str) {
        for outcome in ["ok", "failed"] {
            self.fetches.get_or_create_owned(&labels(key, outcome));
        }
        let key = key.to_owned();
        self.fetched_at.get_or_create_owned(&KeyLabels { key });
    }

    /// Counts one fetch, which went well at that time or did not.
    pub(super) fn fetched(&self, key: &str, at: Option<Timestamp>) {
        let outcome = if at.is_some() { "ok" } else { "failed" };
        self.fetches
            .get_or_create_owned(&labels(key, outcome))
            .inc();
        if let Some(at) = at {
            let key = key.to_owned();
            let gauge = self.fetched_at.get_or_create_owned(&KeyLabels { key });
            gauge.set(at.as_second());
        }
    }
}

fn labels(key: &str, outcome: &'static str) -> OutcomeLabels {
    OutcomeLabels {
        key: key.to_owned(),
        outcome,
    }
}
