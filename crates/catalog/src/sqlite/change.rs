//! Changes that are no edges of the state machine.

use jiff::Timestamp;
use rusqlite::{Connection, Params, params};
use valetkey_protocol::FileId;

use super::error::from_sqlite;
use super::row::integer;
use super::{due, history};
use crate::{CatalogError, Issue};

/// Remembers storage's name for a pending multipart upload that has none yet.
pub(super) fn attach_multipart(
    connection: &Connection,
    id: FileId,
    upload_id: &str,
) -> Result<bool, CatalogError> {
    changes(
        connection,
        "UPDATE upload SET multipart_id = ?2 \
         WHERE id = ?1 AND state = 'pending' AND part_size IS NOT NULL AND multipart_id IS NULL",
        params![id.as_bytes(), upload_id],
    )
}

/// Remembers that upload URLs live until then.
pub(super) fn extend_urls(
    connection: &Connection,
    id: FileId,
    until: Timestamp,
) -> Result<bool, CatalogError> {
    changes(
        connection,
        "UPDATE upload SET urls_end_at = max(urls_end_at, ?2) WHERE id = ?1 AND state = 'pending'",
        params![id.as_bytes(), until.as_millisecond()],
    )
}

/// Counts issued downloads, and tells of those that are announced.
pub(super) fn count_downloads(
    connection: &Connection,
    issues: &[Issue],
) -> Result<(), CatalogError> {
    atomically(connection, || {
        issues.iter().try_for_each(|issue| match issue.announced_at {
            Some(at) => history::announce_download(connection, issue.id, at),
            None => changes(
                connection,
                "UPDATE upload SET download_count = download_count + 1 WHERE id = ?1 AND state = 'available'",
                [issue.id.as_bytes()],
            )
            .map(|_| ()),
        })
    })
}

/// Leaves a run alone for longer, while it still stands where it began.
pub(super) fn renew(
    connection: &Connection,
    id: FileId,
    epoch: u64,
    lease_until: Timestamp,
) -> Result<bool, CatalogError> {
    changes(
        connection,
        "UPDATE upload SET lease_until = max(lease_until, ?3) \
         WHERE id = ?1 AND epoch = ?2 AND state IN ('verifying', 'deleting')",
        params![
            id.as_bytes(),
            integer("epoch", epoch)?,
            lease_until.as_millisecond()
        ],
    )
}

/// Ends every lease and every claim: who opens the catalog has it alone, so that whoever held one is gone. Of more
/// than so many claims most are records that could not be done long ago, and those can wait.
pub(super) fn end_leases(connection: &Connection) -> Result<(), CatalogError> {
    for sql in END_LEASES {
        changes(connection, sql, [])?;
    }
    due::hasten(connection, ENDED_CLAIMS)?;
    changes(connection, "UPDATE task SET free_at = 0", []).map(|_| ())
}

/// Each by its own index.
pub(super) const END_LEASES: [&str; 3] = [
    "UPDATE upload INDEXED BY upload_by_verify_lease SET lease_until = 0 \
     WHERE state = 'verifying' AND lease_until > 0",
    "UPDATE upload INDEXED BY upload_by_delete_lease SET lease_until = 0 \
     WHERE state = 'deleting' AND lease_until > 0",
    "UPDATE webhook_delivery INDEXED BY webhook_delivery_by_lease SET lease_until = NULL, due_at = 0 \
     WHERE lease_until IS NOT NULL",
];

/// How many claims opening ends: the most a sweep holds, many times.
const ENDED_CLAIMS: u32 = 10_000;

/// Remembers that nothing of it is left besides the file.
pub(super) fn forget_leftovers(
    connection: &Connection,
    id: FileId,
    epoch: u64,
) -> Result<bool, CatalogError> {
    let sql = "UPDATE upload SET leftovers = 0, attempts = 0, postponed_until = 0 WHERE id = ?1 AND epoch = ?2";
    changes(
        connection,
        sql,
        params![id.as_bytes(), integer("epoch", epoch)?],
    )
}

/// Whether a statement changed a row.
pub(super) fn changes(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<bool, CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let count = statement.execute(params).map_err(from_sqlite)?;
    Ok(count > 0)
}

/// Does several statements as one: all of them count, or none.
pub(super) fn atomically<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    changes(connection, "SAVEPOINT several", [])?;
    let outcome = work();
    // Some errors undo the whole transaction, and the savepoint with it.
    if !connection.is_autocommit() {
        if outcome.is_err() {
            changes(connection, "ROLLBACK TO several", [])?;
        }
        changes(connection, "RELEASE several", [])?;
    }
    outcome
}
