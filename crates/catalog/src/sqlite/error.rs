//! What SQLite's errors mean to whoever asked (<https://sqlite.org/rescode.html>).

use rusqlite::{Error, ErrorCode};

use crate::CatalogError;

/// Says what an error of SQLite means.
pub(super) fn from_sqlite(error: Error) -> CatalogError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CatalogError::Full(Box::new(error)),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => CatalogError::Refused {
            what: error.to_string(),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => CatalogError::Corrupt {
            what: error.to_string(),
        },
        _ => CatalogError::Unavailable(Box::new(error)),
    }
}

/// The catalog does not answer, and this is why.
pub(super) fn unavailable(why: &str) -> CatalogError {
    CatalogError::Unavailable(why.into())
}

/// Nothing but what makes room is written.
pub(super) fn no_room() -> CatalogError {
    CatalogError::Full("what is left is kept for what makes room".into())
}

/// The same failure for another who shared the transaction it undid.
pub(super) fn shared(error: &CatalogError) -> CatalogError {
    match error {
        CatalogError::Full(source) => CatalogError::Full(source.to_string().into()),
        CatalogError::Unavailable(source) => CatalogError::Unavailable(source.to_string().into()),
        other => CatalogError::Unavailable(other.to_string().into()),
    }
}
