//! `valetkey migrate`

use std::path::PathBuf;

use clap::Args;
use valetkey_server::config::{CatalogConfig, Config, LogFormat};

use crate::error::Error;
use crate::log::Log;
use crate::text::print;

/// Bring the tables of a catalog up to date, as every server does when it starts.
#[derive(Args)]
pub(crate) struct Migrate {
    /// The configuration that names the catalog, TOML
    #[arg(long, value_name = "FILE", required_unless_present = "catalog")]
    config: Option<PathBuf>,
    /// The catalog: sqlite:PATH or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "URL", value_parser = CatalogConfig::argument)]
    catalog: Option<CatalogConfig>,
    /// Change nothing: say what is missing, and fail when something is
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    log: Log,
}

impl Migrate {
    /// Does it, or looks what is to be done.
    pub(crate) async fn run(self) -> Result<(), Error> {
        self.log.start(LogFormat::Text, None);
        let catalog = match &self.config {
            Some(path) => Config::load(path, self.catalog)?.catalog,
            None => CatalogConfig::default().from_environment(self.catalog)?,
        };
        let found = match self.check {
            true => valetkey_server::migrations(&catalog).await?,
            false => valetkey_server::migrate(&catalog).await?,
        };
        let count = found.missing.len();
        for name in &found.missing {
            print(&format!("{name}\n"))?;
        }
        match (found.refused, count) {
            (Some(why), _) => Err(Error::Tables(format!("{catalog} cannot be used: {why}"))),
            (None, 0) => print(&format!("{catalog} is up to date\n")),
            (None, _) if self.check => Err(Error::Tables(format!(
                "{catalog} is not up to date: run `valetkey migrate`, or let the next server do it at its start"
            ))),
            (None, _) => print(&format!("{catalog} is up to date now\n")),
        }
    }
}
