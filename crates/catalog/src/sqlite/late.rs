//! Late uploads.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteCatalog;
use super::change::changes;
use super::row::{all, columns, integer};
use crate::{CatalogError, LateUploads, Owner, Postponement, Record};

pub(super) const AWAITED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM upload INDEXED BY upload_awaited WHERE state = 'pending' AND look_at IS NOT NULL \
     AND owner = ?1 AND bucket = ?2 AND tenant = ?4 ORDER BY id DESC LIMIT ?3"
);

#[async_trait]
impl LateUploads for SqliteCatalog {
    async fn look_later(&self, later: Postponement) -> Result<(), CatalogError> {
        let look = move |connection: &Connection| look_later(connection, later);
        self.relieve("look_later", look).await
    }

    async fn list_awaited(
        &self,
        owner: Owner,
        bucket: String,
        limit: u32,
    ) -> Result<Vec<Record>, CatalogError> {
        let list = move |connection: &Connection| {
            let (tenant, owner) = (owner.tenant.as_str(), owner.subject.as_str());
            all(connection, AWAITED, params![owner, bucket, limit, tenant])
        };
        self.read(list).await
    }
}

fn look_later(connection: &Connection, later: Postponement) -> Result<(), CatalogError> {
    let sql = "UPDATE upload SET look_at = ?3, attempts = 0, postponed_until = 0 \
         WHERE id = ?1 AND attempts = ?2 AND state = 'pending' AND look_at IS NOT NULL";
    let attempt = integer("attempt", later.attempt)?;
    let values = params![later.id.as_bytes(), attempt, later.until.as_millisecond()];
    changes(connection, sql, values).map(|_| ())
}
