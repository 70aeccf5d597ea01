//! API keys.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use valetkey_protocol::api_key::ApiKeyId;

use super::row::Columns;
use super::{PostgresCatalog, written};
use crate::api_key::{join_scopes, split_scopes};
use crate::{ApiKey, ApiKeys, CatalogError, Rotation, SecretHash};

/// Two that come at once may both find room for one: the count is a bound against mistakes, and no promise.
const INSERT: &str = "INSERT INTO api_key (id, name, subject, scopes, hash, old_hash, old_until, created_at, \
     expires_at, last_used_at, tenant) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12 \
     WHERE (SELECT count(*) FROM api_key WHERE tenant = $12) < $11::bigint ON CONFLICT (id) DO NOTHING RETURNING 1";

/// The columns of a key, in the order [`api_key`] reads them.
macro_rules! columns {
    () => {
        "id, name, tenant, subject, scopes, hash, old_hash, old_until, created_at, expires_at, last_used_at"
    };
}

const FIND: &str = concat!("SELECT ", columns!(), " FROM api_key WHERE id = $1");

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM api_key ORDER BY created_at, id"
);

const ROTATE: &str = "UPDATE api_key SET hash = $3, old_hash = hash, old_until = $4 WHERE id = $1 AND hash = $2 \
     RETURNING 1";

const REMOVE: &str = "DELETE FROM api_key WHERE id = $1 RETURNING 1";

const USE: &str = "UPDATE api_key SET last_used_at = $2 \
     WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

#[async_trait]
impl ApiKeys for PostgresCatalog {
    async fn insert_api_key(&self, key: ApiKey, most: u32) -> Result<bool, CatalogError> {
        let instant = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
        let (scopes, most) = (join_scopes(&key.scopes, &key.tenant), i64::from(most));
        let old_hash = key.old.as_ref().map(|(hash, _)| hash.as_slice());
        let old_until = instant(key.old.map(|(_, until)| until));
        let values: [&(dyn ToSql + Sync); 12] = [
            &key.id.as_str(),
            &key.name,
            &key.subject.as_str(),
            &scopes,
            &key.hash.as_slice(),
            &old_hash,
            &old_until,
            &key.created_at.as_millisecond(),
            &instant(key.expires_at),
            &instant(key.last_used_at),
            &most,
            &key.tenant.as_str(),
        ];
        let rows = written("insert_api_key", self.pool.once(INSERT, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, CatalogError> {
        self.pool
            .read(LIST, &[])
            .await?
            .iter()
            .map(api_key)
            .collect()
    }

    async fn find_api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, CatalogError> {
        let rows = self.pool.read(FIND, &[&id.as_str()]).await?;
        rows.first().map(api_key).transpose()
    }

    async fn rotate_api_key(&self, rotation: Rotation) -> Result<bool, CatalogError> {
        let values: [&(dyn ToSql + Sync); 4] = [
            &rotation.id.as_str(),
            &rotation.from.as_slice(),
            &rotation.to.as_slice(),
            &rotation.old_until.as_millisecond(),
        ];
        let rows = written("rotate_api_key", self.pool.once(ROTATE, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn remove_api_key(&self, id: ApiKeyId) -> Result<bool, CatalogError> {
        let id = id.as_str();
        let values: [&(dyn ToSql + Sync); 1] = [&id];
        let rows = written("remove_api_key", self.pool.once(REMOVE, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn use_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), CatalogError> {
        let (id, at) = (id.as_str(), at.as_millisecond());
        let values: [&(dyn ToSql + Sync); 2] = [&id, &at];
        let work = self.pool.repeat(USE, &values);
        written("use_api_key", work).await.map(|_| ())
    }
}

fn api_key(row: &Row) -> Result<ApiKey, CatalogError> {
    let mut columns = Columns::of(row);
    let (id, name) = (columns.text()?, columns.text()?);
    let (tenant, subject) = (columns.text()?, columns.text()?);
    let scopes = columns.read(|text: &str| Ok(split_scopes(text, &tenant)))?;
    let hash = columns.read(|hash: &[u8]| Ok(SecretHash::try_from(hash)?))?;
    let old_hash = columns.optional(|hash: &[u8]| Ok(SecretHash::try_from(hash)?))?;
    let old_until = columns.optional_instant()?;
    Ok(ApiKey {
        id,
        name,
        tenant,
        subject,
        scopes,
        hash,
        old: old_hash.zip(old_until),
        created_at: columns.instant()?,
        expires_at: columns.optional_instant()?,
        last_used_at: columns.optional_instant()?,
    })
}
