//! What is due: one look into one small index for each kind of work, and the claims on it.

use jiff::Timestamp;
use uuid::Uuid;

use super::pool::Pool;
use super::row::{Columns, columns, record, records, uuid};
use crate::value::integer;
use crate::{
    Backlog, CatalogError, Claim, Due, DueList, Postponement, QUARANTINE_GRACE_SECONDS, Record,
    Task,
};

/// Those that nobody claimed again and that did not get on; locked in their order.
const POSTPONE: &str = "UPDATE upload u SET postponed_until = n.until \
     FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (id, attempt, until) \
     WHERE u.id = n.id AND u.attempts = n.attempt \
     AND u.id IN (SELECT id FROM upload WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)";

const HASTEN: &str = "UPDATE upload SET postponed_until = 0 WHERE id IN \
     (SELECT id FROM upload WHERE postponed_until > 0 ORDER BY postponed_until LIMIT $1 \
      FOR NO KEY UPDATE SKIP LOCKED)";

const TAKE_TASK: &str = "INSERT INTO task AS t (name, fence, free_at) VALUES ($1, 1, $3) \
     ON CONFLICT (name) DO UPDATE SET fence = t.fence + 1, free_at = $3 WHERE t.free_at <= $2 \
     RETURNING fence, place";

const LEAVE_TASK: &str =
    "UPDATE task SET place = $3, free_at = $4 WHERE name = $1 AND fence = $2 RETURNING 1";

/// Takes up what is due, the longest due first. A record that is due for two reasons is taken up for the one it has
/// been due for longer, and one that another server is just taking up by that one.
pub(super) async fn claim(pool: &Pool, claim: &Claim) -> Result<Vec<(Due, Record)>, CatalogError> {
    let (now, until) = (claim.now.as_millisecond(), claim.until.as_millisecond());
    let limit = i64::from(claim.limit);
    let rows = pool
        .once(&claim_sql(), &[&claim.bucket, &now, &limit, &until])
        .await?;
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        let since: i64 = columns.get()?;
        let reason = columns.word(&Due::ALL, Due::as_str)?;
        taken.push((since, reason, record(&mut columns)?));
    }
    taken.sort_by_key(|(since, _, record)| (*since, record.upload.id));
    Ok(taken
        .into_iter()
        .map(|(_, reason, record)| (reason, record))
        .collect())
}

/// Leaves records alone until then.
pub(super) async fn postpone(
    pool: &Pool,
    postponements: &[Postponement],
) -> Result<(), CatalogError> {
    let ids: Vec<_> = postponements.iter().map(|one| uuid(one.id)).collect();
    let attempts = postponements
        .iter()
        .map(|one| integer("attempt", one.attempt));
    let attempts = attempts.collect::<Result<Vec<_>, _>>()?;
    let until = postponements.iter().map(|one| one.until.as_millisecond());
    let until: Vec<_> = until.collect();
    pool.repeat(POSTPONE, &[&ids, &attempts, &until])
        .await
        .map(|_| ())
}

/// Lets records be due at once that are left alone.
pub(super) async fn hasten(pool: &Pool, limit: u32) -> Result<u64, CatalogError> {
    pool.repeat(HASTEN, &[&i64::from(limit)]).await
}

/// Lists what is due for one reason.
pub(super) async fn list(pool: &Pool, list: &DueList) -> Result<Vec<Record>, CatalogError> {
    let (since, id) = match &list.after {
        Some((since, id)) => (since.as_millisecond(), uuid(*id)),
        None => (i64::MIN, Uuid::nil()),
    };
    let (now, limit) = (list.now.as_millisecond(), i64::from(list.limit));
    let rows = pool
        .read(
            &list_sql(list.reason),
            &[&list.bucket, &now, &limit, &since, &id],
        )
        .await?;
    records(&rows)
}

