//! Edges of the state machine: each is one guarded update, with its line in the audit log, its line in the
//! outbox and its settlement of the accounts in the same transaction.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use valetkey_protocol::upload::State;

use super::change::atomically;
use super::error::from_sqlite;
use super::row::{checksum_text, columns, first, integer, metadata_text, problem_text};
use super::{account, history};
use crate::account::Settlement;
use crate::{CatalogError, Edge, FileFacts, Passage, Patch, Record, Step};

/// Goes along one edge if the upload still stands where the edge begins.
pub(super) fn advance(
    connection: &Connection,
    step: &Step,
) -> Result<Option<Record>, CatalogError> {
    atomically(connection, || take(connection, step))
}

fn take(connection: &Connection, step: &Step) -> Result<Option<Record>, CatalogError> {
    let Some((from, record)) = update(connection, step)? else {
        return Ok(None);
    };
    let passage = Passage {
        seq: record.epoch,
        from: Some(from),
        to: record.state,
        at: step.at,
        by: step.by.clone(),
    };
    history::write(connection, step.id, &passage)?;
    if let Some(kind) = step.edge.event() {
        history::announce(connection, &record.upload, &passage, kind)?;
    }
    if let Some(settlement) = Settlement::of(&step.edge) {
        account::settle(connection, &record.upload, settlement)?;
    }
    Ok(Some(record))
}

/// Changes what people may change of an available file.
pub(super) fn patch(
    connection: &Connection,
    patch: &Patch,
) -> Result<Option<Record>, CatalogError> {
    atomically(connection, || change(connection, patch))
}

fn change(connection: &Connection, patch: &Patch) -> Result<Option<Record>, CatalogError> {
    const PATCH: &str = concat!(
        "UPDATE upload SET filename = ?3, path = ?4, metadata = ?5, expires_at = ?6, epoch = epoch + 1 \
         WHERE id = ?1 AND epoch = ?2 AND state = 'available' RETURNING ",
        columns!()
    );
    let file = &patch.file;
    let values = params![
        patch.id.as_bytes(),
        integer("epoch", patch.epoch)?,
        file.filename.as_str(),
        file.path.as_str(),
        metadata_text(&file.metadata)?,
        file.expires_at.map(|at| at.as_millisecond()),
    ];
    let Some(record) = first(connection, PATCH, values)? else {
        return Ok(None);
    };
    let passage = Passage {
        seq: record.epoch,
        from: Some(State::Available),
        to: State::Available,
        at: patch.at,
        by: patch.by.clone(),
    };
    history::write(connection, patch.id, &passage)?;
    Ok(Some(record))
}

/// The guarded update: where it began, and what it then is.
fn update(connection: &Connection, step: &Step) -> Result<Option<(State, Record)>, CatalogError> {
    let Some(from) = standing(connection, step)? else {
        return Ok(None);
    };
    let (_, to) = step.edge.ends();
    let Written { set, values } = written(&step.edge, step.at)?;
    let sql = format!(
        "UPDATE upload SET state = ?3, epoch = epoch + 1, {set} \
         WHERE id = ?1 AND epoch = ?2 AND state = ?4 AND (state <> ?3 OR lease_until <= ?5) RETURNING {}",
        columns!()
    );
    let guard = [
        Value::Blob(step.id.as_bytes().to_vec()),
        integer("epoch", step.epoch)?.into(),
        to.as_str().to_owned().into(),
        from.as_str().to_owned().into(),
        step.at.as_millisecond().into(),
    ];
    let params = params_from_iter(guard.into_iter().chain(values));
    Ok(first(connection, &sql, params)?.map(|record| (from, record)))
}

/// The state it stands at, if that is one where the edge begins. The update asks for it again: it alone decides.
fn standing(connection: &Connection, step: &Step) -> Result<Option<State>, CatalogError> {
    let sql = "SELECT state FROM upload WHERE id = ?1 AND epoch = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let epoch = integer("epoch", step.epoch)?;
    let state: Option<String> = statement
        .query_row(params![step.id.as_bytes(), epoch], |row| row.get(0))
        .optional()
        .map_err(from_sqlite)?;
    let (from, _) = step.edge.ends();
    let here = |one: &&State| Some(one.as_str()) == state.as_deref();
    Ok(from.iter().find(here).copied())
}

/// What an edge writes besides state and epoch; its values are bound from `?6` on, and `?5` is the instant.
struct Written {
    set: &'static str,
    values: Vec<Value>,
}

/// The columns each edge sets. Leaving a leased state gives the lease back, and getting on the attempts.
fn written(edge: &Edge, at: Timestamp) -> Result<Written, CatalogError> {
    let set = |set, values| Ok(Written { set, values });
    match edge {
        Edge::Verify {
            lease_until,
            source_etag,
            checksum,
        } => set(
            "lease_until = ?6, source_etag = ?7, checksum = coalesce(checksum, ?8)",
            vec![
                lease_until.as_millisecond().into(),
                source_etag.clone().into(),
                checksum.as_ref().map(checksum_text).into(),
            ],
        ),
        Edge::Retry => set("lease_until = NULL, source_etag = NULL", Vec::new()),
        Edge::Finish(facts) => set(
            "lease_until = NULL, attempts = 0, postponed_until = 0, etag = ?6, \
             checksum = coalesce(?7, checksum), integrity = ?8, detected_type = ?9, expires_at = ?10, \
             verified_at = ?5",
            found(facts),
        ),
        Edge::Fail(problem) => set(
            "lease_until = NULL, attempts = 0, postponed_until = 0, settled_at = ?6, problem = ?7",
            vec![at.as_millisecond().into(), problem_text(problem)?.into()],
        ),
        Edge::Delete { lease_until } => set(
            "lease_until = ?6, attempts = iif(state = 'deleting', attempts, 0), \
             postponed_until = iif(state = 'deleting', postponed_until, 0)",
            vec![lease_until.as_millisecond().into()],
        ),
        Edge::Abort | Edge::Expire | Edge::Deleted => set(
            "lease_until = NULL, attempts = 0, postponed_until = 0, settled_at = ?6",
            vec![at.as_millisecond().into()],
        ),
    }
}

fn found(facts: &FileFacts) -> Vec<Value> {
    vec![
        facts.etag.clone().into(),
        facts.checksum.as_ref().map(checksum_text).into(),
        facts.integrity.as_str().to_owned().into(),
        facts.detected_type.clone().into(),
        facts.expires_at.map(|at| at.as_millisecond()).into(),
    ]
}
