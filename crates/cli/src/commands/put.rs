//! `valetkey put`

use std::path::PathBuf;
use std::pin::pin;

use clap::Args;
use futures_util::StreamExt;
use serde_json::{Value, json};
use valetkey_client::Budget;
use valetkey_client::upload::{PutOptions, ToPut, put_files};
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
        let bars = Bars::new(self.json);
        let budget = Budget::new(self.concurrency.into());
        let found = walk::find(&self.files);
        let (all, mut failed) = (found.len(), 0);
        let mut files = Vec::new();
        for found in found {
            let label = match &found {
                Ok(found) => found.file.display().to_string(),
                Err(error) => named(error).unwrap_or_default(),
            };
            match found.and_then(|found| self.prepare(found)) {
                Ok(file) => files.push(file),
                Err(error) => {
                    failed += 1;
                    self.tell(&bars, &label, Err(error))?;
                }
            }
        }
        let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
        let start = |place: usize| {
            let path = &paths[place];
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            bars.start(&path.display().to_string(), bytes)
        };
        let mut done = pin!(put_files(&client, files, &budget, start));
        while let Some((place, outcome)) = done.next().await {
            failed += usize::from(outcome.is_err());
            let label = paths[place].display().to_string();
            self.tell(&bars, &label, outcome.map_err(Error::from))?;
        }
        match failed {
            0 => Ok(()),
            _ => Err(Error::Some { failed, all }),
        }
    }

    fn prepare(&self, found: Found) -> Result<ToPut, Error> {
        let above = self.path.as_ref().map_or("", FolderPath::as_str);
        let folder = walk::join(above, &found.folder);
        let path = FolderPath::parse(&folder).map_err(|source| Error::Argument {
            what: "folder for the service",
            argument: folder,
            source,
        })?;
        Ok(ToPut {
            path: found.file,
            options: PutOptions {
                bucket: self.bucket.clone(),
                path: Some(path),
                content_type: self.content_type.clone(),
                ..PutOptions::default()
            },
        })
    }

    fn tell(&self, bars: &Bars, label: &str, outcome: Result<File, Error>) -> Result<(), Error> {
        match outcome {
            Ok(file) if self.json => bars.print(&json!(file).to_string()),
            Ok(file) => bars.print(&line(&file)),
            Err(error) if self.json => {
                let told = json!({"path": label, "problem": problem(&error)});
                bars.print(&told.to_string())
            }
            Err(error) => {
                bars.complain(&complaint(label, &error));
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
