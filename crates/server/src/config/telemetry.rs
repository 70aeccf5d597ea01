//! What the service tells about itself: the log and traces.

use serde::Deserialize;

use super::{ConfigError, bucket, invalid};

/// The environment variable that takes the place of `telemetry.otlp_endpoint`.
const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The environment variable that takes the place of `telemetry.service_name`.
const NAME_VARIABLE: &str = "OTEL_SERVICE_NAME";

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object on each line.
    Json,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The base URL of an OpenTelemetry collector that takes OTLP over HTTP; there are no traces when empty.
    pub otlp_endpoint: String,
    /// What the service is called there.
    pub service_name: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            service_name: "valetkey".to_owned(),
        }
    }
}

impl TelemetryConfig {
    /// Takes what the environment says instead, under OpenTelemetry's standard names.
    ///
    /// <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge where the environment is read"
    )]
    pub(super) fn read_environment(&mut self) {
        let set = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        if let Some(endpoint) = set(ENDPOINT_VARIABLE) {
            self.otlp_endpoint = endpoint.trim_end_matches('/').to_owned();
        }
        if let Some(name) = set(NAME_VARIABLE) {
            self.service_name = name;
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.otlp_endpoint.is_empty() {
            bucket::check_url("telemetry.otlp_endpoint", &self.otlp_endpoint)?;
        }
        if self.service_name.is_empty() {
            let problem = "is empty: set it to what traces should be found under";
            return Err(invalid("telemetry.service_name", problem));
        }
        Ok(())
    }
}
