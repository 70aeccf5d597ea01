//! `valetkey health`

use clap::Args;

use crate::error::Error;

/// Ask whether a service on this machine is well: ends with 0 or 1 and needs no token.
#[derive(Args)]
pub(crate) struct Health {
    /// What to ask: /healthz (is it alive?), /readyz (do its catalog and buckets answer?), or the address of a store
    #[arg(default_value = "http://127.0.0.1:8080/healthz", value_name = "URL")]
    url: String,
}

impl Health {
    /// Asks once. Silence is good news.
    pub(crate) async fn run(self) -> Result<(), Error> {
        Ok(valetkey_client::health::check(&self.url).await?)
    }
}
