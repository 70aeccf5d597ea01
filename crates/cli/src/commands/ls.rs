//! `valetkey ls`

use clap::Args;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::json;
use valetkey_protocol::FolderPath;
use valetkey_protocol::file::{File, ListFiles};

use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print, size};
use crate::walk::join;

/// The most files of one page.
const PAGE: u64 = 1000;

/// List files, the newest first.
#[derive(Args)]
pub(crate) struct Ls {
    /// Only this folder
    #[arg(long)]
    path: Option<FolderPath>,
    /// Only this bucket
    #[arg(long)]
    bucket: Option<String>,
    /// Only this type, such as image/png or 'image/*'
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Print one JSON object for each file
    #[arg(long)]
    json: bool,
    /// At most so many; all when absent
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

impl Ls {
    /// Prints the files as their pages come.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let limit = self.limit.unwrap_or(u64::MAX);
        if limit == 0 {
            return Ok(());
        }
        let query = ListFiles {
            bucket: self.bucket,
            path: self.path,
            content_type: self.content_type,
            limit: u32::try_from(limit.min(PAGE)).ok(),
            ..ListFiles::default()
        };
        let files = client.all_files(query);
        let mut files = std::pin::pin!(files.take(usize::try_from(limit).unwrap_or(usize::MAX)));
        while let Some(file) = files.try_next().await? {
            match self.json {
                true => print(&json!(file).to_string())?,
                false => print(&row(&file))?,
            }
        }
        Ok(())
    }
}

/// Id, size, creation and name. All but the name have one width, so that pages align without being held.
fn row(file: &File) -> String {
    let name = join(file.path.as_str(), file.filename.as_str());
    format!(
        "{}  {:>10}  {}  {}",
        file.id,
        size(file.size),
        file.created_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        plain(&name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, path: &str, size: u64) -> File {
        let value = json!({"id": "01936f3e-8b7a-7c3d-9e4f-0123456789ab", "bucket": "main", "key": "k/a",
            "filename": name, "path": path, "content_type": "text/plain", "size": size,
            "integrity": "size", "etag": "e", "metadata": {}, "owner": "alice",
            "created_at": "2026-05-01T08:09:10.123Z", "download_count": 0});
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn rows_align_and_name_the_folder() {
        assert_eq!(
            row(&file("a 😀.txt", "", 5)),
            "01936f3e-8b7a-7c3d-9e4f-0123456789ab         5 B  2026-05-01 08:09:10Z  a 😀.txt"
        );
        assert_eq!(
            row(&file("b.txt", "photos/2026", (1 << 30) - 1)),
            "01936f3e-8b7a-7c3d-9e4f-0123456789ab  1023.9 MiB  2026-05-01 08:09:10Z  photos/2026/b.txt"
        );
    }
}
