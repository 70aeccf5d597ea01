//! What is counted, in the OpenMetrics text format. `docs/operations.md` has the whole table.

mod listeners;
mod process;
mod requests;
mod stores;
mod sweeps;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use valetkey_engine::{Observer, SweepReport};
use valetkey_protocol::Code;
use valetkey_protocol::upload::State as UploadState;
use valetkey_store::{BreakerState, Operation, Outcome, StoreObserver};

use crate::listen::ListenerCounters;
use listeners::Listeners;
use requests::Requests;
use stores::Stores;
use sweeps::Sweeps;
use uploads::Uploads;

pub(crate) use requests::Route;

/// The media type of what [`Metrics::text`] gives.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything this process counts.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Requests,
    listeners: Listeners,
    stores: Stores,
    sweeps: Sweeps,
    uploads: Uploads,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            requests: Requests::register(&mut registry),
            listeners: Listeners::register(&mut registry),
            stores: Stores::register(&mut registry),
            sweeps: Sweeps::register(&mut registry),
            uploads: Uploads::register(&mut registry),
            registry: Registry::default(),
        };
        registry.register_collector(Box::new(process::ProcessCollector));
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// The counters of one listener, by its name.
    pub(crate) fn listener(&self, listener: &'static str) -> ListenerCounters {
        self.listeners.counters(listener)
    }

    /// Counts one answered request.
    pub(crate) fn answered(
        &self,
        route: Route,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        self.requests.answered(route, method, status, took);
    }

    /// Counts one problem.
    pub(crate) fn problem(&self, code: Code) {
        self.requests.problem(code);
    }

    /// Counts a sweep that ended well.
    pub(crate) fn swept(&self, report: &SweepReport, now: Timestamp, took: Duration) {
        self.sweeps.swept(report, now, took);
    }

    /// Counts a sweep that failed.
    pub(crate) fn sweep_failed(&self) {
        self.sweeps.failed();
    }

    /// Counts what one page of a survey found, and whether it was the last.
    pub(crate) fn surveyed(&self, report: &SweepReport, last: bool) {
        self.sweeps.surveyed(report, last);
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
}

impl Observer for Metrics {
    fn entered(&self, bucket: &str, state: UploadState, bytes: u64) {
        self.uploads.entered(bucket, state, bytes);
    }

    fn issued_download(&self, bucket: &str) {
        self.uploads.issued_download(bucket);
    }
}

impl StoreObserver for Metrics {
    fn called(&self, bucket: &str, operation: Operation, outcome: Outcome, took: Duration) {
        self.stores.called(bucket, operation, outcome, took);
    }

    fn breaker(&self, bucket: &str, state: BreakerState) {
        self.stores.breaker(bucket, state);
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
