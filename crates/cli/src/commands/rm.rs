//! `valetkey rm`

use clap::Args;

use super::file_id;
use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};

/// Delete files.
#[derive(Args)]
pub(crate) struct Rm {
    /// Their ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Rm {
    /// Deletes every one that can be deleted.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let mut failed = 0;
        for id in &self.ids {
            let deleted = match file_id(id) {
                Ok(id) => client.delete_file(id).await.map_err(Error::from),
                Err(error) => Err(error),
            };
            match deleted {
                Ok(()) => print(&format!("deleted {id}"))?,
                Err(error) => {
                    eprintln!("error: {}: {}", plain(id), error.told());
                    failed += 1;
                }
            }
        }
        match failed {
            0 => Ok(()),
            _ => Err(Error::Some {
                failed,
                all: self.ids.len(),
            }),
        }
    }
}
