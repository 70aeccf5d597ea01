//! Deliveries: what each endpoint is still to be told, and what became of it.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use valetkey_protocol::webhook::{DeliveryState, EndpointId};

use super::change::{atomically, changes};
use super::history;
use super::row::{self, Columns, collect, integer, word};
use crate::{
    Attempt, CatalogError, Delivery, DeliveryBacklog, DeliveryClaim, DeliveryList, Event, FanOut,
    Fate, Settlement,
};

/// The columns of a delivery, in the order [`delivery`] reads them.
macro_rules! columns {
    () => {
        "endpoint_id, position, upload_id, seq, kind, at, owner, tenant, bucket, state, attempts, due_at, lease_until, \
         fence, tried_at, status, problem"
    };
}

/// One of a file waits behind the earlier ones of that file. What was over begins anew.
pub(super) const OWE: &str = "INSERT INTO webhook_delivery \
     (endpoint_id, position, upload_id, seq, kind, at, owner, bucket, tenant, state, attempts, fence, due_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?8, ?9, ?10, 'waiting', 0, 0, \
         iif(EXISTS (SELECT 1 FROM webhook_delivery WHERE endpoint_id = ?1 AND upload_id = ?3 \
             AND state = 'waiting' AND position < ?2), NULL, ?7)) \
     ON CONFLICT (endpoint_id, position) DO UPDATE SET state = 'waiting', attempts = 0, fence = fence + 1, \
         due_at = excluded.due_at, lease_until = NULL WHERE state <> 'waiting'";

/// Lets the next of a file be due.
pub(super) const RELEASE: &str = "UPDATE webhook_delivery SET due_at = ?3 \
     WHERE endpoint_id = ?1 AND due_at IS NULL AND position = \
         (SELECT min(position) FROM webhook_delivery WHERE endpoint_id = ?1 AND upload_id = ?2 AND state = 'waiting')";

/// Takes up what is due, as long as the endpoint is enabled.
pub(super) const TAKE: &str = concat!(
    "UPDATE webhook_delivery SET fence = fence + 1, due_at = ?3, lease_until = ?3 \
     WHERE endpoint_id = ?1 AND EXISTS (SELECT 1 FROM webhook_endpoint WHERE id = ?1 AND disabled IS NULL) \
     AND position IN (SELECT position FROM webhook_delivery \
         WHERE endpoint_id = ?1 AND state = 'waiting' AND due_at IS NOT NULL AND due_at <= ?2 \
         ORDER BY due_at, position LIMIT ?4) \
     RETURNING ",
    columns!()
);

/// Moves the cursor on and makes the deliveries.
pub(super) fn fan_out(connection: &Connection, fan_out: &FanOut) -> Result<bool, CatalogError> {
    let id = fan_out.endpoint.as_str();
    atomically(connection, || {
        let sql = "UPDATE webhook_endpoint SET cursor = ?3 WHERE id = ?1 AND cursor = ?2 AND disabled IS NULL";
        let (from, to) = (integer("from", fan_out.from)?, integer("to", fan_out.to)?);
        if !changes(connection, sql, params![id, from, to])? {
            return Ok(false);
        }
        for event in &fan_out.events {
            owe(connection, id, event, fan_out.now)?;
        }
        Ok(true)
    })
}

fn owe(
    connection: &Connection,
    id: &str,
    event: &Event,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let values = params![
        id,
        integer("position", event.position)?,
        event.id.as_bytes(),
        integer("seq", event.seq)?,
        event.kind.as_str(),
        event.at.as_millisecond(),
        now.as_millisecond(),
        event.owner.as_ref().map(|owner| owner.as_str()),
        event.bucket,
        event.tenant.as_ref().map(|tenant| tenant.as_str()),
    ];
    changes(connection, OWE, values).map(|_| ())
}

/// Takes up what is due.
pub(super) fn claim(
    connection: &Connection,
    claim: &DeliveryClaim,
) -> Result<Vec<Delivery>, CatalogError> {
    let (now, until) = (claim.now.as_millisecond(), claim.until.as_millisecond());
    let values = params![claim.endpoint.as_str(), now, until, claim.limit];
    let mut taken = collect(connection, TAKE, values, delivery)?;
    taken.sort_by_key(|delivery| delivery.event.position);
    Ok(taken)
}

