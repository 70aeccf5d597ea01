//! Sweeps: whether they run, and what they do.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use valetkey_engine::SweepReport;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// What is counted about sweeps.
pub(super) struct Sweeps {
    ended: Family<OutcomeLabels, Counter>,
    records: Family<OutcomeLabels, Counter>,
    last_time: Gauge<f64, AtomicU64>,
    last_duration: Gauge<f64, AtomicU64>,
}

impl Sweeps {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let sweeps = Self {
            ended: Family::default(),
            records: Family::default(),
            last_time: Gauge::default(),
            last_duration: Gauge::default(),
        };
        // All of them from the beginning, so that a first time is a change that rates can see.
        for (outcome, _) in counts(&SweepReport::default()) {
            sweeps
                .records
                .get_or_create_owned(&OutcomeLabels { outcome });
        }
        for outcome in ["ok", "failed"] {
            sweeps.ended.get_or_create_owned(&OutcomeLabels { outcome });
        }
        registry.register("valetkey_sweeps", "Sweeps that ended", sweeps.ended.clone());
        registry.register(
            "valetkey_sweep_records",
            "What sweeps did, record by record",
            sweeps.records.clone(),
        );
        registry.register(
            "valetkey_sweep_last_time_seconds",
            "When the last sweep ended well, since 1970",
            sweeps.last_time.clone(),
        );
        registry.register(
            "valetkey_sweep_last_duration_seconds",
            "How long the last sweep that ended well took",
            sweeps.last_duration.clone(),
        );
        sweeps
    }

    /// Counts a sweep that ended well.
    pub(super) fn swept(&self, report: &SweepReport, now: Timestamp, took: Duration) {
        let outcome = "ok";
        self.ended.get_or_create(&OutcomeLabels { outcome }).inc();
        for (outcome, count) in counts(report) {
            let labels = OutcomeLabels { outcome };
            self.records.get_or_create(&labels).inc_by(count);
        }
        self.last_time.set(now.as_duration().as_secs_f64().max(0.0));
        self.last_duration.set(took.as_secs_f64());
    }

    /// Counts a sweep that failed.
    pub(super) fn failed(&self) {
        let outcome = "failed";
        self.ended.get_or_create(&OutcomeLabels { outcome }).inc();
    }
}

/// Every count of a report under its name; a new one does not compile until it is here.
fn counts(report: &SweepReport) -> [(&'static str, u64); 5] {
    let SweepReport {
        completed,
        expired,
        deleted,
        emptied,
        postponed,
    } = *report;
    [
        ("completed", completed),
        ("expired", expired),
        ("deleted", deleted),
        ("emptied", emptied),
        ("postponed", postponed),
    ]
}
