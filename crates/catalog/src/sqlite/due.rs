//! What is due: one look into one small index for each kind of work.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, ToSql};

use super::error::from_sqlite;
use super::row::{all, columns};
use crate::{Backlog, CatalogError, Due, QUARANTINE_GRACE_SECONDS, Record};

/// Finds what is due at `now`, the longest due first.
pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(Due, Record)>, CatalogError> {
    // One transaction, so that a record that moves on meanwhile is not found under two kinds.
    let snapshot = connection.unchecked_transaction().map_err(from_sqlite)?;
    let mut found = Vec::new();
    for kind in Due::ALL {
        let until = now.as_millisecond().saturating_sub(grace(kind));
        for record in all(&snapshot, &sql(kind), (until, limit))? {
            found.push((kind, record));
        }
    }
    found.sort_by_key(|(kind, record)| since(*kind, record));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Counts what is due, what is under way and what is to be told.
pub(super) fn backlog(
    connection: &Connection,
    now: Timestamp,
    waiting: u64,
) -> Result<Backlog, CatalogError> {
    let snapshot = connection.unchecked_transaction().map_err(from_sqlite)?;
    let count = |sql: &str, params: &[&dyn ToSql]| {
        let mut statement = snapshot.prepare_cached(sql).map_err(from_sqlite)?;
        let count = statement.query_row(params, |row| row.get::<_, u32>(0));
        count.map(u64::from).map_err(from_sqlite)
    };
    let due = Due::ALL.map(|kind| {
        let until = now.as_millisecond().saturating_sub(grace(kind));
        let condition = condition(kind);
        let sql = format!(
            "SELECT count(*) FROM upload WHERE {condition} AND {} <= ?1",
            instant(kind)
        );
        Ok((kind, count(&sql, &[&until])?))
    });
    Ok(Backlog {
        waiting,
        due: due.into_iter().collect::<Result<_, CatalogError>>()?,
        verifying: count("SELECT count(*) FROM upload WHERE state = 'verifying'", &[])?,
        deleting: count("SELECT count(*) FROM upload WHERE state = 'deleting'", &[])?,
        // Positions have hardly any holes, and counting the rows would read them all.
        outbox: count(
            "SELECT coalesce((SELECT max(position) FROM outbox) - (SELECT min(position) FROM outbox) + 1, 0)",
            &[],
        )?,
    })
}

/// How the records of one kind are found. The condition is that of its partial index, word for word, or SQLite
/// would not use it (<https://sqlite.org/partialindex.html#queries_using_partial_indexes>).
pub(super) fn sql(kind: Due) -> String {
    let (condition, instant) = (condition(kind), instant(kind));
    format!(
        "SELECT {} FROM upload WHERE {condition} AND {instant} <= ?1 ORDER BY {instant} LIMIT ?2",
        columns!()
    )
}

fn condition(kind: Due) -> &'static str {
    match kind {
        Due::SessionEnded => "state = 'pending'",
        Due::VerifyLost => "state = 'verifying'",
        Due::RetentionEnded => "state = 'available' AND expires_at IS NOT NULL",
        Due::DeleteLost => "state = 'deleting'",
        Due::LeftoversOver => {
            "leftovers = 1 AND state IN ('available', 'failed', 'expired', 'aborted', 'deleted')"
        }
    }
}

/// The column that says since when.
fn instant(kind: Due) -> &'static str {
    match kind {
        Due::SessionEnded => "session_ends_at",
        Due::VerifyLost | Due::DeleteLost => "lease_until",
        Due::RetentionEnded => "expires_at",
        Due::LeftoversOver => "urls_end_at",
    }
}

/// How long after its instant a kind is due, in milliseconds.
fn grace(kind: Due) -> i64 {
    match kind {
        Due::LeftoversOver => QUARANTINE_GRACE_SECONDS * 1000,
        Due::SessionEnded | Due::VerifyLost | Due::RetentionEnded | Due::DeleteLost => 0,
    }
}

/// Since when it is due.
fn since(kind: Due, record: &Record) -> Option<Timestamp> {
    match kind {
        Due::SessionEnded => Some(record.upload.session_ends_at),
        Due::VerifyLost | Due::DeleteLost => record.lease_until,
        Due::RetentionEnded => record.file.as_ref()?.expires_at,
        Due::LeftoversOver => {
            let grace = SignedDuration::from_secs(QUARANTINE_GRACE_SECONDS);
            record.upload.urls_end_at.checked_add(grace).ok()
        }
    }
}
