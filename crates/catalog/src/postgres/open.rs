//! The tables: brought up to date by whoever starts first, while the others wait.

use std::time::Duration;

use refinery::error::Kind;
use refinery::{Migration, Runner};

use super::backoff::Backoff;
use super::session::{Connector, Session, chain};
use crate::CatalogError;
use crate::migration::{Migrations, diverged, too_new};

/// Every migration, oldest first. One that was released is never changed: the database remembers its hash.
const MIGRATIONS: [(&str, &str); 12] = [
    (
        "V1__catalog",
        include_str!("../../migrations/postgres/V1__catalog.sql"),
    ),
    (
        "V2__idempotency",
        include_str!("../../migrations/postgres/V2__idempotency.sql"),
    ),
    (
        "V3__truth",
        include_str!("../../migrations/postgres/V3__truth.sql"),
    ),
    (
        "V4__claims",
        include_str!("../../migrations/postgres/V4__claims.sql"),
    ),
    (
        "V5__receipts",
        include_str!("../../migrations/postgres/V5__receipts.sql"),
    ),
    (
        "V6__event_scope",
        include_str!("../../migrations/postgres/V6__event_scope.sql"),
    ),
    (
        "V7__webhooks",
        include_str!("../../migrations/postgres/V7__webhooks.sql"),
    ),
    (
        "V8__late_uploads",
        include_str!("../../migrations/postgres/V8__late_uploads.sql"),
    ),
    (
        "V9__tickets_and_keys",
        include_str!("../../migrations/postgres/V9__tickets_and_keys.sql"),
    ),
    (
        "V10__tenants",
        include_str!("../../migrations/postgres/V10__tenants.sql"),
    ),
    (
        "V11__links",
        include_str!("../../migrations/postgres/V11__links.sql"),
    ),
    (
        "V12__drops",
        include_str!("../../migrations/postgres/V12__drops.sql"),
    ),
];

/// Migrations take the time they need, but do not stand in the way of others for long: whoever waits for a lock on a
/// table holds up everybody behind it.
const PATIENT: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0";
const UNOBTRUSIVE: &str = "SET lock_timeout = 10000";

/// Held by whoever brings the tables of a schema up to date.
const LOCK: &str = "SELECT pg_advisory_lock(hashtext('valetkey.migrate'), \
     hashtext(coalesce(current_schema(), current_setting('search_path'))))";

/// A schema that the URL names and that is not there is made.
const MAKE_SCHEMA: &str = "DO $$ BEGIN IF current_schema() IS NULL THEN \
     EXECUTE format('CREATE SCHEMA %I', current_setting('search_path')); END IF; END $$";

/// Where refinery keeps what was made.
const HISTORY: &str = "refinery_schema_history";

/// How often, and after which pauses at most, a database that is not there yet is tried at the start.
const STARTS: u32 = 12;

/// Connects, waiting a little for a database that is just starting.
pub(super) async fn connect(
    connector: &Connector,
    backoff: &Backoff,
) -> Result<Session, CatalogError> {
    let mut retry = 0;
    loop {
        match connector.connect().await {
            Ok(session) => return Ok(session),
            Err(unreached) if unreached.hopeless || retry >= STARTS => {
                return Err(refuse(connector, unreached.why));
            }
            Err(unreached) => {
                tracing::warn!(why = unreached.why, "waiting for the catalog");
                tokio::time::sleep(Duration::from_millis(200) + backoff.pause(retry)).await;
                retry += 1;
            }
        }
    }
}

/// Brings the tables up to date, one server at a time.
pub(super) async fn migrate(
    connector: &Connector,
    mut session: Session,
) -> Result<(), CatalogError> {
    let found = look(connector, &mut session).await?;
    if found.missing.is_empty() {
        return match found.refused {
            Some(why) => Err(refuse(connector, why)),
            None => Ok(()),
        };
    }
    let refused = |why: String| refuse(connector, why);
    let lock = format!("{PATIENT}; {LOCK}; {UNOBTRUSIVE}; {MAKE_SCHEMA}");
    let locked = session.client().batch_execute(&lock).await;
    locked.map_err(|error| refused(chain(&error)))?;
    // Somebody else may have done it meanwhile.
    let found = look(connector, &mut session).await?;
    if let Some(why) = found.refused {
        return Err(refused(why));
    }
    tracing::info!(missing = ?found.missing, "bringing the catalog's tables up to date");
    let runner = Runner::new(&migrations().map_err(refused)?);
    // Grouped, all of them and the notes that they were done are one transaction. Newer ones were judged before. The
    // lock ends with the connection.
    let mut runner = runner.set_grouped(true).set_abort_missing(false);
    runner.set_migration_table_name(HISTORY);
    let run = runner.run_async(session.client_mut()).await;
    run.map(|_| ()).map_err(|error| refused(told(&error)))
}

/// Which migrations were made and which are missing; changes nothing.
pub(super) async fn look(
    connector: &Connector,
    session: &mut Session,
) -> Result<Migrations, CatalogError> {
    let refused = |why: String| refuse(connector, why);
    match session.check_version().await {
        Ok(None) => {}
        Ok(Some(why)) => return Err(refused(why)),
        Err(error) => return Err(refused(chain(&error))),
    }
    let ours = migrations().map_err(refused)?;
    let sql = format!("SELECT to_regclass('{HISTORY}') IS NOT NULL");
    let there = session.client().query_one(&sql, &[]).await;
    let there = there.and_then(|row| row.try_get(0));
    let made = match there.map_err(|error| refused(chain(&error)))? {
        false => Vec::new(),
        true => {
            let runner = Runner::new(&ours);
            let made = runner
                .get_applied_migrations_async(session.client_mut())
                .await;
            made.map_err(|error| refused(told(&error)))?
        }
    };
    Ok(Migrations::of(&ours, &made))
}

fn migrations() -> Result<Vec<Migration>, String> {
    let all = MIGRATIONS.iter();
    let all: Result<_, _> = all
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect();
    all.map_err(|error| error.to_string())
}

fn told(error: &refinery::Error) -> String {
    match error.kind() {
        Kind::MissingVersion(migration) => too_new(migration),
        Kind::DivergentVersion(applied, _) => diverged(applied),
        Kind::Connection(what, source) => format!("{what}: {}", chain(&**source)),
        other => other.to_string(),
    }
}

/// The catalog cannot be opened, and this is why.
pub(super) fn refuse(connector: &Connector, why: impl Into<String>) -> CatalogError {
    CatalogError::Open {
        location: connector.settings().to_string(),
        why: why.into(),
    }
}
