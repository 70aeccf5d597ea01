//! What is counted, in the OpenMetrics text format. `docs/operations.md` has the whole table.

mod events;
mod keys;
mod limits;
mod listeners;
mod policies;
mod process;
mod requests;
mod stores;
mod sweeps;
mod uploads;
mod vitals;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use valetkey_engine::{Delivered, Engine, Observer, SweepReport, Vitals};
use valetkey_protocol::Code;
use valetkey_protocol::upload::State as UploadState;
use valetkey_protocol::webhook::EndpointId;
use valetkey_store::{BreakerState, Operation, Outcome, StoreObserver};

use crate::listen::ListenerCounters;
use events::Events;
use keys::Keys;
use listeners::Listeners;
use policies::PolicyMetrics;
use requests::Requests;
use stores::Stores;
use sweeps::Sweeps;
use uploads::Uploads;
use webhooks::Webhooks;

pub(crate) use limits::{LimitMetrics, Refusal, SharedAnswer, SharedMetrics};
pub(crate) use requests::Route;

/// The media type of what [`Metrics::text`] gives.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long a scrape waits for the catalog.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything this process counts.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Requests,
    limits: LimitMetrics,
    listeners: Listeners,
    stores: Stores,
    sweeps: Sweeps,
    uploads: Uploads,
    events: Events,
    webhooks: Webhooks,
    keys: Keys,
    policies: PolicyMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            requests: Requests::register(&mut registry),
            limits: LimitMetrics::register(&mut registry),
            listeners: Listeners::register(&mut registry),
            stores: Stores::register(&mut registry),
            sweeps: Sweeps::register(&mut registry),
            uploads: Uploads::register(&mut registry),
            events: Events::register(&mut registry),
            webhooks: Webhooks::register(&mut registry),
            keys: Keys::register(&mut registry),
            policies: PolicyMetrics::register(&mut registry),
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

    /// What limits count.
    pub(crate) fn limits(&self) -> LimitMetrics {
        self.limits.clone()
    }

    /// How many streams of events are open.
    pub(crate) fn event_streams(&self) -> Gauge {
        self.events.streams.clone()
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

    /// Begins to count the sweeps of a bucket.
    pub(crate) fn sweeps_begin(&self, bucket: &str, now: Timestamp) {
        self.sweeps.begin(bucket, now);
    }

    /// Counts a sweep that ended well.
    pub(crate) fn swept(&self, bucket: &str, report: &SweepReport, now: Timestamp, took: Duration) {
        self.sweeps.swept(bucket, report, now, took);
    }

    /// Counts a sweep that failed.
    pub(crate) fn sweep_failed(&self, bucket: &str) {
        self.sweeps.ended(bucket, "failed");
    }

    /// Counts what one page of a survey found, and whether it was the last.
    pub(crate) fn surveyed(&self, bucket: &str, report: &SweepReport, last: bool) {
        self.sweeps.surveyed(bucket, report, last);
    }

    /// Counts one attempt to deliver an event to a webhook.
    pub(crate) fn delivered(&self, id: &EndpointId, outcome: Delivered, took: Duration) {
        self.webhooks.delivered(id, outcome, took);
    }

    /// Counts one reading of policies, which gave some that hold, or did not.
    pub(crate) fn policies_read(&self, holds: bool) {
        self.policies.read(holds);
    }

    /// Begins to count the fetches of an identity provider's keys.
    pub(crate) fn keys_begin(&self, key: &str) {
        self.keys.begin(key);
    }

    /// Counts a fetch of keys, which went well at that time or did not.
    pub(crate) fn keys_fetched(&self, key: &str, at: Option<Timestamp>) {
        self.keys.fetched(key, at);
    }

    /// Everything, with the vitals of this moment if they are known, as text.
    ///
    /// # Errors
    /// A value that cannot be written.
    pub(crate) fn text(&self, vitals: Option<&Vitals>) -> Result<String, std::fmt::Error> {
        let mut text = String::with_capacity(32 * 1024);
        text::encode_registry(&mut text, &self.registry)?;
        text::encode_registry(&mut text, &vitals::registry(vitals))?;
        text::encode_eof(&mut text)?;
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

    fn clock(&self, bucket: &str, offset: i64) {
        self.stores.clock(bucket, offset);
    }
}

/// The router of the metrics listener: `GET /metrics`.
pub(crate) fn router(metrics: Arc<Metrics>, engine: Arc<Engine>) -> axum::Router {
    axum::Router::new()
        .route("/metrics", get(scrape))
        .with_state((metrics, engine))
}

/// Never waits for a slow catalog: what it does not say in time is left out, and that it is.
async fn scrape(State((metrics, engine)): State<(Arc<Metrics>, Arc<Engine>)>) -> Response {
    let vitals = in_time(PATIENCE, engine.vitals()).await;
    match metrics.text(vitals.as_ref()) {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn in_time(
    patience: Duration,
    vitals: impl Future<Output = Result<Vitals, valetkey_engine::Error>>,
) -> Option<Vitals> {
    match tokio::time::timeout(patience, vitals).await {
        Ok(Ok(vitals)) => Some(vitals),
        Ok(Err(error)) => {
            tracing::warn!(%error, "metrics are incomplete: the catalog failed");
            None
        }
        Err(_) => {
            tracing::warn!("metrics are incomplete: the catalog does not answer");
            None
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
        let text = metrics.text(None).unwrap();
        for line in [
            "valetkey_listener_bytes_total{listener=\"api\",direction=\"received\"} 5",
            "valetkey_listener_connections{listener=\"api\"} 0",
            "valetkey_problems_total{code=\"not_found\"} 1",
            "valetkey_requests_total{route=\"none\",method=\"GET\",status=\"200\"} 1",
            "valetkey_request_duration_seconds_bucket{le=\"0.005\",route=\"none\"} 1",
            "valetkey_scrape_incomplete 1",
            "# TYPE process_resident_memory_bytes gauge",
            "process_cpu_seconds_total ",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[tokio::test]
    async fn a_catalog_that_does_not_answer_leaves_its_gauges_out_and_nothing_else() {
        let silent = in_time(Duration::from_millis(1), std::future::pending()).await;
        assert_eq!(silent, None);
        let metrics = Metrics::default();
        let text = metrics.text(silent.as_ref()).unwrap();
        assert!(text.contains("valetkey_scrape_incomplete 1"), "{text}");
        assert!(!text.contains("valetkey_outbox"), "{text}");
        let known = in_time(PATIENCE, async { Ok(Vitals::default()) }).await;
        let text = metrics.text(known.as_ref()).unwrap();
        assert!(text.contains("valetkey_scrape_incomplete 0"), "{text}");
        assert!(text.contains("valetkey_outbox 0"), "{text}");
        assert_eq!(text.matches("# EOF").count(), 1, "{text}");
    }
}
