//! What is due: one look into one small index for each kind of work, and the claims on it.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, ToSql, params};

use super::change::{atomically, changes};
use super::error::from_sqlite;
use super::row::{all, collect, columns, first, integer};
use crate::{
    Backlog, CatalogError, Claim, Due, DueList, Postponement, QUARANTINE_GRACE_SECONDS, Record,
    Task,
};

/// Takes up what is due, the longest due first. A record that is due for two reasons is taken up for the one it has
/// been due for longer.
pub(super) fn claim(
    connection: &Connection,
    claim: &Claim,
) -> Result<Vec<(Due, Record)>, CatalogError> {
    const TAKE: &str = concat!(
        "UPDATE upload SET attempts = attempts + 1, postponed_until = ?2 WHERE id = ?1 RETURNING ",
        columns!()
    );
    let mut found = Vec::new();
    for reason in Due::ALL {
        let list = DueList {
            bucket: claim.bucket.clone(),
            reason,
            now: claim.now,
            after: None,
            limit: claim.limit,
        };
        let records = self::list(connection, &list)?.into_iter();
        found.extend(records.map(|record| (reason.since(&record), record.upload.id, reason)));
    }
    found.sort_by_key(|(since, id, _)| (*since, *id));
    let mut seen = HashSet::new();
    found.retain(|(_, id, _)| seen.insert(*id));
    found.truncate(usize::try_from(claim.limit).unwrap_or(usize::MAX));
    let until = claim.until.as_millisecond();
    atomically(connection, || {
        let mut taken = Vec::with_capacity(found.len());
        for (_, id, reason) in found {
            let record = first(connection, TAKE, params![id.as_bytes(), until])?;
            taken.extend(record.map(|record| (reason, record)));
        }
        Ok(taken)
    })
}

/// Leaves records alone until then.
pub(super) fn postpone(
    connection: &Connection,
    postponements: &[Postponement],
) -> Result<(), CatalogError> {
    let sql = "UPDATE upload SET postponed_until = ?3 WHERE id = ?1 AND attempts = ?2";
    for one in postponements {
        let attempt = integer("attempt", one.attempt)?;
        let values = params![one.id.as_bytes(), attempt, one.until.as_millisecond()];
        changes(connection, sql, values)?;
    }
    Ok(())
}

/// Lets records be due at once that are left alone.
pub(super) fn hasten(connection: &Connection, limit: u32) -> Result<u64, CatalogError> {
    let mut statement = connection.prepare_cached(HASTEN).map_err(from_sqlite)?;
    let count = statement.execute([limit]).map_err(from_sqlite)?;
    Ok(count as u64)
}

pub(super) const HASTEN: &str = "UPDATE upload SET postponed_until = 0 WHERE id IN \
     (SELECT id FROM upload INDEXED BY upload_by_postponement WHERE postponed_until > 0 \
      ORDER BY postponed_until LIMIT ?1)";

/// Lists what is due for one reason.
pub(super) fn list(connection: &Connection, list: &DueList) -> Result<Vec<Record>, CatalogError> {
    // An empty blob sorts before every id.
    let (since, id) = match &list.after {
        Some((since, id)) => (since.as_millisecond(), &id.as_bytes()[..]),
        None => (i64::MIN, &[][..]),
    };
    let now = list.now.as_millisecond();
    let values = params![list.bucket, now, list.limit, since, id];
    all(connection, &sql(list.reason), values)
}

