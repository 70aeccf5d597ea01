//! `valetkey presign`

mod answer;
mod azure;
mod cloudfront;
mod error;
mod filter;
mod gcs;
mod line;
mod one;
mod s3;
mod signers;
mod unique;

use clap::Args;

use crate::error::Error;

pub(crate) use error::PresignError;

/// Sign a request to object storage; nothing is sent.
#[derive(Args)]
pub(crate) struct Presign {
    /// Read requests from stdin, one JSON object a line, and write one answer a line
    #[arg(long, conflicts_with_all = ["key", "one"])]
    jsonl: bool,
    #[command(flatten)]
    one: one::One,
}

impl Presign {
    /// Signs one request, or all that come.
    pub(crate) fn run(self) -> Result<(), Error> {
        if self.jsonl {
            return filter::run(std::io::stdin().lock(), std::io::stdout().lock());
        }
        self.one.run()
    }
}
