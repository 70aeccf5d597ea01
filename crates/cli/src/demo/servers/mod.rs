//! The servers that are measured, each a process of its own: this binary again, with a hidden command.

mod receive;
mod relay;
mod serve;
mod stream;

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use valetkey_server::config::{Config, LogFormat};
use valetkey_server::run::Server;
use valetkey_server::store::{self, StoreOptions};

use super::error::DemoError;
use super::link::Link;
use super::storage::{BUCKET, REGION, Where};
use crate::error::Error;
use crate::log::Log;
use crate::signals;
use crate::text::print;

/// Be one of the servers of `valetkey demo`, until standard input ends.
#[derive(Args)]
pub(crate) struct DemoServer {
    #[command(subcommand)]
    role: Role,
    #[command(flatten)]
    log: Log,
}

/// Which one.
#[derive(Subcommand)]
enum Role {
    /// The embedded store
    Store {
        /// Folder of everything it keeps
        #[arg(long)]
        data_dir: PathBuf,
        /// File for its key
        #[arg(long)]
        key_file: PathBuf,
    },
    /// The service
    Api {
        /// Its configuration
        #[arg(long)]
        config: PathBuf,
    },
    /// Receives the whole form, then sends to storage
    Receive(Proxy),
    /// Sends to storage while it receives
    Stream(Proxy),
    /// Passes on what comes to the service, over a thin link
    Relay {
        /// Address of the service
        #[arg(long)]
        to: String,
        /// Bits per second
        #[arg(long)]
        link: u64,
    },
}

/// What a server between clients and the store needs.
#[derive(Args)]
struct Proxy {
    #[command(flatten)]
    place: Where,
    /// Bits per second of its link
    #[arg(long)]
    link: Option<u64>,
}

impl DemoServer {
    /// Prints its address and serves.
    pub(crate) async fn run(self) -> Result<(), Error> {
        self.log.start(LogFormat::Text, None);
        match self.role {
            Role::Store { data_dir, key_file } => run_store(data_dir, key_file).await,
            Role::Api { config } => run_api(config).await,
            Role::Receive(proxy) => {
                let link = proxy.link.map(Link::new);
                let server = receive::Receive::new(&proxy.place, link.clone())?;
                serve::serve(server, link, end()).await
            }
            Role::Stream(proxy) => {
                let link = proxy.link.map(Link::new);
                let server = stream::Stream::new(&proxy.place, link.clone())?;
                serve::serve(server, link, end()).await
            }
            Role::Relay { to, link } => relay::relay(&to, Link::new(link), end()).await,
        }
    }
}

async fn run_store(data_dir: PathBuf, key_file: PathBuf) -> Result<(), Error> {
    let server = store::start(StoreOptions {
        data_dir,
        listen: "127.0.0.1:0".to_owned(),
        access_key_file: key_file,
        buckets: vec![BUCKET.to_owned()],
        region: REGION.to_owned(),
        domain: "localhost".to_owned(),
        cors_origins: Vec::new(),
        faults: None,
    })
    .await?;
    print(&server.url)?;
    server.run(end()).await;
    Ok(())
}

async fn run_api(config: PathBuf) -> Result<(), Error> {
    let config = Config::load(&config, None).map_err(DemoError::from)?;
    let server = Server::start(config).await?;
    print(&server.urls()?.api)?;
    Ok(server.run(end()).await?)
}

/// Waits for a signal, or until whoever started this process is gone: standard input ends then.
async fn end() {
    let (gone, parent) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own, because nothing interrupts it; the process does not wait for it.
    std::thread::spawn(move || {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        drop(gone);
    });
    tokio::select! {
        () = signals::end() => {}
        _ = parent => {}
    }
}