/// Counts what is due, what is under way and what is to be told.
pub(super) fn backlog(
    connection: &Connection,
    now: Timestamp,
    waiting: u64,
) -> Result<Backlog, CatalogError> {
    let snapshot = connection.unchecked_transaction().map_err(from_sqlite)?;
    let now = now.as_millisecond();
    let count = |sql: &str, params: &[&dyn ToSql]| {
        let mut statement = snapshot.prepare_cached(sql).map_err(from_sqlite)?;
        let count = statement.query_row(params, |row| row.get::<_, u32>(0));
        count.map(u64::from).map_err(from_sqlite)
    };
    let due = Due::ALL.map(|reason| Ok((reason, count(&count_sql(reason), &[&now])?)));
    Ok(Backlog {
        waiting,
        due: due.into_iter().collect::<Result<_, CatalogError>>()?,
        postponed: count(
            "SELECT count(*) FROM upload WHERE postponed_until > 0 AND postponed_until > ?1",
            &[&now],
        )?,
        verifying: count("SELECT count(*) FROM upload WHERE state = 'verifying'", &[])?,
        deleting: count("SELECT count(*) FROM upload WHERE state = 'deleting'", &[])?,
        // Positions have hardly any holes, and counting the rows would read them all.
        outbox: count(
            "SELECT coalesce((SELECT max(position) FROM outbox) - (SELECT min(position) FROM outbox) + 1, 0)",
            &[],
        )?,
    })
}

/// Takes a task that is free.
pub(super) fn take_task(
    connection: &Connection,
    name: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Task>, CatalogError> {
    let sql = "INSERT INTO task (name, fence, free_at) VALUES (?1, 1, ?3) \
         ON CONFLICT (name) DO UPDATE SET fence = fence + 1, free_at = ?3 WHERE free_at <= ?2 \
         RETURNING fence, place";
    let values = params![name, now.as_millisecond(), until.as_millisecond()];
    let taken = collect(connection, sql, values, |columns| {
        Ok(Task {
            name: name.to_owned(),
            fence: columns.number()?,
            place: columns.optional_text()?,
        })
    })?;
    Ok(taken.into_iter().next())
}

/// Remembers where a task stands.
pub(super) fn leave_task(
    connection: &Connection,
    task: &Task,
    free_at: Timestamp,
) -> Result<bool, CatalogError> {
    let sql = "UPDATE task SET place = ?3, free_at = ?4 WHERE name = ?1 AND fence = ?2";
    let fence = integer("fence", task.fence)?;
    let values = params![task.name, fence, task.place, free_at.as_millisecond()];
    changes(connection, sql, values)
}

/// How the records of one kind are found. Condition and instant are those of its index, word for word, or SQLite
/// would not use it (<https://sqlite.org/partialindex.html#queries_using_partial_indexes>,
/// <https://sqlite.org/expridx.html>).
pub(super) fn sql(reason: Due) -> String {
    let (condition, instant) = (condition(reason), instant(reason));
    format!(
        "SELECT {} FROM upload WHERE bucket = ?1 AND {condition} AND {instant} <= ?2 AND {instant} >= ?4 \
         AND ({instant} > ?4 OR id > ?5) ORDER BY {instant}, id LIMIT ?3",
        columns!()
    )
}

/// How they are counted: every bucket there ever was has an account.
pub(super) fn count_sql(reason: Due) -> String {
    let (condition, instant) = (condition(reason), instant(reason));
    format!(
        "SELECT count(*) FROM upload WHERE bucket IN (SELECT bucket FROM usage WHERE owner = '') \
         AND {condition} AND {instant} <= ?1"
    )
}

fn condition(reason: Due) -> &'static str {
    match reason {
        Due::BytesAwaited => "state = 'pending' AND look_at IS NOT NULL",
        Due::SessionEnded => "state = 'pending'",
        Due::VerifyLost => "state = 'verifying'",
        Due::RetentionEnded => "state = 'available' AND expires_at IS NOT NULL",
        Due::DeleteLost => "state = 'deleting'",
        Due::LeftoversOver => {
            "leftovers = 1 AND state IN ('available', 'failed', 'expired', 'aborted', 'deleted')"
        }
    }
}

/// Since when, as [`Due::since`] says it.
fn instant(reason: Due) -> String {
    let column = match reason {
        Due::BytesAwaited => "look_at".to_owned(),
        Due::SessionEnded => "session_ends_at".to_owned(),
        Due::VerifyLost | Due::DeleteLost => "lease_until".to_owned(),
        Due::RetentionEnded => "expires_at".to_owned(),
        Due::LeftoversOver => format!("urls_end_at + {}", QUARANTINE_GRACE_SECONDS * 1000),
    };
    format!("max({column}, postponed_until)")
}
