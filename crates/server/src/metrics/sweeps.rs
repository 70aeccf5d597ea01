//! Sweeps and surveys: whether they run, what they find and what they do about it.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use valetkey_engine::SweepReport;
use valetkey_protocol::sweep::{Action, FindingKind};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    kind: &'static str,
    action: &'static str,
}

/// What is counted about sweeps.
pub(super) struct Sweeps {
    ended: Family<OutcomeLabels, Counter>,
    findings: Family<FindingLabels, Counter>,
    surveys: Counter,
    last_time: Gauge<f64, AtomicU64>,
    last_duration: Gauge<f64, AtomicU64>,
}

impl Sweeps {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let sweeps = Self {
            ended: Family::default(),
            findings: Family::default(),
            surveys: Counter::default(),
            last_time: Gauge::default(),
            last_duration: Gauge::default(),
        };
        // From the beginning, so that a first time is a change that rates can see.
        for outcome in ["ok", "failed"] {
            sweeps.ended.get_or_create_owned(&OutcomeLabels { outcome });
        }
        for kind in FindingKind::ALL {
            let (kind, action) = (kind.as_str(), Action::Reported.as_str());
            let labels = FindingLabels { kind, action };
            sweeps.findings.get_or_create_owned(&labels);
        }
        registry.register("valetkey_sweeps", "Sweeps that ended", sweeps.ended.clone());
        registry.register(
            "valetkey_sweep_findings",
            "What sweeps and surveys found, and what they did about it",
            sweeps.findings.clone(),
        );
        registry.register(
            "valetkey_surveys",
            "Surveys that went all the way round",
            sweeps.surveys.clone(),
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
        self.found(report);
        self.last_time.set(now.as_duration().as_secs_f64().max(0.0));
        self.last_duration.set(took.as_secs_f64());
    }

    /// Counts a sweep that failed.
    pub(super) fn failed(&self) {
        let outcome = "failed";
        self.ended.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts what one page of a survey found, and whether it was the last.
    pub(super) fn surveyed(&self, report: &SweepReport, last: bool) {
        self.found(report);
        self.surveys.inc_by(u64::from(last));
    }

    fn found(&self, report: &SweepReport) {
        for (kind, action, count) in report.iter() {
            let labels = FindingLabels {
                kind: kind.as_str(),
                action: action.as_str(),
            };
            self.findings.get_or_create(&labels).inc_by(count);
        }
    }
}
