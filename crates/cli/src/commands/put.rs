//! `valetkey put`

use std::path::PathBuf;

use clap::Args;
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use valetkey_client::upload::{PutOptions, put_file};
use valetkey_client::{Budget, Client};
use valetkey_protocol::file::File;
use valetkey_protocol::{ContentType, FolderPath};

use crate::error::Error;
use crate::progress::Bars;
use crate::settings::Connection;
use crate::text::{plain, size};
use crate::walk::{self, Found};

/// Upload files, folders and patterns.
#[derive(Args)]
pub(crate) struct Put {
    /// Files, folders (with all that is in them) and patterns such as 'photos/**/*.jpg'
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Bucket they go to; the service's default when absent
    #[arg(long)]
    bucket: Option<String>,
    /// Logical folder they go to; the folders of a folder are kept below it
    #[arg(long)]
    path: Option<FolderPath>,
    /// Media type of all of them; guessed from each name when absent
    #[arg(long, value_name = "TYPE")]
    content_type: Option<ContentType>,
    /// Print one JSON object for each file: the file, or {"path", "problem"}
    #[arg(long)]
    json: bool,
    /// How many transfers run at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    #[command(flatten)]
    connection: Connection,
}

impl Put {
    /// Uploads everything that can be uploaded.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let found = walk::find(&self.files);
        let (all, mut failed) = (found.len(), 0);
        let work = Work {
            budget: Budget::new(self.concurrency.into()),
            bars: Bars::new(self.json),
            client,
            put: &self,
        };
        let mut done = stream::iter(found)
            .map(|found| work.one(found))
            .buffer_unordered(self.concurrency.into());
        while let Some((label, outcome)) = done.next().await {
            failed += usize::from(outcome.is_err());
            work.tell(&label, outcome)?;
        }
        match failed {
            0 => Ok(()),
            _ => Err(Error::Some { failed, all }),
        }
    }
}

struct Work<'a> {
    client: Client,
    budget: Budget,
    bars: Bars,
    put: &'a Put,
}

impl Work<'_> {
    async fn one(&self, found: Result<Found, Error>) -> (String, Result<File, Error>) {
        match found {
            Ok(found) => {
                let label = found.file.display().to_string();
                let outcome = self.upload(found, &label).await;
                (label, outcome)
            }
            Err(error) => (named(&error).unwrap_or_default(), Err(error)),
        }
    }

    async fn upload(&self, found: Found, label: &str) -> Result<File, Error> {
        let above = self.put.path.as_ref().map_or("", FolderPath::as_str);
        let folder = walk::join(above, &found.folder);
        let path = FolderPath::parse(&folder).map_err(|source| Error::Argument {
            what: "folder for the service",
            argument: folder,
            source,
        })?;
        let options = PutOptions {
            bucket: self.put.bucket.clone(),
            path: Some(path),
            content_type: self.put.content_type.clone(),
            ..PutOptions::default()
        };
        let bytes = found.file.metadata().map_or(0, |metadata| metadata.len());
        let bar = self.bars.start(label, bytes);
        let file = put_file(&self.client, &found.file, options, &self.budget, bar);
        Ok(file.await?)
    }

    fn tell(&self, label: &str, outcome: Result<File, Error>) -> Result<(), Error> {
        match outcome {
            Ok(file) if self.put.json => self.bars.print(&json!(file).to_string()),
            Ok(file) => self.bars.print(&line(&file)),
            Err(error) if self.put.json => {
                let told = json!({"path": label, "problem": problem(&error)});
                self.bars.print(&told.to_string())
            }
            Err(error) => {
                self.bars.complain(&complaint(label, &error));
                Ok(())
            }
        }
    }
}

fn line(file: &File) -> String {
    let name = walk::join(file.path.as_str(), file.filename.as_str());
    format!("{}  {:>10}  {}", file.id, size(file.size), plain(&name))
}

/// The service's own problem document, or one of the kind that has no code (RFC 9457 §4.2.1).
fn problem(error: &Error) -> Value {
    match error {
        Error::Client(valetkey_client::Error::Problem(problem)) => json!(problem),
        _ => {
            json!({"type": "about:blank", "title": "The file was not uploaded", "detail": error.told()})
        }
    }
}

fn complaint(label: &str, error: &Error) -> String {
    let (label, told) = (plain(label), error.told());
    let line = match told.contains(label.as_ref()) {
        true => format!("error: {told}"),
        false => format!("error: {label}: {told}"),
    };
    match error.remedy() {
        Some(remedy) => format!("{line}\n  {remedy}"),
        None => line,
    }
}

fn named(error: &Error) -> Option<String> {
    match error {
        Error::Local { path, .. } | Error::NothingThere { path } => {
            Some(path.display().to_string())
        }
        _ => None,
    }
}
