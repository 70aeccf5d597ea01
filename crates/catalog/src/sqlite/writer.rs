//! The one thread that writes: everything that waits goes into one transaction, and nobody is answered
//! before it is on disk.

use rusqlite::{Connection, Row};

use super::ballast::Ballast;
use super::error;
use super::queue::{Job, Queue, Serving};
use crate::CatalogError;

/// The most jobs of one transaction: it bounds how long the first of them waits for the last.
const MAX_JOBS: usize = 512;

/// Serves writes until the queue is closed, then folds the log into the file.
pub(super) fn run(connection: Connection, queue: &Queue, ballast: &Ballast) {
    let serving = Serving(queue);
    let mut jobs = Vec::with_capacity(MAX_JOBS);
    let mut log_pages = u32::MAX;
    while queue.take(MAX_JOBS, &mut jobs) {
        let wanted = ballast.log_pages();
        if wanted != log_pages {
            keep_log_short(&connection, wanted, wanted < log_pages);
            log_pages = wanted;
        }
        let lost = commit(&connection, &mut jobs).err();
        for job in jobs.drain(..) {
            job.answer(lost.as_ref());
        }
    }
    drop(serving);
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the catalog's log stays beside it: it is read at the next start");
    }
}

/// Runs all jobs in one transaction. A job that fails has changed nothing and harms no other, unless it took
/// the transaction with it: SQLite undoes all of it when the disk is full or broken
/// (<https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction>).
fn commit(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), CatalogError> {
    execute(connection, "BEGIN IMMEDIATE")?;
    for job in &mut *jobs {
        job.run(connection);
        if connection.is_autocommit() {
            let why = job.failure().map(error::shared);
            return Err(why.unwrap_or_else(|| error::unavailable("the transaction was undone")));
        }
    }
    let committed = execute(connection, "COMMIT");
    if committed.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    committed
}

/// Has the log folded in after so many pages from now on, and at once what is in it.
fn keep_log_short(connection: &Connection, pages: u32, now: bool) {
    let set = connection.pragma_update(None, "wal_autocheckpoint", pages);
    let fold = |row: &Row<'_>| row.get::<_, i64>(0);
    let folded = match now {
        true => connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], fold),
        false => Ok(0),
    };
    // The log only grows for longer; what is in it is as safe there.
    if let Err(error) = set.and(folded) {
        tracing::warn!(%error, "the catalog's log could not be folded in");
    }
}

fn execute(connection: &Connection, sql: &str) -> Result<(), CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(error::from_sqlite)?;
    statement.execute([]).map_err(error::from_sqlite)?;
    Ok(())
}
