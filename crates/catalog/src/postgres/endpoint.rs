//! Endpoints: who is told what happens.

use tokio_postgres::Row;
use valetkey_protocol::webhook::{EndpointId, Origin};

use super::pool::{Pool, patiently};
use super::row::Columns;
use crate::delivery::{join, join_kinds, split, split_kinds};
use crate::value::integer;
use crate::{CatalogError, Endpoint};

/// Two that come at once may both find room for one: the count is a bound against mistakes, and no promise.
const INSERT: &str = "INSERT INTO webhook_endpoint (id, url, kinds, buckets, origin, disabled, generation, \
     old_secret_until, created_at, version, cursor) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce((SELECT max(position) FROM outbox), 0) \
     WHERE (SELECT count(*) FROM webhook_endpoint) < $11::bigint ON CONFLICT (id) DO NOTHING RETURNING 1";

const LIST: &str = "SELECT id, url, kinds, buckets, origin, disabled, generation, old_secret_until, cursor, \
     created_at, version FROM webhook_endpoint ORDER BY id";

const UPDATE: &str = "UPDATE webhook_endpoint SET url = $3, kinds = $4, buckets = $5, disabled = $6, \
     generation = $7, old_secret_until = $8, version = version + 1 WHERE id = $1 AND version = $2 RETURNING 1";

/// Whoever makes deliveries, or takes them away, is alone with the endpoint.
pub(super) const HOLD: &str = "SELECT 1 FROM webhook_endpoint WHERE id = $1 FOR UPDATE";

const REMOVE: &str = "DELETE FROM webhook_endpoint WHERE id = $1";

const REMOVE_SOME: &str = "DELETE FROM webhook_delivery WHERE endpoint_id = $1 AND position IN \
     (SELECT position FROM webhook_delivery WHERE endpoint_id = $1 ORDER BY position LIMIT $2)";

const REWIND: &str =
    "UPDATE webhook_endpoint SET cursor = least(cursor, $2) WHERE id = $1 RETURNING 1";

/// Remembers an endpoint whose cursor is the end of the outbox.
pub(super) async fn insert(
    pool: &Pool,
    endpoint: &Endpoint,
    most: u32,
) -> Result<bool, CatalogError> {
    let rows = pool
        .once(
            INSERT,
            &[
                &endpoint.id.as_str(),
                &endpoint.url,
                &join_kinds(&endpoint.kinds),
                &join(&endpoint.buckets),
                &endpoint.origin.as_str(),
                &endpoint.disabled,
                &integer("generation", endpoint.generation)?,
                &endpoint
                    .old_secret_until
                    .map(|until| until.as_millisecond()),
                &endpoint.created_at.as_millisecond(),
                &integer("version", endpoint.version)?,
                &i64::from(most),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Every endpoint, by id.
pub(super) async fn list(pool: &Pool) -> Result<Vec<Endpoint>, CatalogError> {
    pool.read(LIST, &[]).await?.iter().map(endpoint).collect()
}

/// Writes what may be changed, if nobody did since.
pub(super) async fn update(pool: &Pool, endpoint: &Endpoint) -> Result<bool, CatalogError> {
    let rows = pool
        .once(
            UPDATE,
            &[
                &endpoint.id.as_str(),
                &integer("version", endpoint.version)?,
                &endpoint.url,
                &join_kinds(&endpoint.kinds),
                &join(&endpoint.buckets),
                &endpoint.disabled,
                &integer("generation", endpoint.generation)?,
                &endpoint
                    .old_secret_until
                    .map(|until| until.as_millisecond()),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Removes some of its deliveries or, with the last of them, itself.
pub(super) async fn remove(pool: &Pool, id: &EndpointId, limit: u32) -> Result<bool, CatalogError> {
    let (id, most) = (id.as_str(), i64::from(limit));
    patiently(async {
        let transaction = pool.begin().await?;
        transaction.query(HOLD, &[&id]).await?;
        let removed = transaction.execute(REMOVE_SOME, &[&id, &most]).await?;
        let gone = removed < u64::from(limit);
        if gone {
            transaction.execute(REMOVE, &[&id]).await?;
        }
        transaction.commit().await?;
        Ok(gone)
    })
    .await
}

/// Moves the cursor back.
pub(super) async fn rewind(
    pool: &Pool,
    id: &EndpointId,
    position: u64,
) -> Result<bool, CatalogError> {
    let position = integer("position", position)?;
    let rows = pool.once(REWIND, &[&id.as_str(), &position]).await?;
    Ok(!rows.is_empty())
}

fn endpoint(row: &Row) -> Result<Endpoint, CatalogError> {
    let mut columns = Columns::of(row);
    Ok(Endpoint {
        id: columns.text()?,
        url: columns.get()?,
        kinds: columns.read(|text: &str| Ok(split_kinds(text)))?,
        buckets: columns.read(|text: &str| Ok(split(text)))?,
        origin: columns.word(Origin::ALL, Origin::as_str)?,
        disabled: columns.get()?,
        generation: columns.number()?,
        old_secret_until: columns.optional_instant()?,
        cursor: columns.number()?,
        created_at: columns.instant()?,
        version: columns.number()?,
    })
}
