//! Deliveries: what each endpoint is still to be told, and what became of it.
//!
//! Of one file only the first that is not over has an instant at which it is due. Whoever makes deliveries holds the row
//! of the endpoint, and whoever ends one shares it, so that nobody is put behind one that is just ending.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use valetkey_protocol::webhook::{DeliveryState, EndpointId};

use super::endpoint::HOLD;
use super::history;
use super::pool::{Pool, Transaction, patiently};
use super::row::{Columns, uuid};
use crate::value::integer;
use crate::{
    Attempt, CatalogError, Delivery, DeliveryBacklog, DeliveryClaim, DeliveryList, Event, FanOut,
    Fate, Settlement,
};

/// The columns of a delivery, in the order [`delivery`] reads them.
macro_rules! columns {
    () => {
        "d.endpoint_id, d.position, d.upload_id, d.seq, d.kind, d.at, d.owner, d.tenant, d.bucket, d.state, d.attempts, \
         d.due_at, d.lease_until, d.fence, d.tried_at, d.status, d.problem"
    };
}

const MOVE_ON: &str =
    "UPDATE webhook_endpoint SET cursor = $3 WHERE id = $1 AND cursor = $2 AND disabled IS NULL";

/// One of a file waits behind the earlier ones of that file, also those of the same statement. What was over begins anew.
const OWE: &str = "INSERT INTO webhook_delivery AS d \
     (endpoint_id, position, upload_id, seq, kind, at, owner, bucket, tenant, state, attempts, fence, due_at) \
     SELECT $1, n.position, n.upload_id, n.seq, n.kind, n.at, n.owner, n.bucket, n.tenant, 'waiting', 0, 0, \
         CASE WHEN row_number() OVER (PARTITION BY n.upload_id ORDER BY n.position) = 1 \
             AND NOT EXISTS (SELECT 1 FROM webhook_delivery e WHERE e.endpoint_id = $1 \
                 AND e.upload_id = n.upload_id AND e.state = 'waiting' AND e.position < n.position) \
         THEN $2::bigint END \
     FROM unnest($3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::bigint[], \
         $8::text[], $9::text[], $10::text[]) AS n (position, upload_id, seq, kind, at, owner, bucket, tenant) \
     ORDER BY n.position \
     ON CONFLICT (endpoint_id, position) DO UPDATE SET state = 'waiting', attempts = 0, fence = d.fence + 1, \
         due_at = excluded.due_at, lease_until = NULL WHERE d.state <> 'waiting'";

const CLAIM: &str = concat!(
    "WITH chosen AS (SELECT position FROM webhook_delivery \
         WHERE endpoint_id = $1 AND state = 'waiting' AND due_at IS NOT NULL AND due_at <= $2 \
         ORDER BY due_at, position LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) \
     UPDATE webhook_delivery d SET fence = d.fence + 1, due_at = $3, lease_until = $3 \
     FROM chosen c WHERE d.endpoint_id = $1 AND d.position = c.position \
     AND EXISTS (SELECT 1 FROM webhook_endpoint WHERE id = $1 AND disabled IS NULL) RETURNING ",
    columns!()
);

const SETTLE: &str = "UPDATE webhook_delivery SET state = $4, attempts = attempts + 1, due_at = $5, \
     lease_until = NULL, tried_at = $6, status = $7, problem = $8 \
     WHERE endpoint_id = $1 AND position = $2 AND fence = $3 AND lease_until IS NOT NULL RETURNING upload_id";

/// Nobody is put behind one that is just ending.
const SHARE: &str = "SELECT 1 FROM webhook_endpoint WHERE id = $1 FOR SHARE";

/// Lets the next of a file be due.
const RELEASE: &str = "UPDATE webhook_delivery SET due_at = $3 \
     WHERE endpoint_id = $1 AND due_at IS NULL AND position = (SELECT position FROM webhook_delivery \
         WHERE endpoint_id = $1 AND upload_id = $2 AND state = 'waiting' ORDER BY position LIMIT 1)";

const DEAD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM webhook_delivery d WHERE endpoint_id = $1 AND state = 'dead' AND state <> 'done' ORDER BY position LIMIT $2"
);

const FORGET: &str = "DELETE FROM webhook_delivery WHERE (endpoint_id, position) IN \
     (SELECT endpoint_id, position FROM webhook_delivery WHERE state = $1 AND state <> 'waiting' AND tried_at <= $2 \
      ORDER BY tried_at LIMIT $3 FOR UPDATE SKIP LOCKED)";

