//! `valetkey serve`

use std::path::PathBuf;

use clap::Args;
use valetkey_server::config::{CatalogConfig, Config};
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
    /// The catalog, instead of `catalog` of the configuration: sqlite:PATH or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "URL", value_parser = CatalogConfig::argument)]
    catalog: Option<CatalogConfig>,
    #[command(flatten)]
    log: Log,
}

impl Serve {
    /// Serves until a signal.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let config = Config::load(&self.config, self.catalog)?;
        let telemetry = Telemetry::start(&config.telemetry)?;
        self.log.start(config.log_format, telemetry.as_ref());
        let served = valetkey_server::run::serve(config, signals::end()).await;
        if let Some(telemetry) = telemetry {
            telemetry.shutdown().await;
        }
        Ok(served?)
    }
}
