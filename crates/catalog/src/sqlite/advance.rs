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
    let Some((Standing { state: from, size }, record)) = update(connection, step)? else {
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
    if let Some(settlement) = Settlement::of(&step.edge, size) {
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

/// Where a step begins.
struct Standing {
    state: State,
    size: u64,
}

/// The guarded update: where it began, and what it then is.
fn update(
    connection: &Connection,
    step: &Step,
) -> Result<Option<(Standing, Record)>, CatalogError> {
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
        from.state.as_str().to_owned().into(),
        step.at.as_millisecond().into(),
    ];
    let params = params_from_iter(guard.into_iter().chain(values));
    Ok(first(connection, &sql, params)?.map(|record| (from, record)))
}

/// Where it stands, if that is where the edge begins. The update asks for the state again: it alone decides.
fn standing(connection: &Connection, step: &Step) -> Result<Option<Standing>, CatalogError> {
    let sql = "SELECT state, size FROM upload WHERE id = ?1 AND epoch = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let epoch = integer("epoch", step.epoch)?;
    let found: Option<(String, i64)> = statement
        .query_row(params![step.id.as_bytes(), epoch], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(from_sqlite)?;
    let Some((state, size)) = found else {
        return Ok(None);
    };
    let size = u64::try_from(size).map_err(|error| CatalogError::Corrupt {
        what: format!("size: {error}"),
    })?;
    let (from, _) = step.edge.ends();
    let here = from.iter().find(|one| one.as_str() == state);
    Ok(here.map(|state| Standing {
        state: *state,
        size,
    }))
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
             verified_at = ?5, size = ?11",
            found(facts)?,
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

fn found(facts: &FileFacts) -> Result<Vec<Value>, CatalogError> {
    Ok(vec![
        facts.etag.clone().into(),
        facts.checksum.as_ref().map(checksum_text).into(),
        facts.integrity.as_str().to_owned().into(),
        facts.detected_type.clone().into(),
        facts.expires_at.map(|at| at.as_millisecond()).into(),
        integer("size", facts.size)?.into(),
    ])
}
