//! `valetkey link`

use clap::{Args, Subcommand};
use serde_json::json;
use valetkey_protocol::FileId;
use valetkey_protocol::Secret;
use valetkey_protocol::link::{CreateLink, Link as View, ListLinks};

use super::token::seconds;
use crate::error::Error;
use crate::settings::Connection;
use crate::text::{plain, print};

/// The environment variable that takes the place of a password on the command line, where others may see it.
const PASSWORD: &str = "VALETKEY_LINK_PASSWORD";

/// The most links of one page.
const PAGE: u32 = 1000;

/// Make, list, look at and revoke links to files.
#[derive(Args)]
pub(crate) struct Link {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a link to a file, and print its URL, which is shown only now
    Create(Create),
    /// List links, the newest first
    List(List),
    /// Show a link, and how often it was used on which day
    Show(Show),
    /// Let nobody use a link any more
    Revoke(Revoke),
}

#[derive(Args)]
struct Create {
    /// The id of the file
    file: FileId,
    /// What it is for, in words that nobody but you sees
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// How long it lasts: seconds, or a number with s, m, h or d; a week when absent
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    expires_in: Option<u64>,
    /// How many times it may be used; any number when absent
    #[arg(long, value_name = "N")]
    max_downloads: Option<u64>,
    /// From which network it may be used, such as 192.0.2.0/24; may be given more than once
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// What whoever uses it has to know
    #[arg(long, env = PASSWORD, hide_env_values = true)]
    password: Option<String>,
    /// Show a page with a button first, so that previews of the link do not count
    #[arg(long)]
    landing: bool,
    /// Print the whole link as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct List {
    /// Only links to this file
    #[arg(long, value_name = "ID")]
    file: Option<FileId>,
    /// Print one JSON object for each link
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct Show {
    /// The id of the link
    id: FileId,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
struct Revoke {
    /// The id of the link
    id: FileId,
    #[command(flatten)]
    connection: Connection,
}

impl Link {
    /// Does it.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self.what {
            What::Create(create) => create.run().await,
            What::List(list) => list.run().await,
            What::Show(show) => show.run().await,
            What::Revoke(revoke) => {
                let client = revoke.connection.client()?;
                Ok(client.revoke_link(revoke.id).await?)
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Error> {
        let create = CreateLink {
            file: self.file.to_string(),
            name: self.name,
            expires_in: self.expires_in,
            max_downloads: self.max_downloads,
            networks: self.networks,
            password: self.password.map(Secret::new),
            landing: self.landing,
        };
        let link = self.connection.client()?.create_link(&create).await?;
        match &link.url {
            Some(url) if !self.json => print(url.expose()),
            _ => print(&json!(link).to_string()),
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Error> {
        let client = self.connection.client()?;
        let mut list = ListLinks {
            file: self.file,
            limit: Some(PAGE),
            cursor: None,
        };
        loop {
            let page = client.list_links(&list).await?;
            for link in &page.links {
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

impl Show {
    async fn run(self) -> Result<(), Error> {
        let link = self.connection.client()?.get_link(self.id).await?;
        if self.json {
            return print(&json!(link).to_string());
        }
        print(&row(&link))?;
        for day in &link.days {
            print(&format!("{}  {:>8}", day.day, day.downloads))?;
        }
        Ok(())
    }
}

/// Id, file, how often of how many times, until when, what stands before the bytes, and what for.
fn row(link: &View) -> String {
    let of = link
        .max_downloads
        .map_or("-".to_owned(), |max| max.to_string());
    let ends = match link.revoked_at {
        Some(_) => "revoked".to_owned(),
        None => link.expires_at.strftime("%Y-%m-%d").to_string(),
    };
    let marks = [
        (link.password, "password"),
        (link.landing, "page"),
        (!link.networks.is_empty(), "networks"),
    ];
    let marks = marks.into_iter().filter(|(there, _)| *there);
    let marks: Vec<_> = marks.map(|(_, mark)| mark).collect();
    format!(
        "{}  {}  {:>6}/{:<6}  ends {:<10}  {:<14}  {}",
        link.id,
        link.file,
        link.downloads,
        of,
        ends,
        marks.join(","),
        plain(&link.name),
    )
}
