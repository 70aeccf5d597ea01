//! Sweeps and surveys: whether they run, what they find and what they do about it, bucket by bucket.

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
struct BucketLabels {
    bucket: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    bucket: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    bucket: String,
    kind: &'static str,
    action: &'static str,
}

/// What is counted about sweeps.
#[derive(Default)]
pub(super) struct Sweeps {
    ended: Family<OutcomeLabels, Counter>,
    findings: Family<FindingLabels, Counter>,
    surveys: Family<BucketLabels, Counter>,
    last_time: Family<BucketLabels, Gauge<f64, AtomicU64>>,
    last_duration: Family<BucketLabels, Gauge<f64, AtomicU64>>,
}

impl Sweeps {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let sweeps = Self::default();
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
            "When the last sweep ended well, or else the service began, since 1970",
            sweeps.last_time.clone(),
        );
        registry.register(
            "valetkey_sweep_last_duration_seconds",
            "How long the last sweep that ended well took",
            sweeps.last_duration.clone(),
        );
        sweeps
    }

    /// Counts from the beginning, so that a first time is a change that rates can see, and that a sweep is not late
    /// before there could be one.
    pub(super) fn begin(&self, bucket: &str, now: Timestamp) {
        for outcome in ["ok", "failed"] {
            self.ended.get_or_create_owned(&OutcomeLabels {
                bucket: bucket.to_owned(),
                outcome,
            });
        }
        for kind in FindingKind::ALL {
            let action = match kind {
                FindingKind::NotSurveyed => Action::Postponed,
                _ => Action::Reported,
            };
            self.findings.get_or_create_owned(&FindingLabels {
                bucket: bucket.to_owned(),
                kind: kind.as_str(),
                action: action.as_str(),
            });
        }
        self.surveys.get_or_create_owned(&labels(bucket));
        self.ended_at(bucket, now);
    }

    /// Counts a sweep that ended well.
    pub(super) fn swept(&self, bucket: &str, report: &SweepReport, now: Timestamp, took: Duration) {
        self.ended(bucket, "ok");
        self.found(bucket, report);
        self.ended_at(bucket, now);
        let last_duration = self.last_duration.get_or_create_owned(&labels(bucket));
        last_duration.set(took.as_secs_f64());
    }

    /// Counts the outcome of a sweep.
    pub(super) fn ended(&self, bucket: &str, outcome: &'static str) {
        let bucket = bucket.to_owned();
        let labels = OutcomeLabels { bucket, outcome };
        self.ended.get_or_create(&labels).inc();
    }

    /// Counts what one page of a survey found, and whether it was the last.
    pub(super) fn surveyed(&self, bucket: &str, report: &SweepReport, last: bool) {
        self.found(bucket, report);
        let surveys = self.surveys.get_or_create_owned(&labels(bucket));
        surveys.inc_by(u64::from(last));
    }

    fn ended_at(&self, bucket: &str, now: Timestamp) {
        let last_time = self.last_time.get_or_create_owned(&labels(bucket));
        last_time.set(now.as_duration().as_secs_f64().max(0.0));
    }

    fn found(&self, bucket: &str, report: &SweepReport) {
        for (kind, action, count) in report.iter() {
            let labels = FindingLabels {
                bucket: bucket.to_owned(),
                kind: kind.as_str(),
                action: action.as_str(),
            };
            self.findings.get_or_create(&labels).inc_by(count);
        }
    }
}

fn labels(bucket: &str) -> BucketLabels {
    BucketLabels {
        bucket: bucket.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sweep_is_late_before_there_could_be_one() {
        let mut registry = Registry::default();
        let sweeps = Sweeps::register(&mut registry);
        let began = Timestamp::from_second(1_767_225_600).unwrap();
        sweeps.begin("files", began);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "valetkey_sweep_last_time_seconds{bucket=\"files\"} 1767225600.0",
            "valetkey_sweeps_total{bucket=\"files\",outcome=\"failed\"} 0",
            "kind=\"not_surveyed\",action=\"postponed\"} 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
