//! `valetkey serve`

use std::path::PathBuf;

use clap::Args;
use valetkey_server::config::Config;
use valetkey_server::telemetry::Telemetry;

use crate::error::Error;
use crate::log::Log;
use crate::signals;

/// Run the service with a configuration file.
#[derive(Args)]
pub(crate) struct Serve {
    /// The configuration, TOML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    log: Log,
}

impl Serve {
    /// Serves until a signal.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let config = Config::load(&self.config)?;
        let telemetry = Telemetry::start(&config.telemetry)?;
        self.log.start(config.log_format, telemetry.as_ref());
        let served = valetkey_server::run::serve(config, signals::end()).await;
        if let Some(telemetry) = telemetry {
            telemetry.shutdown().await;
        }
        Ok(served?)
    }
}
