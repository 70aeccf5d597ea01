//! `valetkey get`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use valetkey_client::Silent;
use valetkey_client::download::{Existing, get_file, write_file};

use super::file_id;
use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};

/// Fetch a file.
#[derive(Args)]
pub(crate) struct Get {
    /// Its id
    id: String,
    /// Where it goes: a file, a folder, or - for the output; this folder when absent
    #[arg(default_value = ".")]
    out: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Get {
    /// Fetches it and prints where it is.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let id = file_id(&self.id)?;
        let client = self.connection.client()?;
        let progress = Arc::new(Silent);
        if self.out == Path::new("-") {
            let output = output().map_err(Error::Output)?;
            write_file(&client, id, output, progress).await?;
            return Ok(());
        }
        let existing = match self.force {
            true => Existing::Replace,
            false => Existing::Keep,
        };
        let saved = get_file(&client, id, &self.out, existing, progress).await?;
        print(&plain(&saved.path.display().to_string()))
    }
}

/// The process's output as a file that can be awaited.
#[cfg(unix)]
fn output() -> std::io::Result<tokio::fs::File> {
    use std::os::fd::AsFd;
    let handle = std::io::stdout().as_fd().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(handle.into()))
}

/// The process's output as a file that can be awaited.
#[cfg(windows)]
fn output() -> std::io::Result<tokio::fs::File> {
    use std::os::windows::io::AsHandle;
    let handle = std::io::stdout().as_handle().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(handle.into()))
}
