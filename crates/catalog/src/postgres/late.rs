//! Late uploads.

use async_trait::async_trait;
use tokio_postgres::types::ToSql;

use super::row::{columns, records, uuid};
use super::{PostgresCatalog, written};
use crate::value::integer;
use crate::{CatalogError, LateUploads, Owner, Postponement, Record};

const LOOK_LATER: &str = "UPDATE upload SET look_at = $3, attempts = 0, postponed_until = 0 \
     WHERE id = $1 AND attempts = $2 AND state = 'pending' AND look_at IS NOT NULL";

const AWAITED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM upload WHERE state = 'pending' AND look_at IS NOT NULL AND owner = $1 AND bucket = $2 \
     AND tenant = $4 ORDER BY id DESC LIMIT $3"
);

#[async_trait]
impl LateUploads for PostgresCatalog {
    async fn look_later(&self, later: Postponement) -> Result<(), CatalogError> {
        let attempt = integer("attempt", later.attempt)?;
        let (id, until) = (uuid(later.id), later.until.as_millisecond());
        let values: [&(dyn ToSql + Sync); 3] = [&id, &attempt, &until];
        let work = self.pool.repeat(LOOK_LATER, &values);
        written("look_later", work).await.map(|_| ())
    }

    async fn list_awaited(
        &self,
        owner: Owner,
        bucket: String,
        limit: u32,
    ) -> Result<Vec<Record>, CatalogError> {
        let (tenant, owner) = (owner.tenant.as_str(), owner.subject.as_str());
        let limit = i64::from(limit);
        let values: [&(dyn ToSql + Sync); 4] = [&owner, &bucket, &limit, &tenant];
        records(&self.pool.read(AWAITED, &values).await?)
    }
}
