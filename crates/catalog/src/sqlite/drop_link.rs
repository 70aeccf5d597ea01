//! Drop links.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::params;
use valetkey_protocol::FileId;

use super::change::changes;
use super::row::{self, Columns, collect, integer};
use super::{SqliteCatalog, ticket};
use crate::delivery::{join, split};
use crate::{CatalogError, DropLink, DropLinks, DropList, TicketId};

/// The columns of a drop link, in the order [`drop_link`] reads them.
macro_rules! columns {
    () => {
        "id, tenant, owner, bucket, path, name, created_at, expires_at, max_files, max_size, max_bytes, \
         content_types, revoked_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO drop_link (",
    columns!(),
    ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 \
     WHERE (SELECT count(*) FROM drop_link WHERE tenant = ?2 AND owner = ?3) < ?14"
);

const FIND: &str = concat!("SELECT ", columns!(), " FROM drop_link WHERE id = ?1");

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM drop_link WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR owner = ?2) \
     AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4"
);

#[async_trait]
impl DropLinks for SqliteCatalog {
    async fn insert_drop(&self, drop: DropLink, most: u32) -> Result<bool, CatalogError> {
        let number = |value: Option<u64>| value.map(|value| integer("a limit", value)).transpose();
        let files = number(drop.max_files)?;
        let (size, bytes) = (number(drop.max_size)?, number(drop.max_bytes)?);
        self.write("insert_drop", move |connection| {
            let values = params![
                drop.id.as_bytes(),
                drop.tenant.as_str(),
                drop.owner.as_str(),
                drop.bucket,
                drop.path.as_str(),
                drop.name,
                drop.created_at.as_millisecond(),
                drop.expires_at.as_millisecond(),
                files,
                size,
                bytes,
                join(&drop.content_types),
                drop.revoked_at.map(Timestamp::as_millisecond),
                most,
            ];
            changes(connection, INSERT, values)
        })
        .await
    }

    async fn find_drop(&self, id: FileId) -> Result<Option<DropLink>, CatalogError> {
        self.read(
            move |connection| Ok(collect(connection, FIND, [id.as_bytes()], drop_link)?.pop()),
        )
        .await
    }

    async fn list_drops(&self, list: DropList) -> Result<Vec<DropLink>, CatalogError> {
        self.read(move |connection| {
            let values = params![
                list.tenant.as_ref().map(|tenant| tenant.as_str()),
                list.owner.as_ref().map(|owner| owner.as_str()),
                list.before.as_ref().map(FileId::as_bytes),
                list.limit,
            ];
            collect(connection, LIST, values, drop_link)
        })
        .await
    }

    async fn revoke_drop(&self, id: FileId, at: Timestamp) -> Result<bool, CatalogError> {
        self.relieve("revoke_drop", move |connection| {
            let sql = "UPDATE drop_link SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
            changes(connection, sql, params![id.as_bytes(), at.as_millisecond()])
        })
        .await
    }

    async fn ticket_sums(&self, tickets: Vec<TicketId>) -> Result<Vec<(u64, u64)>, CatalogError> {
        self.read(move |connection| {
            let sums = tickets.iter().map(|id| ticket::sum(connection, id));
            sums.collect()
        })
        .await
    }

    async fn forget_drops_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        self.relieve("forget_drops", move |connection| {
            let sql = "DELETE FROM drop_link WHERE coalesce(revoked_at, expires_at) < ?1";
            changes(connection, sql, [then.as_millisecond()]).map(|_| ())
        })
        .await
    }
}

fn drop_link(columns: &mut Columns<'_, '_>) -> Result<DropLink, CatalogError> {
    let limit = |value: rusqlite::types::ValueRef<'_>| Ok(u64::try_from(value.as_i64()?)?);
    Ok(DropLink {
        id: columns.read(row::id)?,
        tenant: columns.text()?,
        owner: columns.text()?,
        bucket: columns.text()?,
        path: columns.text()?,
        name: columns.text()?,
        created_at: columns.read(row::instant)?,
        expires_at: columns.read(row::instant)?,
        max_files: columns.optional(limit)?,
        max_size: columns.optional(limit)?,
        max_bytes: columns.optional(limit)?,
        content_types: columns.read(|text| Ok(split(text.as_str()?)))?,
        revoked_at: columns.optional(row::instant)?,
    })
}
