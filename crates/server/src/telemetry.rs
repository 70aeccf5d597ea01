//! Traces for an OpenTelemetry collector, when one is configured: OTLP over HTTP, protobuf.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Status, TracerProvider as _};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::ServeError;
use crate::config::TelemetryConfig;

/// How long a batch may take to deliver, and how long the last one may hold up the end of the service.
const DELIVERY: Duration = Duration::from_secs(2);

/// Spans of ours; those of libraries would say what we never say.
const OURS: &str = "valetkey";

/// Delivers spans in the background until it is shut down.
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts to deliver; nothing is made when no collector is configured. Needs a runtime around it.
    ///
    /// # Errors
    /// The collector's address cannot be used.
    pub fn start(config: &TelemetryConfig) -> Result<Option<Self>, ServeError> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let wrong = |why: String| ServeError::Telemetry { why };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Courier::new().map_err(|error| wrong(error.to_string()))?)
            .with_endpoint(format!("{}/v1/traces", config.otlp_endpoint))
            .with_timeout(DELIVERY)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let resource = Resource::builder().with_service_name(config.service_name.clone());
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build());
        Ok(Some(Self {
            provider: provider.build(),
        }))
    }

    /// What takes spans from `tracing`.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(OURS))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(OURS, LevelFilter::INFO))
    }

    /// Delivers what is left, if the collector takes it within two seconds.
    pub async fn shutdown(self) {
        let ended = tokio::task::spawn_blocking(move || {
            // The last batch is lost with its collector; that was logged when it happened.
            let _ = self.provider.shutdown_with_timeout(DELIVERY);
        });
        let _ = ended.await;
    }
}

/// Names a request's span, under the parent that its `traceparent` names
/// (<https://www.w3.org/TR/trace-context/>).
pub(crate) fn begin(span: &Span, headers: &HeaderMap, method: &Method, route: &str) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Without a collector's layer there is nothing to put under anything.
        let _ = span.set_parent(parent);
    }
    span.record("otel.name", format!("{method} {route}"));
    span.record("otel.kind", "server");
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("http.route", route.to_owned());
}

/// Writes how a request ended into its span.
pub(crate) fn end(span: &Span, status: StatusCode) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// Carries batches with our own HTTP client. The exporter runs on a thread of its own, the client needs a runtime.
#[derive(Debug)]
struct Courier {
    client: reqwest::Client,
    runtime: Handle,
    failing: AtomicBool,
}

impl Courier {
    fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DELIVERY);
        Ok(Self {
            client: client.build()?,
            runtime: Handle::current(),
            failing: AtomicBool::new(false),
        })
    }

    /// Logs when delivery begins to fail, and when it works again.
    fn note(&self, why: Option<String>) {
        let failed_before = self.failing.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(why) if !failed_before => tracing::warn!(why, "traces cannot be delivered"),
            None if failed_before => tracing::info!("traces are delivered again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Courier {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request.try_into()?).await?;
            let mut response = http::Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.body_mut() = answer.bytes().await?;
            Ok::<_, reqwest::Error>(response)
        });
        let sent = sent.await?.map_err(reqwest::Error::without_url);
        self.note(match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("the collector answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        });
        Ok(sent?)
    }
}
