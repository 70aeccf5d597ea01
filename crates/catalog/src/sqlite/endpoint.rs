//! Endpoints: who is told what happens.

use rusqlite::{Connection, params};
use valetkey_protocol::webhook::{EndpointId, Origin};

use super::change::changes;
use super::error::from_sqlite;
use super::row::{self, Columns, collect, integer, word};
use crate::delivery::{join, join_kinds, split, split_kinds};
use crate::{CatalogError, Endpoint};

/// Remembers an endpoint whose cursor is the end of the outbox.
pub(super) fn insert(
    connection: &Connection,
    endpoint: &Endpoint,
    most: u32,
) -> Result<bool, CatalogError> {
    let sql = "INSERT INTO webhook_endpoint (id, url, kinds, buckets, origin, disabled, generation, \
         old_secret_until, created_at, version, cursor) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
         max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0), \
             coalesce((SELECT max(position) FROM outbox), 0)) \
         WHERE (SELECT count(*) FROM webhook_endpoint) < ?11 ON CONFLICT (id) DO NOTHING";
    let values = params![
        endpoint.id.as_str(),
        endpoint.url,
        join_kinds(&endpoint.kinds),
        join(&endpoint.buckets),
        endpoint.origin.as_str(),
        endpoint.disabled,
        integer("generation", endpoint.generation)?,
        endpoint
            .old_secret_until
            .map(|until| until.as_millisecond()),
        endpoint.created_at.as_millisecond(),
        integer("version", endpoint.version)?,
        most,
    ];
    changes(connection, sql, values)
}

/// Every endpoint, by id.
pub(super) fn list(connection: &Connection) -> Result<Vec<Endpoint>, CatalogError> {
    let sql = "SELECT id, url, kinds, buckets, origin, disabled, generation, old_secret_until, cursor, created_at, \
         version FROM webhook_endpoint ORDER BY id";
    collect(connection, sql, [], endpoint)
}

/// Writes what may be changed, if nobody did since.
pub(super) fn update(connection: &Connection, endpoint: &Endpoint) -> Result<bool, CatalogError> {
    let sql = "UPDATE webhook_endpoint SET url = ?3, kinds = ?4, buckets = ?5, disabled = ?6, generation = ?7, \
         old_secret_until = ?8, version = version + 1 WHERE id = ?1 AND version = ?2";
    let values = params![
        endpoint.id.as_str(),
        integer("version", endpoint.version)?,
        endpoint.url,
        join_kinds(&endpoint.kinds),
        join(&endpoint.buckets),
        endpoint.disabled,
        integer("generation", endpoint.generation)?,
        endpoint
            .old_secret_until
            .map(|until| until.as_millisecond()),
    ];
    changes(connection, sql, values)
}

/// Removes some of its deliveries or, with the last of them, itself.
pub(super) fn remove(
    connection: &Connection,
    id: &EndpointId,
    limit: u32,
) -> Result<bool, CatalogError> {
    let sql = "DELETE FROM webhook_delivery WHERE endpoint_id = ?1 AND position IN \
         (SELECT position FROM webhook_delivery WHERE endpoint_id = ?1 LIMIT ?2)";
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let count = statement.execute(params![id.as_str(), limit]);
    let gone = count.map_err(from_sqlite)? < usize::try_from(limit).unwrap_or(usize::MAX);
    if gone {
        let sql = "DELETE FROM webhook_endpoint WHERE id = ?1";
        changes(connection, sql, [id.as_str()])?;
    }
    Ok(gone)
}

/// Moves the cursor back.
pub(super) fn rewind(
    connection: &Connection,
    id: &EndpointId,
    position: u64,
) -> Result<bool, CatalogError> {
    let sql = "UPDATE webhook_endpoint SET cursor = min(cursor, ?2) WHERE id = ?1";
    changes(
        connection,
        sql,
        params![id.as_str(), integer("position", position)?],
    )
}

fn endpoint(columns: &mut Columns<'_, '_>) -> Result<Endpoint, CatalogError> {
    Ok(Endpoint {
        id: columns.text()?,
        url: columns.text()?,
        kinds: columns.read(|text| Ok(split_kinds(text.as_str()?)))?,
        buckets: columns.read(|text| Ok(split(text.as_str()?)))?,
        origin: columns.read(|text| word(text, Origin::ALL, Origin::as_str))?,
        disabled: columns.optional_text()?,
        generation: columns.number()?,
        old_secret_until: columns.optional(row::instant)?,
        cursor: columns.number()?,
        created_at: columns.read(row::instant)?,
        version: columns.number()?,
    })
}
