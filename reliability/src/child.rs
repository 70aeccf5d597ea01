//! The service as a child process: the real server, with traps at its fail points.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use valetkey_server::config::Config;
use valetkey_server::log::QUIET;

use crate::clock;
use crate::error::Outcome;
use crate::machine::{Machine, Opening};
use crate::points::{self, Trap, Traps};

/// Run the service with traps at its fail points.
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration, TOML
    config: PathBuf,
    /// Die at a fail point: store.copy.after=3 is the third time
    #[arg(long)]
    crash_at: Option<Trap>,
    /// Stop (SIGSTOP) at a fail point
    #[arg(long)]
    stop_at: Option<Trap>,
    /// Kill another process at a fail point
    #[arg(long, requires = "fell")]
    fell_at: Option<Trap>,
    /// The file whose first line is its id
    #[arg(long)]
    fell: Option<PathBuf>,
    /// Write every fail point that is reached into a file
    #[arg(long)]
    record: Option<PathBuf>,
}

/// Sweep a folder when everything in it is due
#[derive(Debug, Args)]
pub struct Sweep {
    /// The folder of a service
    folder: PathBuf,
    /// Die at a fail point
    #[arg(long)]
    crash_at: Option<Trap>,
    /// Write every fail point that is reached into a file
    #[arg(long)]
    record: Option<PathBuf>,
}

/// Sweeps to the end.
///
/// # Errors
/// The folder cannot be opened or swept.
pub async fn sweep(options: Sweep) -> Outcome<()> {
    log();
    points::set(&Traps {
        crash: options.crash_at,
        stop: None,
        fell: None,
        record: options.record,
    })?;
    let opening = Opening {
        guarded: true,
        ..Opening::new(&options.folder, clock::now())
    };
    let machine = Machine::open(opening).await?;
    machine.settle().await?;
    machine.close().await;
    Ok(())
}

/// Serves until SIGTERM.
///
/// # Errors
/// The service cannot be started, or ended early.
pub async fn serve(options: Serve) -> Outcome<()> {
    log();
    points::set(&Traps {
        crash: options.crash_at,
        stop: options.stop_at,
        fell: options.fell_at.zip(options.fell),
        record: options.record,
    })?;
    let config = Config::load(&options.config, None)?;
    let mut term = signal(SignalKind::terminate())?;
    let end = async move {
        term.recv().await;
    };
    valetkey_server::run::serve(config, end).await?;
    Ok(())
}

fn log() {
    let quiet = QUIET.iter().filter_map(|directive| directive.parse().ok());
    let filter = quiet.fold(EnvFilter::new("info"), EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
