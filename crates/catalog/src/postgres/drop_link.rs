//! Drop links.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use valetkey_protocol::FileId;

use super::row::{Columns, uuid};
use super::{PostgresCatalog, ticket, written};
use crate::delivery::{join, split};
use crate::value::integer;
use crate::{CatalogError, DropLink, DropLinks, DropList, TicketId};

/// How many rows are forgotten by one statement.
const FORGOTTEN_AT_ONCE: i64 = 5000;

/// The columns of a drop link, in the order [`drop_link`] reads them.
macro_rules! columns {
    () => {
        "id, tenant, owner, bucket, path, name, created_at, expires_at, max_files, max_size, max_bytes, \
         content_types, revoked_at"
    };
}

/// Two that come at once may both find room for one: the count is a bound against mistakes, and no promise.
const INSERT: &str = concat!(
    "INSERT INTO drop_link (",
    columns!(),
    ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 \
     WHERE (SELECT count(*) FROM drop_link WHERE tenant = $2 AND owner = $3) < $14::bigint RETURNING 1"
);

const FIND: &str = concat!("SELECT ", columns!(), " FROM drop_link WHERE id = $1");

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM drop_link WHERE ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR owner = $2) \
     AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4"
);

const REVOKE: &str =
    "UPDATE drop_link SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING 1";

const FORGET: &str = "DELETE FROM drop_link WHERE id IN (SELECT id FROM drop_link \
     WHERE coalesce(revoked_at, expires_at) < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

#[async_trait]
impl DropLinks for PostgresCatalog {
    async fn insert_drop(&self, drop: DropLink, most: u32) -> Result<bool, CatalogError> {
        let number = |value: Option<u64>| value.map(|value| integer("a limit", value)).transpose();
        let values: [&(dyn ToSql + Sync); 14] = [
            &uuid(drop.id),
            &drop.tenant.as_str(),
            &drop.owner.as_str(),
            &drop.bucket,
            &drop.path.as_str(),
            &drop.name,
            &drop.created_at.as_millisecond(),
            &drop.expires_at.as_millisecond(),
            &number(drop.max_files)?,
            &number(drop.max_size)?,
            &number(drop.max_bytes)?,
            &join(&drop.content_types),
            &drop.revoked_at.map(Timestamp::as_millisecond),
            &i64::from(most),
        ];
        let rows = written("insert_drop", self.pool.once(INSERT, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn find_drop(&self, id: FileId) -> Result<Option<DropLink>, CatalogError> {
        let rows = self.pool.read(FIND, &[&uuid(id)]).await?;
        rows.first().map(drop_link).transpose()
    }

    async fn list_drops(&self, list: DropList) -> Result<Vec<DropLink>, CatalogError> {
        let values: [&(dyn ToSql + Sync); 4] = [
            &list.tenant.as_ref().map(|tenant| tenant.as_str()),
            &list.owner.as_ref().map(|owner| owner.as_str()),
            &list.before.map(uuid),
            &i64::from(list.limit),
        ];
        let rows = self.pool.read(LIST, &values).await?;
        rows.iter().map(drop_link).collect()
    }

    async fn revoke_drop(&self, id: FileId, at: Timestamp) -> Result<bool, CatalogError> {
        let values: [&(dyn ToSql + Sync); 2] = [&uuid(id), &at.as_millisecond()];
        let rows = written("revoke_drop", self.pool.once(REVOKE, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn ticket_sums(&self, tickets: Vec<TicketId>) -> Result<Vec<(u64, u64)>, CatalogError> {
        let ids: Vec<&[u8]> = tickets.iter().map(TicketId::as_slice).collect();
        let rows = self.pool.read(ticket::COUNT, &[&ids]).await?;
        let mut sums = vec![(0, 0); tickets.len()];
        for row in &rows {
            let (id, used) = ticket::read(&mut Columns::of(row))?;
            for (ticket, sum) in tickets.iter().zip(&mut sums) {
                if *ticket == id {
                    *sum = used;
                }
            }
        }
        Ok(sums)
    }

    async fn forget_drops_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        let then = then.as_millisecond();
        let full = FORGOTTEN_AT_ONCE.unsigned_abs();
        written("forget_drops", async {
            let values: [&(dyn ToSql + Sync); 2] = [&then, &FORGOTTEN_AT_ONCE];
            while self.pool.repeat(FORGET, &values).await? >= full {}
            Ok(())
        })
        .await
    }
}

fn drop_link(row: &Row) -> Result<DropLink, CatalogError> {
    let mut columns = Columns::of(row);
    Ok(DropLink {
        id: columns.id()?,
        tenant: columns.text()?,
        owner: columns.text()?,
        bucket: columns.get()?,
        path: columns.text()?,
        name: columns.get()?,
        created_at: columns.instant()?,
        expires_at: columns.instant()?,
        max_files: columns.optional_number()?,
        max_size: columns.optional_number()?,
        max_bytes: columns.optional_number()?,
        content_types: columns.read(|text: &str| Ok(split(text)))?,
        revoked_at: columns.optional_instant()?,
    })
}
