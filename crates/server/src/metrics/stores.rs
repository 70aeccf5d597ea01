//! Calls to storage, by bucket.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use valetkey_store::{BreakerState, Operation, Outcome};

/// Upper bounds of the latency histogram, in seconds: most calls end by 4 s, copies of large objects by 120 s.
const LATENCY_BOUNDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 4.0, 30.0, 120.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    bucket: String,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    bucket: String,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BucketLabels {
    bucket: String,
}

/// What is counted about storage.
pub(super) struct Stores {
    calls: Family<CallLabels, Counter>,
    latency: Family<OperationLabels, Histogram, fn() -> Histogram>,
    open: Family<BucketLabels, Gauge>,
    openings: Family<BucketLabels, Counter>,
    clock: Family<BucketLabels, Gauge>,
}

impl Stores {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let stores = Self {
            calls: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BOUNDS)),
            open: Family::default(),
            openings: Family::default(),
            clock: Family::default(),
        };
        registry.register(
            "valetkey_store_calls",
            "Calls to storage, retries included in each",
            stores.calls.clone(),
        );
        registry.register(
            "valetkey_store_call_duration_seconds",
            "How long calls to storage took, retries included; not those the breaker held back",
            stores.latency.clone(),
        );
        registry.register(
            "valetkey_store_breaker_open",
            "1 while storage is left alone because it does not answer",
            stores.open.clone(),
        );
        registry.register(
            "valetkey_store_breaker_openings",
            "How often the breaker opened",
            stores.openings.clone(),
        );
        registry.register(
            "valetkey_store_clock_offset_seconds",
            "How many seconds storage's clock is ahead of the service's; nothing is signed from 300 on, either way",
            stores.clock.clone(),
        );
        stores
    }

    /// Counts one call.
    pub(super) fn called(
        &self,
        bucket: &str,
        operation: Operation,
        outcome: Outcome,
        took: Duration,
    ) {
        let bucket = bucket.to_owned();
        let operation = operation.as_str();
        if outcome != Outcome::ShortCircuited {
            let labels = OperationLabels {
                bucket: bucket.clone(),
                operation,
            };
            let latency = self.latency.get_or_create(&labels);
            latency.observe(took.as_secs_f64());
        }
        let labels = CallLabels {
            bucket,
            operation,
            outcome: outcome.as_str(),
        };
        self.calls.get_or_create(&labels).inc();
    }

    /// Shows that a breaker opened or closed.
    pub(super) fn breaker(&self, bucket: &str, state: BreakerState) {
        let labels = BucketLabels {
            bucket: bucket.to_owned(),
        };
        let open = i64::from(state == BreakerState::Open);
        self.open.get_or_create(&labels).set(open);
        // Made with its bucket, so that a first opening is a change and not a beginning.
        self.openings
            .get_or_create(&labels)
            .inc_by(open.unsigned_abs());
    }

    /// Shows how far storage's clock is ahead.
    pub(super) fn clock(&self, bucket: &str, offset: i64) {
        let labels = BucketLabels {
            bucket: bucket.to_owned(),
        };
        self.clock.get_or_create(&labels).set(offset);
    }
}
