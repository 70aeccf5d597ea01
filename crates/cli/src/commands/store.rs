//! `valetkey store`

use std::path::PathBuf;

use clap::Args;
use valetkey_server::config::LogFormat;
use valetkey_server::store::{self, StoreOptions};

use crate::error::Error;
use crate::log::Log;
use crate::signals;
use crate::text::{plain, print};

/// Run the embedded store alone: an S3 on one machine.
#[derive(Args)]
pub(crate) struct Store {
    /// Folder of everything it keeps
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    listen: String,
    /// Key that may sign, {"access_key": "..", "secret_key": ".."}; made when there is none
    #[arg(long, value_name = "FILE")]
    access_key_file: PathBuf,
    /// A bucket to make when it is missing; may be given more than once
    #[arg(long = "bucket", value_name = "NAME")]
    buckets: Vec<String>,
    /// Region that signatures name
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,
    /// Name below which each bucket has a host of its own
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    domain: String,
    /// Origin of web pages that may use buckets without CORS rules of their own, or *; may be given more than once
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    cors_origins: Vec<String>,
    /// Faults to have on purpose, TOML; for tests, never for files anybody needs
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    #[command(flatten)]
    log: Log,
}

impl Store {
    /// Starts, says where it is, and serves until a signal.
    pub(crate) async fn run(self) -> Result<(), Error> {
        self.log.start(LogFormat::Text, None);
        let key_file = plain(&self.access_key_file.display().to_string()).into_owned();
        let server = store::start(StoreOptions {
            data_dir: self.data_dir,
            listen: self.listen,
            access_key_file: self.access_key_file,
            buckets: self.buckets,
            region: self.region,
            domain: self.domain,
            cors_origins: self.cors_origins,
            faults: self.faults,
        })
        .await?;
        if server.made_key {
            print(&format!(
                "made a key: {} and its secret are in {key_file}",
                server.access_key
            ))?;
        }
        print(&format!("valetkey store serves {}", server.url))?;
        server.run(signals::end()).await;
        Ok(())
    }
}
