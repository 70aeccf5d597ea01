//! The binary `valetkey`: the server, and a client for people and scripts.

mod banner;
mod commands;
mod demo;
mod error;
mod log;
mod progress;
mod settings;
mod signals;
mod text;
mod walk;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// musl's own allocator is made to be small: with it, lists would cost half as much again or more.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Move files straight between clients and object storage.
#[derive(Parser)]
#[command(name = "valetkey", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(source) => return error::Error::Start(source).report(),
    };
    match runtime.block_on(command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
