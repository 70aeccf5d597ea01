//! What is due: one look into one small index for each kind of work.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::error::from_sqlite;
use super::row::{all, columns};
use crate::{CatalogError, Due, QUARANTINE_GRACE_SECONDS, Record};

/// Finds what is due at `now`, the longest due first.
pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(Due, Record)>, CatalogError> {
    // One transaction, so that a record that moves on meanwhile is not found under two kinds.
    let snapshot = connection.unchecked_transaction().map_err(from_sqlite)?;
    let mut found = Vec::new();
    for kind in KINDS {
        let until = now.as_millisecond().saturating_sub(grace(kind));
        for record in all(&snapshot, sql(kind), (until, limit))? {
            found.push((kind, record));
        }
    }
    found.sort_by_key(|(kind, record)| since(*kind, record));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

pub(super) const KINDS: [Due; 5] = [
    Due::SessionEnded,
    Due::VerifyLost,
    Due::RetentionEnded,
    Due::DeleteLost,
    Due::QuarantineOver,
];

/// Each repeats the condition of its partial index word for word, or SQLite would not use it
/// (<https://sqlite.org/partialindex.html#queries_using_partial_indexes>).
pub(super) fn sql(kind: Due) -> &'static str {
    macro_rules! due {
        ($instant:literal, $condition:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM upload WHERE ",
                $condition,
                " AND ",
                $instant,
                " <= ?1 ORDER BY ",
                $instant,
                " LIMIT ?2"
            )
        };
    }
    match kind {
        Due::SessionEnded => due!("session_ends_at", "state = 'pending'"),
        Due::VerifyLost => due!("lease_until", "state = 'verifying'"),
        Due::RetentionEnded => due!(
            "expires_at",
            "state = 'available' AND expires_at IS NOT NULL"
        ),
        Due::DeleteLost => due!("lease_until", "state = 'deleting'"),
        Due::QuarantineOver => due!(
            "urls_end_at",
            "quarantined = 1 AND state IN ('available', 'failed', 'expired', 'aborted', 'deleted')"
        ),
    }
}

/// How long after its instant a kind is due, in milliseconds.
fn grace(kind: Due) -> i64 {
    match kind {
        Due::QuarantineOver => QUARANTINE_GRACE_SECONDS * 1000,
        Due::SessionEnded | Due::VerifyLost | Due::RetentionEnded | Due::DeleteLost => 0,
    }
}

/// Since when it is due.
fn since(kind: Due, record: &Record) -> Option<Timestamp> {
    match kind {
        Due::SessionEnded => Some(record.upload.session_ends_at),
        Due::VerifyLost | Due::DeleteLost => record.lease_until,
        Due::RetentionEnded => record.file.as_ref()?.expires_at,
        Due::QuarantineOver => {
            let grace = SignedDuration::from_secs(QUARANTINE_GRACE_SECONDS);
            record.upload.urls_end_at.checked_add(grace).ok()
        }
    }
}
