//! The log of what serves: stderr, for people or as JSON lines. Traces go along with it.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};
use valetkey_server::config::LogFormat;
use valetkey_server::log::QUIET;
use valetkey_server::telemetry::Telemetry;

/// What is logged unless RUST_LOG says otherwise: what happens here, and of the migrations only trouble.
const DEFAULT: &str = "info,refinery_core=warn";

/// How to log.
#[derive(Args)]
pub(crate) struct Log {
    /// How log lines look, instead of `log_format` of the configuration; RUST_LOG chooses which there are
    /// (`info` by default)
    #[arg(long = "log", env = "VALETKEY_LOG", value_name = "FORMAT")]
    format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Log {
    /// Starts to log, as configured unless the command line says otherwise. What logs already goes on.
    pub(crate) fn start(&self, configured: LogFormat, telemetry: Option<&Telemetry>) {
        let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
        let quiet = QUIET.iter().filter_map(|directive| directive.parse().ok());
        let filter = quiet.fold(chosen, EnvFilter::add_directive);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let format = match self.format {
            Some(Format::Text) => LogFormat::Text,
            Some(Format::Json) => LogFormat::Json,
            None => configured,
        };
        let lines = match format {
            LogFormat::Text => lines.with_filter(filter).boxed(),
            // The list of spans has the request, whatever happens inside of it.
            LogFormat::Json => lines
                .json()
                .with_current_span(false)
                .with_filter(filter)
                .boxed(),
        };
        let traces = telemetry.map(Telemetry::layer);
        registry().with(lines).with(traces).try_init().ok();
    }
}
