//! API keys.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::params;
use valetkey_protocol::api_key::ApiKeyId;

use super::SqliteCatalog;
use super::change::changes;
use super::row::{self, Columns, collect};
use crate::api_key::{join_scopes, split_scopes};
use crate::{ApiKey, ApiKeys, CatalogError, Rotation, SecretHash};

/// The columns of a key, in the order [`api_key`] reads them.
macro_rules! columns {
    () => {
        "id, name, tenant, subject, scopes, hash, old_hash, old_until, created_at, expires_at, last_used_at"
    };
}

const FIND: &str = concat!("SELECT ", columns!(), " FROM api_key WHERE id = ?1");

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM api_key ORDER BY created_at, id"
);

#[async_trait]
impl ApiKeys for SqliteCatalog {
    async fn insert_api_key(&self, key: ApiKey, most: u32) -> Result<bool, CatalogError> {
        self.write("insert_api_key", move |connection| {
            let sql = "INSERT INTO api_key (id, name, subject, scopes, hash, old_hash, old_until, created_at, \
                 expires_at, last_used_at, tenant) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12 \
                 WHERE (SELECT count(*) FROM api_key WHERE tenant = ?12) < ?11 ON CONFLICT (id) DO NOTHING";
            let instant = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
            let values = params![
                key.id.as_str(),
                key.name,
                key.subject.as_str(),
                join_scopes(&key.scopes, &key.tenant),
                key.hash,
                key.old.map(|(hash, _)| hash),
                instant(key.old.map(|(_, until)| until)),
                key.created_at.as_millisecond(),
                instant(key.expires_at),
                instant(key.last_used_at),
                most,
                key.tenant.as_str(),
            ];
            changes(connection, sql, values)
        })
        .await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, CatalogError> {
        self.read(|connection| collect(connection, LIST, [], api_key))
            .await
    }

    async fn find_api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, CatalogError> {
        self.read(move |connection| Ok(collect(connection, FIND, [id.as_str()], api_key)?.pop()))
            .await
    }

    async fn rotate_api_key(&self, rotation: Rotation) -> Result<bool, CatalogError> {
        self.write("rotate_api_key", move |connection| {
            let sql = "UPDATE api_key SET hash = ?3, old_hash = hash, old_until = ?4 WHERE id = ?1 AND hash = ?2";
            let Rotation { id, from, to, .. } = rotation;
            let until = rotation.old_until.as_millisecond();
            changes(connection, sql, params![id.as_str(), from, to, until])
        })
        .await
    }

    async fn remove_api_key(&self, id: ApiKeyId) -> Result<bool, CatalogError> {
        self.relieve("remove_api_key", move |connection| {
            changes(
                connection,
                "DELETE FROM api_key WHERE id = ?1",
                [id.as_str()],
            )
        })
        .await
    }

    async fn use_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), CatalogError> {
        self.write("use_api_key", move |connection| {
            let sql = "UPDATE api_key SET last_used_at = ?2 \
                 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
            changes(connection, sql, params![id.as_str(), at.as_millisecond()]).map(|_| ())
        })
        .await
    }
}

fn api_key(columns: &mut Columns<'_, '_>) -> Result<ApiKey, CatalogError> {
    let (id, name) = (columns.text()?, columns.text()?);
    let (tenant, subject) = (columns.text()?, columns.text()?);
    let scopes = columns.read(|text| Ok(split_scopes(text.as_str()?, &tenant)))?;
    let hash = columns.read(|hash| Ok(SecretHash::try_from(hash.as_blob()?)?))?;
    let old_hash = columns.optional(|hash| Ok(SecretHash::try_from(hash.as_blob()?)?))?;
    let old_until = columns.optional(row::instant)?;
    Ok(ApiKey {
        id,
        name,
        tenant,
        subject,
        scopes,
        hash,
        old: old_hash.zip(old_until),
        created_at: columns.read(row::instant)?,
        expires_at: columns.optional(row::instant)?,
        last_used_at: columns.optional(row::instant)?,
    })
}