/// Remembers what an attempt came to.
pub(super) fn settle(
    connection: &Connection,
    settlement: &Settlement,
) -> Result<bool, CatalogError> {
    let sql = "UPDATE webhook_delivery SET state = ?4, attempts = attempts + 1, due_at = ?5, lease_until = NULL, \
         tried_at = ?6, status = ?7, problem = ?8 \
         WHERE endpoint_id = ?1 AND position = ?2 AND fence = ?3 AND lease_until IS NOT NULL RETURNING upload_id";
    let (id, attempt) = (settlement.endpoint.as_str(), &settlement.attempt);
    let now = attempt.at.as_millisecond();
    let values = params![
        id,
        integer("position", settlement.position)?,
        integer("fence", settlement.fence)?,
        settlement.fate.state().as_str(),
        settlement.fate.due_at(),
        now,
        attempt.status,
        attempt.problem,
    ];
    atomically(connection, || {
        let settled = collect(connection, sql, values, |columns| columns.read(row::id))?;
        let Some(file) = settled.first() else {
            return Ok(false);
        };
        if !matches!(settlement.fate, Fate::Again(_)) {
            changes(connection, RELEASE, params![id, file.as_bytes(), now])?;
        }
        Ok(true)
    })
}

/// Lets dead ones begin anew, the earliest first, so that those of one file come in their order.
pub(super) fn revive(
    connection: &Connection,
    id: &EndpointId,
    now: Timestamp,
    limit: u32,
) -> Result<u64, CatalogError> {
    const DEAD: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM webhook_delivery WHERE endpoint_id = ?1 AND state = 'dead' AND state <> 'done' \
         ORDER BY position LIMIT ?2"
    );
    atomically(connection, || {
        let dead = collect(connection, DEAD, params![id.as_str(), limit], delivery)?;
        for delivery in &dead {
            owe(connection, id.as_str(), &delivery.event, now)?;
        }
        Ok(dead.len() as u64)
    })
}

/// Lists deliveries, the latest first.
pub(super) fn list(
    connection: &Connection,
    list: &DeliveryList,
) -> Result<Vec<Delivery>, CatalogError> {
    let sql = format!(
        "SELECT {} FROM webhook_delivery WHERE endpoint_id = ?1 AND position < ?2 {} ORDER BY position DESC LIMIT ?3",
        columns!(),
        condition(list.state)
    );
    let before = list.before.map(|before| integer("before", before));
    let before = before.transpose()?.unwrap_or(i64::MAX);
    collect(
        connection,
        &sql,
        params![list.endpoint.as_str(), before, list.limit],
        delivery,
    )
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
pub(super) fn forget(
    connection: &Connection,
    done_until: Timestamp,
    dead_until: Timestamp,
    limit: u32,
) -> Result<(), CatalogError> {
    let sql = "DELETE FROM webhook_delivery WHERE (endpoint_id, position) IN \
         (SELECT endpoint_id, position FROM webhook_delivery INDEXED BY webhook_delivery_by_end \
          WHERE state = ?1 AND state <> 'waiting' AND tried_at <= ?2 ORDER BY tried_at LIMIT ?3)";
    for (state, until) in [
        (DeliveryState::Done, done_until),
        (DeliveryState::Dead, dead_until),
    ] {
        let values = params![state.as_str(), until.as_millisecond(), limit];
        changes(connection, sql, values)?;
    }
    Ok(())
}

/// Counts what each endpoint is owed.
pub(super) fn backlog(connection: &Connection) -> Result<Vec<DeliveryBacklog>, CatalogError> {
    let sql = "SELECT id, disabled IS NULL, \
         (SELECT count(*) FROM webhook_delivery WHERE endpoint_id = id AND state = 'waiting' AND state <> 'done'), \
         (SELECT count(*) FROM webhook_delivery WHERE endpoint_id = id AND state = 'dead' AND state <> 'done'), \
         (SELECT at FROM webhook_delivery WHERE endpoint_id = id AND state = 'waiting' AND state <> 'done' \
          ORDER BY position LIMIT 1) \
         FROM webhook_endpoint ORDER BY id";
    collect(connection, sql, [], |columns| {
        Ok(DeliveryBacklog {
            endpoint: columns.text()?,
            enabled: columns.read(|value| Ok(value.as_i64()? != 0))?,
            waiting: columns.number()?,
            dead: columns.number()?,
            oldest: columns.optional(row::instant)?,
        })
    })
}

fn delivery(columns: &mut Columns<'_, '_>) -> Result<Delivery, CatalogError> {
    Ok(Delivery {
        endpoint: columns.text()?,
        event: history::event(columns)?,
        state: columns.read(|text| word(text, DeliveryState::ALL, DeliveryState::as_str))?,
        attempts: columns.number()?,
        due_at: columns.optional(row::instant)?,
        lease_until: columns.optional(row::instant)?,
        fence: columns.number()?,
        last: last(columns)?,
    })
}

fn last(columns: &mut Columns<'_, '_>) -> Result<Option<Attempt>, CatalogError> {
    let at = columns.optional(row::instant)?;
    let status = columns.optional(|value| Ok(u16::try_from(value.as_i64()?)?))?;
    let problem = columns.optional_text()?;
    Ok(at.map(|at| Attempt {
        at,
        status,
        problem,
    }))
}
