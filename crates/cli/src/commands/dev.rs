//! `valetkey dev`

use std::path::PathBuf;

use clap::Args;
use valetkey_server::config::{CatalogConfig, LogFormat};
use valetkey_server::dev::{self, DevOptions};

use crate::banner::banner;
use crate::error::Error;
use crate::log::Log;
use crate::settings::DATA_DIR;
use crate::signals;
use crate::text::print;

/// Run everything on this machine with nothing configured.
#[derive(Args)]
pub(crate) struct Dev {
    /// Folder for files, catalog, secret and dev.json
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
    /// The catalog, instead of a SQLite file in that folder: sqlite:PATH or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "URL", value_parser = CatalogConfig::argument)]
    catalog: Option<CatalogConfig>,
    /// Address of the API
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Address of the embedded store
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    store_listen: String,
    /// Address of the metrics
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    metrics_listen: String,
    /// Let clients of well-known guides to presigned URLs in without a token, and add a public bucket `images`: see
    /// docs/classic.md
    #[arg(long)]
    classic: bool,
    #[command(flatten)]
    log: Log,
}

impl Dev {
    /// Starts, says how to use it, and serves until a signal.
    pub(crate) async fn run(self) -> Result<(), Error> {
        self.log.start(LogFormat::Text, None);
        let server = dev::start(DevOptions {
            data_dir: self.data_dir.clone(),
            catalog: self.catalog,
            listen: self.listen,
            store_listen: self.store_listen,
            metrics_listen: self.metrics_listen,
            classic: self.classic,
        })
        .await?;
        let info = &server.info;
        print(&banner(&info.api, info.token.expose(), &self.data_dir))?;
        Ok(server.run(signals::end()).await?)
    }
}
