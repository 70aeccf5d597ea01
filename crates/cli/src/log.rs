//! The log of what serves: stderr, for people or as JSON lines.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use valetkey_server::log::QUIET;

/// What is logged unless RUST_LOG says otherwise: what happens here, and of the migrations only trouble.
const DEFAULT: &str = "info,refinery_core=warn";

/// How to log.
#[derive(Args)]
pub(crate) struct Log {
    /// How log lines look; RUST_LOG chooses which there are (`info` by default)
    #[arg(
        long = "log",
        env = "VALETKEY_LOG",
        value_name = "FORMAT",
        default_value = "text"
    )]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Log {
    /// Starts to log. What logs already goes on.
    pub(crate) fn start(&self) {
        let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
        let quiet = QUIET.iter().filter_map(|directive| directive.parse().ok());
        let filter = quiet.fold(chosen, EnvFilter::add_directive);
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let started = match self.format {
            Format::Text => lines.try_init(),
            Format::Json => lines.json().try_init(),
        };
        started.ok();
    }
}
