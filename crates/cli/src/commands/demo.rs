//! `valetkey demo`

use clap::Args;

use crate::demo::{self, Options};
use crate::error::Error;

/// Measure direct upload on this machine against servers that bytes pass through.
#[derive(Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    options: Options,
}

impl Demo {
    /// Starts everything in a temporary folder, measures, tells, and leaves nothing.
    pub(crate) async fn run(self) -> Result<(), Error> {
        demo::run(self.options).await
    }
}
