//! Webhooks: what became of attempts, and how long they took.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use valetkey_engine::Delivered;
use valetkey_protocol::webhook::EndpointId;

/// The upper bounds of how long an attempt takes, in seconds.
const BOUNDS: [f64; 8] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WebhookLabels {
    pub(super) webhook: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    webhook: String,
    outcome: &'static str,
}

/// What is counted about webhooks.
pub(super) struct Webhooks {
    attempts: Family<OutcomeLabels, Counter>,
    durations: Family<WebhookLabels, Histogram, fn() -> Histogram>,
}

impl Webhooks {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let webhooks = Self {
            attempts: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
        };
        registry.register(
            "valetkey_webhook_attempts",
            "Attempts to deliver an event to a webhook",
            webhooks.attempts.clone(),
        );
        registry.register(
            "valetkey_webhook_duration_seconds",
            "How long such attempts took",
            webhooks.durations.clone(),
        );
        webhooks
    }

    /// Counts one attempt.
    pub(super) fn delivered(&self, id: &EndpointId, outcome: Delivered, took: Duration) {
        let webhook = id.as_str().to_owned();
        for one in Delivered::ALL {
            // From the beginning, so that a first time is a change that rates can see.
            let labels = OutcomeLabels {
                webhook: webhook.clone(),
                outcome: one.as_str(),
            };
            let count = u64::from(one == outcome);
            self.attempts.get_or_create_owned(&labels).inc_by(count);
        }
        let labels = WebhookLabels { webhook };
        self.durations
            .get_or_create_owned(&labels)
            .observe(took.as_secs_f64());
    }
}
