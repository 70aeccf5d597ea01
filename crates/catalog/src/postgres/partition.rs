//! The weeks of the audit log and of the outbox: made ahead, and dropped when they are old enough.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio_postgres::Error;

use super::row::Columns;
use super::session::Session;
use crate::CatalogError;

/// A week in milliseconds.
const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;

/// The tables that lie in weeks.
const TABLES: [&str; 2] = ["audit", OUTBOX];
const OUTBOX: &str = "outbox";

/// How long dropping a week may hold everybody up: it waits for those who use the table, and all others behind it.
const DROP_TIMEOUT: &str = "SET LOCAL lock_timeout = 300";

/// The weeks that are known to be there.
#[derive(Default)]
pub(super) struct Weeks(BTreeSet<i64>);

impl Weeks {
    /// Makes the weeks of these instants and the ones after, where they are missing.
    pub(super) async fn provide(
        &mut self,
        session: &Session,
        instants: impl Iterator<Item = Timestamp>,
    ) -> Result<(), Error> {
        let weeks = instants.map(|at| week(at.as_millisecond()));
        let weeks: BTreeSet<_> = weeks.flat_map(|week| [week, week + 1]).collect();
        if weeks.is_subset(&self.0) {
            return Ok(());
        }
        let missing = weeks.difference(&self.0).copied();
        session.client().batch_execute(&make(missing)).await?;
        self.0.extend(weeks);
        Ok(())
    }

    /// Somebody dropped one.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

fn week(millisecond: i64) -> i64 {
    millisecond.div_euclid(WEEK)
}

/// One at a time: two servers that make the same table at once are no good neighbours.
fn make(weeks: impl Iterator<Item = i64>) -> String {
    let mut sql = "BEGIN; SELECT pg_advisory_xact_lock('audit'::regclass::oid::int, 0);".to_owned();
    for week in weeks {
        let (from, to) = (week * WEEK, (week + 1) * WEEK);
        for table in TABLES {
            let name = name(table, week);
            sql.push_str(&format!(
                "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ({from}) TO ({to});"
            ));
        }
    }
    sql.push_str("COMMIT");
    sql
}

/// A name, without a sign that would have to be quoted.
fn name(table: &str, week: i64) -> String {
    match week {
        0.. => format!("{table}_{week}"),
        _ => format!("{table}_before_{}", -week),
    }
}

fn week_of(name: &str) -> Option<i64> {
    let (_, end) = name.split_once('_')?;
    match end.strip_prefix("before_") {
        Some(week) => week.parse().map(|week: i64| -week).ok(),
        None => end.parse().ok(),
    }
}

/// Drops every week that was over by then. One that others use at the moment is dropped the next time.
pub(super) async fn drop_until(session: &Session, then: Timestamp) -> Result<(), CatalogError> {
    let now = week(then.as_millisecond());
    for table in TABLES {
        let sql = "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
             WHERE i.inhparent = $1::text::regclass";
        let rows = session
            .query(sql, &[&table])
            .await
            .map_err(super::error::from_postgres)?;
        for row in rows {
            let name: String = Columns::of(&row).get()?;
            let is_over = week_of(&name).is_some_and(|week| week < now);
            if is_over && !(table == OUTBOX && is_owed(session, &name).await?) {
                drop_week(session, &name).await;
            }
        }
    }
    Ok(())
}

/// Whether a week of the outbox holds something that a webhook has not got to yet. Those that are disabled wait for
/// nothing.
async fn is_owed(session: &Session, name: &str) -> Result<bool, CatalogError> {
    let sql = format!(
        "SELECT coalesce((SELECT max(position) FROM {name}) > \
         (SELECT min(cursor) FROM webhook_endpoint WHERE disabled IS NULL), false)"
    );
    let rows = session.client().query(&sql, &[]).await;
    let rows = rows.map_err(super::error::from_postgres)?;
    rows.first().map_or(Ok(false), |row| Columns::of(row).get())
}

async fn drop_week(session: &Session, name: &str) {
    let sql = format!("BEGIN; {DROP_TIMEOUT}; DROP TABLE IF EXISTS {name}; COMMIT");
    match session.client().batch_execute(&sql).await {
        Ok(()) => tracing::info!(name, "a week of history was dropped"),
        Err(error) => {
            tracing::info!(name, %error, "a week of history is dropped later");
            // Whatever failed, the transaction is over then.
            let _ = session.client().batch_execute("ROLLBACK").await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_week_tells_which_it_is() {
        for week in [-1, 0, 1, 2947] {
            assert_eq!(week_of(&name("audit", week)), Some(week));
        }
        assert_eq!(week_of("audit_of_somebody"), None);
        assert_eq!(week(-1), -1);
        assert_eq!(week(WEEK), 1);
    }
}