/// Counts what is due, what is under way and what is to be told.
pub(super) async fn backlog(
    pool: &Pool,
    now: Timestamp,
    waiting: u64,
) -> Result<Backlog, CatalogError> {
    let rows = pool.read(&backlog_sql(), &[&now.as_millisecond()]).await?;
    let row = rows.first().ok_or_else(|| CatalogError::Corrupt {
        what: "a count has no row".to_owned(),
    })?;
    let mut columns = Columns::of(row);
    let due = Due::ALL.map(|reason| Ok((reason, columns.number()?)));
    Ok(Backlog {
        waiting,
        due: due.into_iter().collect::<Result<_, CatalogError>>()?,
        postponed: columns.number()?,
        verifying: columns.number()?,
        deleting: columns.number()?,
        outbox: columns.number()?,
    })
}

/// Takes a task that is free.
pub(super) async fn take_task(
    pool: &Pool,
    name: String,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Task>, CatalogError> {
    let (now, until) = (now.as_millisecond(), until.as_millisecond());
    let rows = pool.once(TAKE_TASK, &[&name, &now, &until]).await?;
    let task = |row| {
        let mut columns = Columns::of(row);
        Ok(Task {
            name,
            fence: columns.number()?,
            place: columns.get()?,
        })
    };
    rows.first().map(task).transpose()
}

/// Remembers where a task stands.
pub(super) async fn leave_task(
    pool: &Pool,
    task: &Task,
    free_at: Timestamp,
) -> Result<bool, CatalogError> {
    let fence = integer("fence", task.fence)?;
    let free_at = free_at.as_millisecond();
    let rows = pool
        .once(LEAVE_TASK, &[&task.name, &fence, &task.place, &free_at])
        .await?;
    Ok(!rows.is_empty())
}

/// How what is due is taken up: looked for by each reason, locked past whoever else is at it, and counted.
fn claim_sql() -> String {
    let look = |reason: Due| {
        let (condition, instant) = (condition(reason), instant(reason));
        format!(
            "SELECT * FROM (SELECT id, {instant} AS since, '{}' AS reason FROM upload \
             WHERE bucket = $1 AND {condition} AND {instant} <= $2 ORDER BY {instant}, id LIMIT $3 \
             FOR NO KEY UPDATE SKIP LOCKED) AS {}",
            reason.as_str(),
            reason.as_str(),
        )
    };
    format!(
        "WITH found AS ({}), \
         firsts AS (SELECT DISTINCT ON (id) id, since, reason FROM found ORDER BY id, since), \
         chosen (claimed, since, reason) AS (SELECT id, since, reason FROM firsts ORDER BY since, id LIMIT $3) \
         UPDATE upload SET attempts = attempts + 1, postponed_until = $4 \
         FROM chosen WHERE id = claimed RETURNING since, reason, {}",
        Due::ALL.map(look).join(" UNION ALL "),
        columns!()
    )
}

/// How the records of one kind are found, by the index that has this condition and this instant.
fn list_sql(reason: Due) -> String {
    let (condition, instant) = (condition(reason), instant(reason));
    format!(
        "SELECT {} FROM upload WHERE bucket = $1 AND {condition} AND {instant} <= $2 AND {instant} >= $4 \
         AND ({instant} > $4 OR id > $5) ORDER BY {instant}, id LIMIT $3",
        columns!()
    )
}

/// How all is counted. Every bucket there ever was has an account; and positions have hardly any holes, while counting
/// the events would read them all.
fn backlog_sql() -> String {
    let due = Due::ALL.map(|reason| {
        let (condition, instant) = (condition(reason), instant(reason));
        format!(
            "(SELECT count(*) FROM upload WHERE bucket IN (SELECT bucket FROM usage WHERE owner = '') \
             AND {condition} AND {instant} <= $1)"
        )
    });
    format!(
        "SELECT {}, \
         (SELECT count(*) FROM upload WHERE postponed_until > 0 AND postponed_until > $1), \
         (SELECT count(*) FROM upload WHERE state = 'verifying'), \
         (SELECT count(*) FROM upload WHERE state = 'deleting'), \
         (SELECT coalesce(max(position) - min(position) + 1, 0) FROM outbox)",
        due.join(", ")
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
            "leftovers AND state IN ('available', 'failed', 'expired', 'aborted', 'deleted')"
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
    format!("greatest({column}, postponed_until)")
}
