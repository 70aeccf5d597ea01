//! What a command says when it fails: what happened, and what to do.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use valetkey_client::error::Peer;
use valetkey_protocol::{Code, InvalidValue};

use crate::settings::SettingsError;
use crate::text::plain;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A transfer or a call failed.
    #[error(transparent)]
    Client(#[from] valetkey_client::Error),
    /// It is not known which service to talk to.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server could not start or stopped.
    #[error(transparent)]
    Serve(#[from] valetkey_server::ServeError),
    /// The configuration file is not right.
    #[error(transparent)]
    Config(#[from] valetkey_server::config::ConfigError),
    /// An argument is not what it should be.
    #[error("'{argument}' is no {what}")]
    Argument {
        /// What it should be.
        what: &'static str,
        /// What was given.
        argument: String,
        /// What is allowed.
        #[source]
        source: InvalidValue,
    },
    /// A file or folder on this machine cannot be read.
    #[error("{}", path.display())]
    Local {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A pattern or path with nothing behind it.
    #[error("{}: no such file, and no file matches it as a pattern", path.display())]
    NothingThere {
        /// What was given.
        path: PathBuf,
    },
    /// The demonstration could not go on.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// A request was not signed.
    #[error(transparent)]
    Presign(#[from] crate::commands::presign::PresignError),
    /// What is to be signed cannot be read.
    #[error("cannot read the input")]
    Input(#[source] io::Error),
    /// Nobody can read what is printed.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The machine gives no threads.
    #[error("cannot start")]
    Start(#[source] io::Error),
    /// Files without the bytes that were verified.
    #[error(
        "{0} files are not as they were verified; restore their objects from a backup, or delete them"
    )]
    Lost(usize),
    /// A sweep could not look at everything.
    #[error(
        "{0} things could not be looked at because storage refuses or does not answer; the log of the service says why"
    )]
    NotSurveyed(usize),
    /// The tables of a catalog are not as this program needs them.
    #[error("{0}")]
    Tables(String),
    /// Some of several things failed, and each was reported.
    #[error("{failed} of {all} failed")]
    Some {
        /// How many.
        failed: usize,
        /// Out of how many.
        all: usize,
    },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Says it on stderr, and gives the status to end with.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            // Whoever read the output has read enough.
            Self::Output(source) if source.kind() == io::ErrorKind::BrokenPipe => {}
            Self::Interrupted => return ExitCode::from(130),
            _ => {
                eprintln!("error: {}", self.told());
                if let Some(remedy) = self.remedy() {
                    eprintln!("  {remedy}");
                }
            }
        }
        ExitCode::FAILURE
    }

    /// The message and its causes in one line that is safe to print.
    pub(crate) fn told(&self) -> String {
        let mut line = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !line.ends_with(&text) {
                line = format!("{line}: {text}");
            }
            next = cause.source();
        }
        plain(&line).into_owned()
    }

    /// What to do, where the message does not say it.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        use valetkey_client::Error as Client;
        let Self::Client(error) = self else {
            return None;
        };
        match error {
            Client::Network {
                peer: Peer::Service,
                ..
            } => Some("is it running, and is the address right? `valetkey dev` starts one here"),
            Client::Network { .. } => {
                Some("the address is in the service's configuration, as `public_endpoint`")
            }
            Client::Exists { .. } => Some("name another one, or replace it with --force"),
            Client::Problem(problem) => match problem.code {
                Code::Unauthenticated | Code::TokenExpired => Some(
                    "give a valid one with --token or VALETKEY_TOKEN; `valetkey token` makes one for a development service",
                ),
                _ => None,
            },
            _ => None,
        }
    }
}
