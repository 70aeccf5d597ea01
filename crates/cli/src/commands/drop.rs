//! `valetkey drop`

use clap::{Args, Subcommand};
use serde_json::json;
use valetkey_protocol::drop_link::{CreateDrop, Drop as View, ListDrops};
use valetkey_protocol::{FileId, FolderPath};

use super::token::seconds;
use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print, size};

/// The most drop links of one page.
const PAGE: u32 = 1000;

/// Make, list and revoke drop links, by which anybody sends files into one folder.
#[derive(Args)]
pub(crate) struct Drop {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a drop link, and print its URL
    Create(Create),
    /// List drop links, the newest first
    List(List),
    /// Let nobody send files by a drop link any more; what was sent stays
    Revoke(Revoke),
}

#[derive(Args)]
struct Create {
    /// Into this folder; the top when absent
    #[arg(default_value = "", hide_default_value = true)]
    path: FolderPath,
    /// Into this bucket; the default one when absent
    #[arg(long)]
    bucket: Option<String>,
    /// What it is for, in words that its page shows
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// How long it lasts: seconds, or a number with s, m, h or d; a week when absent
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u64>,
    /// How many files may be sent; 100 when absent
    #[arg(long, value_name = "N")]
    max_files: Option<u64>,
    /// Of how many bytes each
    #[arg(long, value_name = "BYTES")]
    max_size: Option<u64>,
    /// Of how many bytes all together
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Of which type, such as 'image/*'; may be given more than once
    #[arg(long = "content-type", value_name = "TYPE")]
    content_types: Vec<String>,
    /// Print the whole drop link as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct List {
    /// Print one JSON object for each drop link
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct Revoke {
    /// The id of the drop link
    id: FileId,
    #[command(flatten)]
    connection: Connection,
}

impl Drop {
    /// Does it.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self.what {
            What::Create(create) => create.run().await,
            What::List(list) => list.run().await,
            What::Revoke(revoke) => {
                let client = revoke.connection.client()?;
                Ok(client.revoke_drop(revoke.id).await?)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Error> {
        let create = CreateDrop {
            bucket: self.bucket,
            path: self.path,
            name: self.name,
            expires_in: self.expires_in,
            max_files: self.max_files,
            max_size: self.max_size,
            max_bytes: self.max_bytes,
            content_types: self.content_types,
        };
        let link = self.connection.client()?.create_drop(&create).await?;
        match self.json {
            true => print(&json!(link).to_string()),
            false => print(link.url.expose()),
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let mut list = ListDrops {
            limit: Some(PAGE),
            cursor: None,
        };
        loop {
            let page = client.list_drops(&list).await?;
            for link in &page.drops {
                match self.json {
                    true => print(&json!(link).to_string())?,
                    false => print(&row(link))?,
                }
            }
            list.cursor = page.next_cursor;
            if list.cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// Id, how many of how many files, how many bytes, until when, into which folder, and what for.
fn row(link: &View) -> String {
    let of = link.max_files.map_or("-".to_owned(), |max| max.to_string());
    let ends = match link.revoked_at {
        Some(_) => "revoked".to_owned(),
        None => link.expires_at.strftime("%Y-%m-%d").to_string(),
    };
    let folder = format!("{}/{}", link.bucket, link.path.as_str());
    format!(
        "{}  {:>5}/{:<5}  {:>10}  ends {:<10}  {}  {}",
        link.id,
        link.files,
        of,
        size(link.bytes),
        ends,
        plain(&folder),
        plain(&link.name),
    )
}
