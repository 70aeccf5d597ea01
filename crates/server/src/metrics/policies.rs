//! Policies: how often they were read again, and whether what their files say holds.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// What is counted about policies.
pub(super) struct PolicyMetrics {
    reads: Family<OutcomeLabels, Counter>,
    stale: Gauge,
}

impl PolicyMetrics {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let policies = Self {
            reads: Family::default(),
            stale: Gauge::default(),
        };
        registry.register(
            "valetkey_policy_reads",
            "How often policies were read again since the start",
            policies.reads.clone(),
        );
        registry.register(
            "valetkey_policy_stale",
            "1 while policy files say what cannot hold, and older policies do; 0 otherwise",
            policies.stale.clone(),
        );
        for outcome in ["ok", "failed"] {
            policies
                .reads
                .get_or_create_owned(&OutcomeLabels { outcome });
        }
        policies
    }

    /// Counts one reading, which gave policies that hold, or did not.
    pub(super) fn read(&self, holds: bool) {
        let outcome = if holds { "ok" } else { "failed" };
        self.reads
            .get_or_create_owned(&OutcomeLabels { outcome })
            .inc();
        self.stale.set(i64::from(!holds));
    }
}