const BACKLOG: &str = "SELECT id, disabled IS NULL, \
     (SELECT count(*) FROM webhook_delivery WHERE endpoint_id = id AND state = 'waiting' AND state <> 'done'), \
     (SELECT count(*) FROM webhook_delivery WHERE endpoint_id = id AND state = 'dead' AND state <> 'done'), \
     (SELECT at FROM webhook_delivery WHERE endpoint_id = id AND state = 'waiting' AND state <> 'done' \
      ORDER BY position LIMIT 1) \
     FROM webhook_endpoint ORDER BY id";

/// Moves the cursor on and makes the deliveries.
pub(super) async fn fan_out(pool: &Pool, fan_out: &FanOut) -> Result<bool, CatalogError> {
    let id = fan_out.endpoint.as_str();
    let (from, to) = (integer("from", fan_out.from)?, integer("to", fan_out.to)?);
    let events = Events::of(&fan_out.events)?;
    patiently(async {
        let transaction = pool.begin().await?;
        let moved = transaction.execute(MOVE_ON, &[&id, &from, &to]).await? > 0;
        if moved && !fan_out.events.is_empty() {
            events.owe(&transaction, id, fan_out.now).await?;
        }
        transaction.commit().await?;
        Ok(moved)
    })
    .await
}

/// Events by their columns.
struct Events {
    position: Vec<i64>,
    upload_id: Vec<Uuid>,
    seq: Vec<i64>,
    kind: Vec<&'static str>,
    at: Vec<i64>,
    owner: Vec<Option<String>>,
    bucket: Vec<Option<String>>,
    tenant: Vec<Option<String>>,
}

impl Events {
    fn of<'e>(events: impl IntoIterator<Item = &'e Event> + Clone) -> Result<Self, CatalogError> {
        let all = || events.clone().into_iter();
        let positions = all().map(|event| integer("position", event.position));
        let seqs = all().map(|event| integer("seq", event.seq));
        Ok(Self {
            position: positions.collect::<Result<_, _>>()?,
            upload_id: all().map(|event| uuid(event.id)).collect(),
            seq: seqs.collect::<Result<_, _>>()?,
            kind: all().map(|event| event.kind.as_str()).collect(),
            at: all().map(|event| event.at.as_millisecond()).collect(),
            owner: all()
                .map(|event| event.owner.as_ref().map(|owner| owner.as_str().to_owned()))
                .collect(),
            bucket: all().map(|event| event.bucket.clone()).collect(),
            tenant: all()
                .map(|event| event.tenant.as_ref().map(|one| one.as_str().to_owned()))
                .collect(),
        })
    }

    /// Makes deliveries of them, for somebody who holds the endpoint.
    async fn owe(
        &self,
        transaction: &Transaction<'_>,
        id: &str,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let now = now.as_millisecond();
        let values: [&(dyn ToSql + Sync); 10] = [
            &id,
            &now,
            &self.position,
            &self.upload_id,
            &self.seq,
            &self.kind,
            &self.at,
            &self.owner,
            &self.bucket,
            &self.tenant,
        ];
        transaction.execute(OWE, &values).await
    }
}

/// Takes up what is due.
pub(super) async fn claim(
    pool: &Pool,
    claim: &DeliveryClaim,
) -> Result<Vec<Delivery>, CatalogError> {
    let (now, until) = (claim.now.as_millisecond(), claim.until.as_millisecond());
    let (id, limit) = (claim.endpoint.as_str(), i64::from(claim.limit));
    let rows = pool.once(CLAIM, &[&id, &now, &until, &limit]).await?;
    let taken: Result<Vec<_>, _> = rows.iter().map(delivery).collect();
    let mut taken = taken?;
    taken.sort_by_key(|delivery| delivery.event.position);
    Ok(taken)
}

/// Remembers what an attempt came to.
pub(super) async fn settle(pool: &Pool, settlement: &Settlement) -> Result<bool, CatalogError> {
    let (id, attempt) = (settlement.endpoint.as_str(), &settlement.attempt);
    let position = integer("position", settlement.position)?;
    let fence = integer("fence", settlement.fence)?;
    let (state, due_at) = (settlement.fate.state().as_str(), settlement.fate.due_at());
    let (now, status) = (attempt.at.as_millisecond(), attempt.status.map(i64::from));
    let values: [&(dyn ToSql + Sync); 8] = [
        &id,
        &position,
        &fence,
        &state,
        &due_at,
        &now,
        &status,
        &attempt.problem,
    ];
    if matches!(settlement.fate, Fate::Again(_)) {
        return Ok(!pool.once(SETTLE, &values).await?.is_empty());
    }
    patiently(async {
        let transaction = pool.begin().await?;
        transaction.query(SHARE, &[&id]).await?;
        let settled = transaction.query(SETTLE, &values).await?;
        if let Some(row) = settled.first() {
            let file: Uuid = Columns::of(row).get()?;
            transaction.execute(RELEASE, &[&id, &file, &now]).await?;
        }
        transaction.commit().await?;
        Ok(!settled.is_empty())
    })
    .await
}

