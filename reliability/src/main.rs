//! `valetkey-reliability`: the service with traps, and every scenario.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use valetkey_reliability::all::{self, All};
use valetkey_reliability::child::{self, Serve, Sweep};

/// Puts the promises of the service to the test.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    All(All),
    Serve(Serve),
    Sweep(Sweep),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::All(all) => all::run(all).await,
        Command::Serve(serve) => child::serve(serve).await,
        Command::Sweep(sweep) => child::sweep(sweep).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
