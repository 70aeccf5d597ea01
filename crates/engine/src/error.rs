//! The one error of this crate, and the problem each becomes.

use valetkey_catalog::CatalogError;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Code, InvalidValue, Problem};
use valetkey_store::StoreError;

/// How long a client waits before it tries an outage again, in seconds.
const RETRY_AFTER: u64 = 2;

/// How long it waits when clocks have to be set right, in seconds.
const CLOCK_RETRY_AFTER: u64 = 30;

/// Why a use case came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Absent, or not yours to see.
    #[error("there is nothing with this id")]
    NotFound,
    /// A rule says no, and the problem says what to do.
    #[error("{0}")]
    Refused(Problem),
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    /// Storage failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
    /// Something that cannot be happened.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// The problem a client gets. What happened inside stays inside.
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::new(
                Code::NotFound,
                "nothing with this id exists, or it is not yours; list your files to see what does",
            ),
            Self::Refused(problem) => problem.clone(),
            Self::Catalog(error) => catalog_problem(error),
            Self::Store(error) => store_problem(error),
            Self::Internal(_) => internal(),
        }
    }

    /// A field's value is wrong.
    pub(crate) fn invalid(field: &str, detail: impl std::fmt::Display) -> Self {
        let problem = Problem::new(Code::InvalidRequest, format!("{field}: {detail}"));
        Self::Refused(problem.with("field", field))
    }

    /// The state does not allow what was asked.
    pub(crate) fn conflict(state: State, detail: impl Into<String>) -> Self {
        Self::Refused(Problem::new(Code::Conflict, detail).with("state", state.as_str()))
    }

    /// Another code.
    pub(crate) fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused(Problem::new(code, detail))
    }
}

impl From<(&str, InvalidValue)> for Error {
    fn from((field, error): (&str, InvalidValue)) -> Self {
        Self::invalid(field, error)
    }
}

fn catalog_problem(error: &CatalogError) -> Problem {
    match error {
        CatalogError::Full(_) => full(),
        CatalogError::Unavailable(_) => Problem::new(
            Code::CatalogUnavailable,
            "the catalog does not answer at the moment; try again",
        )
        .with("retry_after", RETRY_AFTER),
        CatalogError::Corrupt { .. } | CatalogError::Refused { .. } | CatalogError::Open { .. } => {
            internal()
        }
    }
}

fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::Full => full(),
        StoreError::Unavailable { .. }
        | StoreError::Refused { .. }
        | StoreError::Settings { .. } => Problem::new(
            Code::StorageUnavailable,
            "storage does not answer as it should at the moment; nothing is lost, try again",
        )
        .with("retry_after", RETRY_AFTER),
        StoreError::ClockSkew { seconds } => skewed(*seconds),
        StoreError::NotFound | StoreError::PreconditionFailed | StoreError::Unsignable { .. } => {
            internal()
        }
    }
}

fn skewed(seconds: i64) -> Problem {
    let side = if seconds < 0 { "behind" } else { "ahead of" };
    let detail = format!(
        "storage's clock is {} s {side} this service's, so nothing signed now would hold; the operator has to set \
         the clocks right, and then it works again by itself",
        seconds.unsigned_abs()
    );
    Problem::new(Code::ClockSkew, detail)
        .with("clock_offset", seconds)
        .with("retry_after", CLOCK_RETRY_AFTER)
}

fn full() -> Problem {
    Problem::new(
        Code::StorageFull,
        "no room is left; the operator has to make some",
    )
}

fn internal() -> Problem {
    Problem::new(
        Code::Internal,
        "the fault is on this side; the operator finds it in the log under the request id",
    )
}

/// The problem of one item of a batch. A fault is logged here, because the answer as a whole is good.
pub(crate) fn logged(error: &Error) -> Problem {
    let problem = error.problem();
    if problem.code.status() >= 500 {
        tracing::error!(%error, cause = ?std::error::Error::source(error), "an item of a batch failed");
    }
    problem
}