/// Lets dead ones begin anew, the earliest first, so that those of one file come in their order.
pub(super) async fn revive(
    pool: &Pool,
    id: &EndpointId,
    now: Timestamp,
    limit: u32,
) -> Result<u64, CatalogError> {
    let (id, limit) = (id.as_str(), i64::from(limit));
    patiently(async {
        let transaction = pool.begin().await?;
        transaction.query(HOLD, &[&id]).await?;
        let rows = transaction.query(DEAD, &[&id, &limit]).await?;
        let dead: Result<Vec<_>, _> = rows.iter().map(delivery).collect();
        let dead = dead?;
        let events = Events::of(dead.iter().map(|delivery| &delivery.event))?;
        events.owe(&transaction, id, now).await?;
        transaction.commit().await?;
        Ok(dead.len() as u64)
    })
    .await
}

/// Lists deliveries, the latest first.
pub(super) async fn list(pool: &Pool, list: &DeliveryList) -> Result<Vec<Delivery>, CatalogError> {
    let sql = format!(
        "SELECT {} FROM webhook_delivery d WHERE endpoint_id = $1 AND position < $2 {} ORDER BY position DESC LIMIT $3",
        columns!(),
        condition(list.state)
    );
    let before = list.before.map(|before| integer("before", before));
    let before = before.transpose()?.unwrap_or(i64::MAX);
    let (id, limit) = (list.endpoint.as_str(), i64::from(list.limit));
    let rows = pool.read(&sql, &[&id, &before, &limit]).await?;
    rows.iter().map(delivery).collect()
}

fn condition(state: Option<DeliveryState>) -> &'static str {
    match state {
        None => "",
        Some(DeliveryState::Done) => "AND state = 'done'",
        // As the index has it.
        Some(DeliveryState::Waiting) => "AND state = 'waiting' AND state <> 'done'",
        Some(DeliveryState::Dead) => "AND state = 'dead' AND state <> 'done'",
    }
}

/// Forgets what is over for long enough.
pub(super) async fn forget(
    pool: &Pool,
    done_until: Timestamp,
    dead_until: Timestamp,
    limit: u32,
) -> Result<(), CatalogError> {
    let limit = i64::from(limit);
    for (state, until) in [
        (DeliveryState::Done, done_until),
        (DeliveryState::Dead, dead_until),
    ] {
        let until = until.as_millisecond();
        pool.repeat(FORGET, &[&state.as_str(), &until, &limit])
            .await?;
    }
    Ok(())
}

/// Counts what each endpoint is owed.
pub(super) async fn backlog(pool: &Pool) -> Result<Vec<DeliveryBacklog>, CatalogError> {
    let rows = pool.read(BACKLOG, &[]).await?;
    let owed = |row| {
        let mut columns = Columns::of(row);
        Ok(DeliveryBacklog {
            endpoint: columns.text()?,
            enabled: columns.get()?,
            waiting: columns.number()?,
            dead: columns.number()?,
            oldest: columns.optional_instant()?,
        })
    };
    rows.iter().map(owed).collect()
}

fn delivery(row: &Row) -> Result<Delivery, CatalogError> {
    let mut columns = Columns::of(row);
    Ok(Delivery {
        endpoint: columns.text()?,
        event: history::event(&mut columns)?,
        state: columns.word(DeliveryState::ALL, DeliveryState::as_str)?,
        attempts: columns.number()?,
        due_at: columns.optional_instant()?,
        lease_until: columns.optional_instant()?,
        fence: columns.number()?,
        last: last(&mut columns)?,
    })
}

fn last(columns: &mut Columns<'_>) -> Result<Option<Attempt>, CatalogError> {
    let at = columns.optional_instant()?;
    let status = columns.optional(|status: i64| Ok(u16::try_from(status)?))?;
    let problem: Option<String> = columns.get()?;
    Ok(at.map(|at| Attempt {
        at,
        status,
        problem,
    }))
}
