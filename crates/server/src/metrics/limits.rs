//! Limits: whom they refused, how many they know, and the line in front of the work.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the time in line, in seconds.
const WAIT_BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The limit of an address without a valid token.
    Anonymous,
    /// The limit of a principal.
    Principal,
    /// The limit of all principals together.
    Global,
    /// The limit of passwords that are tried at links.
    Password,
    /// The line was full.
    Queue,
    /// The line did not move in time.
    Deadline,
}

impl Refusal {
    const ALL: [Self; 6] = [
        Self::Anonymous,
        Self::Principal,
        Self::Global,
        Self::Password,
        Self::Queue,
        Self::Deadline,
    ];

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Principal => "principal",
            Self::Global => "global",
            Self::Password => "password",
            Self::Queue => "queue",
            Self::Deadline => "deadline",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

impl From<Refusal> for LimitLabels {
    fn from(refusal: Refusal) -> Self {
        Self {
            limit: refusal.as_str(),
        }
    }
}

/// What came of asking the place that counts for all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedAnswer {
    /// It counted.
    Counted,
    /// It did not answer in time.
    Late,
    /// It refused, or the connection was lost.
    Failed,
    /// It was not asked, for it did not answer before.
    Skipped,
}

impl SharedAnswer {
    const ALL: [Self; 4] = [Self::Counted, Self::Late, Self::Failed, Self::Skipped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AwayLabels {
    when_away: &'static str,
}

/// What is counted about the place that counts for all replicas.
#[derive(Debug, Clone)]
pub(crate) struct SharedMetrics {
    up: Gauge,
    answers: Family<AnswerLabels, Counter>,
}

impl SharedMetrics {
    /// Whether it answers.
    pub(crate) fn up(&self, up: bool) {
        self.up.set(up.into());
    }

    /// Counts one request that needed it.
    pub(crate) fn answered(&self, answer: SharedAnswer) {
        let outcome = answer.as_str();
        self.answers.get_or_create(&AnswerLabels { outcome }).inc();
    }
}

/// What is counted about limits.
#[derive(Debug, Clone)]
pub(crate) struct LimitMetrics {
    /// Requests that are served.
    pub(crate) running: Gauge,
    /// Requests that wait in line.
    pub(crate) waiting: Gauge,
    waits: Histogram,
    refused: Family<LimitLabels, Counter>,
    tracked: Family<LimitLabels, Gauge>,
    shared_up: Family<AwayLabels, Gauge>,
    shared: Family<AnswerLabels, Counter>,
}

impl Default for LimitMetrics {
    fn default() -> Self {
        Self {
            running: Gauge::default(),
            waiting: Gauge::default(),
            waits: Histogram::new(WAIT_BOUNDS),
            refused: Family::default(),
            tracked: Family::default(),
            shared_up: Family::default(),
            shared: Family::default(),
        }
    }
}

impl LimitMetrics {
    /// Makes and registers them. Every refusal is there from the start, so that the first one is seen to be one more.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let limits = Self::default();
        for refusal in Refusal::ALL {
            limits.refused.get_or_create_owned(&refusal.into());
        }
        let Self {
            running,
            waiting,
            waits,
            refused,
            tracked,
            shared_up,
            shared,
        } = limits.clone();
        limits.tracked(Refusal::Anonymous);
        registry.register("valetkey_limited", "Requests refused by a limit", refused);
        registry.register(
            "valetkey_limit_tracked",
            "Addresses and principals a limit tells apart",
            tracked,
        );
        registry.register(
            "valetkey_limits_shared_up",
            "Whether the limits of all servers are counted in one place now",
            shared_up,
        );
        registry.register(
            "valetkey_limits_shared",
            "Requests that were to be counted there",
            shared,
        );
        registry.register("valetkey_running", "Requests being served", running);
        registry.register("valetkey_waiting", "Requests that wait in line", waiting);
        registry.register("valetkey_wait_seconds", "How long they waited", waits);
        limits
    }

    /// Counts one refusal.
    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refused.get_or_create(&refusal.into()).inc();
    }

    /// Counts one that waited, whether it was served then or not.
    pub(crate) fn waited(&self, took: Duration) {
        self.waits.observe(took.as_secs_f64());
    }

    /// How many a limit tells apart.
    pub(crate) fn tracked(&self, refusal: Refusal) -> Gauge {
        self.tracked.get_or_create_owned(&refusal.into())
    }

    /// What is counted about the place that counts for all replicas, where there is one.
    pub(crate) fn shared(&self, when_away: &'static str) -> SharedMetrics {
        for answer in SharedAnswer::ALL {
            let outcome = answer.as_str();
            self.shared.get_or_create_owned(&AnswerLabels { outcome });
        }
        SharedMetrics {
            up: self
                .shared_up
                .get_or_create_owned(&AwayLabels { when_away }),
            answers: self.shared.clone(),
        }
    }
}
