//! Edges of the state machine: each is one guarded update.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use valetkey_protocol::FileId;

use super::row::{checksum_text, columns, first, integer, problem_text};
use crate::{CatalogError, Edge, FileFacts, Record};

/// Goes along one edge if the upload still stands where the edge begins.
pub(super) fn advance(
    connection: &Connection,
    id: FileId,
    epoch: u64,
    edge: &Edge,
) -> Result<Option<Record>, CatalogError> {
    let (from, to) = edge.ends();
    let Written { set, values } = written(edge)?;
    // `lease_until` is only asked on the self-loops: no other edge begins where it ends.
    let sql = format!(
        "UPDATE upload SET state = ?3, epoch = epoch + 1, {set} \
         WHERE id = ?1 AND epoch = ?2 AND state IN (?4, ?5) AND (state <> ?3 OR lease_until <= ?6) \
         RETURNING {}",
        columns!()
    );
    let ends = [Some(&to), from.first(), from.last()];
    let ends = ends.map(|state| state.map(|state| state.as_str().to_owned()).into());
    let guard = [
        Value::Blob(id.as_bytes().to_vec()),
        integer("epoch", epoch)?.into(),
    ];
    let params = guard
        .into_iter()
        .chain(ends)
        .chain([now(edge)])
        .chain(values);
    first(connection, &sql, params_from_iter(params))
}

/// What an edge writes besides state and epoch; its values are bound from `?7` on.
struct Written {
    set: &'static str,
    values: Vec<Value>,
}

/// The columns each edge sets. Leaving a leased state gives the lease back.
fn written(edge: &Edge) -> Result<Written, CatalogError> {
    let set = |set, values| Ok(Written { set, values });
    match edge {
        Edge::Verify {
            lease_until,
            source_etag,
            checksum,
            ..
        } => set(
            "lease_until = ?7, source_etag = ?8, checksum = coalesce(checksum, ?9)",
            vec![
                lease_until.as_millisecond().into(),
                source_etag.clone().into(),
                checksum.as_ref().map(checksum_text).into(),
            ],
        ),
        Edge::Retry => set("lease_until = NULL, source_etag = NULL", Vec::new()),
        Edge::Finish(facts) => set(
            "lease_until = NULL, etag = ?7, checksum = coalesce(?8, checksum), integrity = ?9, \
             detected_type = ?10, expires_at = ?11",
            found(facts),
        ),
        Edge::Fail(problem) => set(
            "lease_until = NULL, problem = ?7",
            vec![problem_text(problem)?.into()],
        ),
        Edge::Delete { lease_until, .. } => set(
            "lease_until = ?7",
            vec![lease_until.as_millisecond().into()],
        ),
        Edge::Abort | Edge::Expire | Edge::Deleted => set("lease_until = NULL", Vec::new()),
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

/// The instant at which a lease must be over.
fn now(edge: &Edge) -> Value {
    match edge {
        Edge::Verify { now, .. } | Edge::Delete { now, .. } => now.as_millisecond().into(),
        _ => Value::Null,
    }
}
