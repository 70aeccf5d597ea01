//! What PostgreSQL's errors mean to whoever asked (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::CatalogError;

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Others were in the way: the same may work the next time.
    Busy,
    /// The connection is good for nothing any more, or the server takes no writes.
    Gone,
    /// What was to be written cannot be.
    Refused,
    /// The disk is full.
    Full,
    /// What is stored cannot be read.
    Corrupt,
    /// Anything else.
    Other,
}

/// Says what is to be done about an error.
pub(super) fn class(error: &Error) -> Class {
    match error.as_db_error() {
        Some(error) => class_of(error),
        // Values that cannot be sent or read are no error of the connection.
        None if error.is_closed() || is_io(error) => Class::Gone,
        None => Class::Other,
    }
}

fn class_of(error: &DbError) -> Class {
    let code = error.code();
    if [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ]
    .contains(code)
    {
        return Class::Busy;
    }
    match (code.code(), &code.code()[..2]) {
        ("53100", _) => Class::Full,
        // Read-only: a standby, or a primary that no longer is one. 25P03: idle in a transaction for too long.
        ("25006" | "25P03" | "53300", _) | (_, "08" | "28" | "3D") => Class::Gone,
        // The server, or an operator, ends sessions; a cancelled statement alone does not.
        ("57014", _) => Class::Busy,
        (_, "57") => Class::Gone,
        (_, "22" | "23" | "54") => Class::Refused,
        ("XX001" | "XX002", _) => Class::Corrupt,
        _ => Class::Other,
    }
}

fn is_io(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<std::io::Error>())
}

/// Whether asking again later would not help: a wrong password, a database that does not exist.
pub(super) fn is_hopeless(error: &Error) -> bool {
    let code = error.code().map(SqlState::code);
    code.is_some_and(|code| code.starts_with("28") || code.starts_with("3D"))
}

/// Whether the violated constraint is this one.
pub(super) fn violates(error: &Error, constraint: &str) -> bool {
    let error = error.as_db_error();
    error.is_some_and(|error| error.constraint() == Some(constraint))
}

/// Whether there is no partition for a row.
pub(super) fn is_unpartitioned(error: &Error) -> bool {
    let error = error.as_db_error();
    error.is_some_and(|error| {
        *error.code() == SqlState::CHECK_VIOLATION && error.constraint().is_none()
    })
}

/// Whether a guarded statement did not find the rows it was to find; see [`super::row::guarded`].
pub(super) fn is_unguarded(error: &Error) -> bool {
    error.code() == Some(&SqlState::DIVISION_BY_ZERO)
}

/// Says what an error of PostgreSQL means.
pub(super) fn from_postgres(error: Error) -> CatalogError {
    match class(&error) {
        _ if is_unguarded(&error) => CatalogError::Corrupt {
            what: "an upload or an account is not where it was".to_owned(),
        },
        Class::Full => CatalogError::Full(Box::new(error)),
        Class::Refused => CatalogError::Refused { what: told(&error) },
        Class::Corrupt => CatalogError::Corrupt { what: told(&error) },
        Class::Busy | Class::Gone | Class::Other => CatalogError::Unavailable(Box::new(error)),
    }
}

/// The server's own words, in one line.
fn told(error: &Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}

/// The catalog does not answer, and this is why.
pub(super) fn unavailable(why: &str) -> CatalogError {
    CatalogError::Unavailable(why.into())
}

/// The same failure for another who shared the transaction.
pub(super) fn shared(error: &CatalogError) -> CatalogError {
    match error {
        CatalogError::Full(source) => CatalogError::Full(source.to_string().into()),
        CatalogError::Refused { what } => CatalogError::Refused { what: what.clone() },
        CatalogError::Corrupt { what } => CatalogError::Corrupt { what: what.clone() },
        CatalogError::Unavailable(source) => CatalogError::Unavailable(source.to_string().into()),
        other @ CatalogError::Open { .. } => unavailable(&other.to_string()),
    }
}
