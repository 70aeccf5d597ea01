//! What is counted, in the OpenMetrics text format.

mod process;
mod uploads;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use valetkey_engine::Observer;
use valetkey_protocol::Code;
use valetkey_protocol::upload::State as UploadState;

use crate::listen::ListenerCounters;
use uploads::Uploads;

/// The media type of what [`Metrics::text`] gives.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabels {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    listener: &'static str,
    direction: &'static str,
}

/// Everything this process counts.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    problems: Family<ProblemLabels, Counter>,
    bytes: Family<DirectionLabels, Counter>,
    connections: Family<ListenerLabels, Gauge>,
    uploads: Uploads,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let mut metrics = Self {
            uploads: Uploads::register(&mut registry),
            registry,
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BOUNDS)),
            problems: Family::default(),
            bytes: Family::default(),
            connections: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// The counters of one listener, by its name.
    pub(crate) fn listener(&self, listener: &'static str) -> ListenerCounters {
        let bytes = |direction| {
            self.bytes.get_or_create_owned(&DirectionLabels {
                listener,
                direction,
            })
        };
        ListenerCounters {
            received: bytes("received"),
            sent: bytes("sent"),
            open: self
                .connections
                .get_or_create_owned(&ListenerLabels { listener }),
        }
    }

    /// Counts one answered request.
    pub(crate) fn answered(
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
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts one problem.
    pub(crate) fn problem(&self, code: Code) {
        let labels = ProblemLabels {
            code: code.as_str(),
        };
        self.problems.get_or_create(&labels).inc();
    }

    /// Everything, as text.
    ///
    /// # Errors
    /// A value that cannot be written.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "valetkey_requests",
            "Answered requests",
            self.requests.clone(),
        );
        registry.register(
            "valetkey_request_duration_seconds",
            "How long answers took",
            self.latency.clone(),
        );
        registry.register(
            "valetkey_problems",
            "Problems answered, by code",
            self.problems.clone(),
        );
        registry.register(
            "valetkey_listener_bytes",
            "Bytes through each listener",
            self.bytes.clone(),
        );
        registry.register(
            "valetkey_listener_connections",
            "Open connections of each listener",
            self.connections.clone(),
        );
        registry.register_collector(Box::new(process::ProcessCollector));
    }
}

impl Observer for Metrics {
    fn entered(&self, bucket: &str, state: UploadState, bytes: u64) {
        self.uploads.entered(bucket, state, bytes);
    }

    fn issued_download(&self, bucket: &str) {
        self.uploads.issued_download(bucket);
    }
}

/// The router of the metrics listener: `GET /metrics`.
pub(crate) fn router(metrics: Arc<Metrics>) -> axum::Router {
    axum::Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics)
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written_under_its_standard_name() {
        let metrics = Metrics::default();
        let counters = metrics.listener("api");
        counters.received.inc_by(5);
        metrics.problem(Code::NotFound);
        let (route, took) = (Route(None), Duration::from_millis(3));
        metrics.answered(route, &Method::GET, StatusCode::OK, took);
        let text = metrics.text().unwrap();
        for line in [
            "valetkey_listener_bytes_total{listener=\"api\",direction=\"received\"} 5",
            "valetkey_listener_connections{listener=\"api\"} 0",
            "valetkey_problems_total{code=\"not_found\"} 1",
            "valetkey_requests_total{route=\"none\",method=\"GET\",status=\"200\"} 1",
            "valetkey_request_duration_seconds_bucket{le=\"0.005\",route=\"none\"} 1",
            "# TYPE process_resident_memory_bytes gauge",
            "process_cpu_seconds_total ",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
