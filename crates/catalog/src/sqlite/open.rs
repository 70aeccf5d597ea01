//! The file: made private, locked, brought up to date, and opened with the settings our promises rest on.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use refinery::error::Kind;
use refinery::{Migration, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::change;
use crate::migration::{diverged, too_new};
use crate::{CatalogError, Migrations};

/// Every migration, oldest first. One that was released is never changed: the file remembers its hash.
const MIGRATIONS: [(&str, &str); 12] = [
    (
        "V1__catalog",
        include_str!("../../migrations/sqlite/V1__catalog.sql"),
    ),
    (
        "V2__idempotency",
        include_str!("../../migrations/sqlite/V2__idempotency.sql"),
    ),
    (
        "V3__truth",
        include_str!("../../migrations/sqlite/V3__truth.sql"),
    ),
    (
        "V4__claims",
        include_str!("../../migrations/sqlite/V4__claims.sql"),
    ),
    (
        "V5__receipts",
        include_str!("../../migrations/sqlite/V5__receipts.sql"),
    ),
    (
        "V6__event_scope",
        include_str!("../../migrations/sqlite/V6__event_scope.sql"),
    ),
    (
        "V7__webhooks",
        include_str!("../../migrations/sqlite/V7__webhooks.sql"),
    ),
    (
        "V8__late_uploads",
        include_str!("../../migrations/sqlite/V8__late_uploads.sql"),
    ),
    (
        "V9__tickets_and_keys",
        include_str!("../../migrations/sqlite/V9__tickets_and_keys.sql"),
    ),
    (
        "V10__tenants",
        include_str!("../../migrations/sqlite/V10__tenants.sql"),
    ),
    (
        "V11__links",
        include_str!("../../migrations/sqlite/V11__links.sql"),
    ),
    (
        "V12__drops",
        include_str!("../../migrations/sqlite/V12__drops.sql"),
    ),
];

/// For the writer: the flush before every answer, and a log that is folded in after 16 MiB of pages (while there is
/// room, see `ballast.rs`), kept no longer than 32 MiB. Caches are in KiB.
const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432; PRAGMA cache_size = -2048;";

const READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -512;";

/// How long SQLite waits for a lock that another process, such as a backup, holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept prepared by each connection; lists have many shapes.
const STATEMENTS: usize = 32;

/// Makes sure that no other server has this catalog open: two writers would undo the group commit.
pub(super) fn lock(path: &Path) -> Result<File, CatalogError> {
    let name = beside(path, ".lock");
    let file = private_file(&name)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(refuse(
            path,
            "another server has it open; stop that one, or give this one a data directory of its own",
        )),
        Err(TryLockError::Error(error)) => Err(refuse(
            path,
            format!("{} cannot be locked: {error}", name.display()),
        )),
    }
}

/// Opens the connection that writes, brings the tables up to date, and takes what was under way for lost: nobody
/// else has the catalog open.
pub(super) fn writer(path: &Path) -> Result<Connection, CatalogError> {
    drop(private_file(path)?);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER)?;
    migrate(path, &mut connection)?;
    change::end_leases(&connection)?;
    Ok(connection)
}

/// Opens a connection that can only read.
pub(super) fn reader(path: &Path) -> Result<Connection, CatalogError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER)
}

/// The catalog cannot be opened, and this is why.
pub(super) fn refuse(path: &Path, why: impl Into<String>) -> CatalogError {
    CatalogError::Open {
        location: path.display().to_string(),
        why: why.into(),
    }
}

/// Each connection stays on one thread at a time, so SQLite's own mutexes are not needed.
fn connect(path: &Path, mode: OpenFlags, settings: &str) -> Result<Connection, CatalogError> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise SQLite plans a statement anew whenever other values are bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(settings)?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| refuse(path, error.to_string()))
}

/// Starts a thread that serves the catalog.
pub(super) fn spawn(
    path: &Path,
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, CatalogError> {
    let thread = Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| refuse(path, format!("a thread cannot be started: {error}")))
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), CatalogError> {
    // Grouped, a migration and the note that it was done are one transaction.
    let runner = Runner::new(&migrations(path)?).set_grouped(true);
    match runner.run(connection) {
        Ok(_) => Ok(()),
        Err(error) => Err(refuse(path, explain(error.kind()))),
    }
}

/// Which migrations were made and which are missing; changes nothing.
pub(super) fn look(path: &Path) -> Result<Migrations, CatalogError> {
    let ours = migrations(path)?;
    if !path.exists() {
        return Ok(Migrations::of(&ours, &[]));
    }
    let mut connection = reader(path)?;
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let there = connection.query_row(sql, [], |row| row.get(0));
    let made = match there.map_err(|error| refuse(path, error.to_string()))? {
        false => Vec::new(),
        true => {
            let made = Runner::new(&ours).get_applied_migrations(&mut connection);
            made.map_err(|error| refuse(path, explain(error.kind())))?
        }
    };
    let found = Migrations::of(&ours, &made);
    // There is one program at a time, and no need to live with what a newer one wrote.
    let newer = found.newer.first().map(too_new);
    Ok(Migrations {
        refused: found.refused.or(newer),
        ..found
    })
}

fn migrations(path: &Path) -> Result<Vec<Migration>, CatalogError> {
    let all = MIGRATIONS.iter();
    let all: Result<_, _> = all
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect();
    all.map_err(|error| refuse(path, error.to_string()))
}

fn explain(kind: &Kind) -> String {
    match kind {
        Kind::MissingVersion(migration) => too_new(migration),
        Kind::DivergentVersion(applied, _) => diverged(applied),
        other => other.to_string(),
    }
}

/// Opens a file, making it readable for nobody else. SQLite gives `-wal` and `-shm` the same mode.
pub(super) fn private_file(path: &Path) -> Result<File, CatalogError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    file.map_err(|error| refuse(path, error.to_string()))
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
