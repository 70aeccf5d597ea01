//! One file for each command.

mod demo;
mod dev;
mod drop;
mod events;
mod get;
mod health;
mod key;
mod link;
mod ls;
mod migrate;
mod openapi;
mod policy;
pub(crate) mod presign;
mod put;
mod receipt;
mod rm;
mod serve;
mod store;
mod sweep;
mod token;

use clap::Subcommand;
use valetkey_protocol::FileId;

use crate::error::Error;
use crate::signals;

/// What `valetkey` can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the service with a configuration file
    Serve(serve::Serve),
    /// Run everything on this machine with nothing configured
    Dev(dev::Dev),
    /// Measure direct upload on this machine against servers that bytes pass through
    Demo(demo::Demo),
    /// Be one of the servers of the demonstration
    #[command(hide = true)]
    DemoServer(crate::demo::DemoServer),
    /// Bring the tables of a catalog up to date
    Migrate(migrate::Migrate),
    /// Run the embedded store alone: an S3 on one machine
    Store(store::Store),
    /// Upload files, folders and patterns
    Put(put::Put),
    /// Fetch a file
    Get(get::Get),
    /// List files
    Ls(ls::Ls),
    /// Delete files
    Rm(rm::Rm),
    /// Show what happened, and what happens
    Events(events::Events),
    /// Sign requests to object storage
    Presign(presign::Presign),
    /// Check the proof of a verified file, or make a key to sign with
    Receipt(receipt::Receipt),
    /// Find and repair what is due or does not add up
    Sweep(sweep::Sweep),
    /// Ask whether a service on this machine is well
    Health(health::Health),
    /// Make, list, rotate and revoke API keys
    Key(key::Key),
    /// Check policies, and ask what decides
    Policy(policy::Policy),
    /// Make, list, look at and revoke links to files
    Link(link::Link),
    /// Make, list and revoke links by which anybody sends files into a folder
    Drop(drop::Drop),
    /// Make a token for the development service
    Token(token::Token),
    /// Print the OpenAPI document of the API
    Openapi,
}

impl Command {
    /// Runs it. What serves ends itself on a signal; everything else is dropped then, and cleans up so.
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Dev(dev) => dev.run().await,
            Self::Demo(demo) => until_signal(demo.run()).await,
            Self::DemoServer(server) => server.run().await,
            Self::Migrate(migrate) => until_signal(migrate.run()).await,
            Self::Store(store) => store.run().await,
            Self::Put(put) => until_signal(put.run()).await,
            Self::Get(get) => until_signal(get.run()).await,
            Self::Ls(ls) => until_signal(ls.run()).await,
            Self::Rm(rm) => until_signal(rm.run()).await,
            Self::Events(events) => until_signal(events.run()).await,
            Self::Presign(presign) => presign.run(),
            Self::Receipt(receipt) => until_signal(receipt.run()).await,
            Self::Sweep(sweep) => until_signal(sweep.run()).await,
            Self::Health(health) => until_signal(health.run()).await,
            Self::Key(key) => until_signal(key.run()).await,
            Self::Policy(policy) => until_signal(policy.run()).await,
            Self::Link(link) => until_signal(link.run()).await,
            Self::Drop(drop) => until_signal(drop.run()).await,
            Self::Token(token) => token.run(),
            Self::Openapi => openapi::run(),
        }
    }
}

async fn until_signal(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::select! {
        done = work => done,
        () = signals::end() => Err(Error::Interrupted),
    }
}

/// The id of a file, as an argument.
fn file_id(argument: &str) -> Result<FileId, Error> {
    argument.parse().map_err(|source| Error::Argument {
        what: "file id",
        argument: argument.to_owned(),
        source,
    })
}
