//! Answered requests: how many, how fast, and what went wrong.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use valetkey_protocol::Code;

/// Upper bounds of the latency histogram, in seconds.
const LATENCY_BOUNDS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// The path template a request matched, as a label; without one, nothing was there.
#[derive(Debug, Clone)]
pub(crate) struct Route(pub(crate) Option<MatchedPath>);

impl Route {
    /// The template, such as `/v1/uploads/{id}`.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: Route,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: Route,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    code: &'static str,
}

/// What is counted about requests.
pub(super) struct Requests {
    answered: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    problems: Family<ProblemLabels, Counter>,
}

impl Requests {
    /// Makes and registers them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = Self {
            answered: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BOUNDS)),
            problems: Family::default(),
        };
        let (answered, latency) = (requests.answered.clone(), requests.latency.clone());
        registry.register("valetkey_requests", "Answered requests", answered);
        registry.register(
            "valetkey_request_duration_seconds",
            "How long answers took",
            latency,
        );
        registry.register(
            "valetkey_problems",
            "Problems answered, by code",
            requests.problems.clone(),
        );
        requests
    }

    /// Counts one answered request.
    pub(super) fn answered(
        &self,
        route: Route,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let labels = RouteLabels { route };
        self.latency
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        let labels = RequestLabels {
            route: labels.route,
            method: method_label(method),
            status: status.as_u16(),
        };
        self.answered.get_or_create(&labels).inc();
    }

    /// Counts one problem.
    pub(super) fn problem(&self, code: Code) {
        let labels = ProblemLabels {
            code: code.as_str(),
        };
        self.problems.get_or_create(&labels).inc();
    }
}

/// A label cannot be chosen by a client, so unusual methods share one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
