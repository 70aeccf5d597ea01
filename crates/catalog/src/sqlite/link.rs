//! Links, and their uses.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params};
use valetkey_protocol::FileId;

use super::SqliteCatalog;
use super::change::{atomically, changes};
use super::error::from_sqlite;
use super::row::{self, Columns, collect, integer};
use crate::delivery::{join, split};
use crate::{CatalogError, Link, LinkList, LinkUse, Links, SecretHash};

/// The columns of a link, in the order [`link`] reads them.
macro_rules! columns {
    () => {
        "id, hash, file_id, tenant, owner, made_by, name, created_at, expires_at, max_downloads, downloads, \
         networks, password, landing, revoked_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO link (",
    columns!(),
    ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15 \
     WHERE (SELECT count(*) FROM link WHERE file_id = ?3) < ?16"
);

const FIND: &str = concat!("SELECT ", columns!(), " FROM link WHERE id = ?1");

const FIND_BY_HASH: &str = concat!("SELECT ", columns!(), " FROM link WHERE hash = ?1");

const COUNT: &str = "UPDATE link SET downloads = downloads + 1 WHERE id = ?1 AND revoked_at IS NULL \
     AND expires_at > ?2 AND (max_downloads IS NULL OR downloads < max_downloads) RETURNING downloads";

const REMEMBER: &str =
    "INSERT INTO link_use (link_id, number, at, address, agent) VALUES (?1, ?2, ?3, ?4, ?5)";

const USES: &str = "SELECT number, at, address, agent FROM link_use WHERE link_id = ?1 AND number < ?2 \
     ORDER BY number DESC LIMIT ?3";

/// A day has 86,400,000 milliseconds, and none of these lies before 1970.
const DAYS: &str = "SELECT at / 86400000, count(*) FROM link_use WHERE link_id = ?1 GROUP BY 1 \
     ORDER BY 1 DESC LIMIT ?2";

const FORGET: [&str; 3] = [
    "DELETE FROM link_use WHERE at < ?1",
    "DELETE FROM link WHERE coalesce(revoked_at, expires_at) < ?1 OR \
     (created_at < ?1 AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.id = link.file_id))",
    "DELETE FROM link_use WHERE at < ?1 OR NOT EXISTS (SELECT 1 FROM link WHERE link.id = link_use.link_id)",
];

#[async_trait]
impl Links for SqliteCatalog {
    async fn insert_link(&self, link: Link, most: u32) -> Result<bool, CatalogError> {
        let max = link.max_downloads.map(|max| integer("max_downloads", max));
        let max = max.transpose()?;
        let downloads = integer("downloads", link.downloads)?;
        self.write("insert_link", move |connection| {
            let values = params![
                link.id.as_bytes(),
                link.hash,
                link.file.as_bytes(),
                link.tenant.as_str(),
                link.owner.as_str(),
                link.made_by.as_str(),
                link.name,
                link.created_at.as_millisecond(),
                link.expires_at.as_millisecond(),
                max,
                downloads,
                join(&link.networks),
                link.password,
                link.landing,
                link.revoked_at.map(Timestamp::as_millisecond),
                most,
            ];
            changes(connection, INSERT, values)
        })
        .await
    }

    async fn find_link(&self, id: FileId) -> Result<Option<Link>, CatalogError> {
        self.read(move |connection| Ok(collect(connection, FIND, [id.as_bytes()], link)?.pop()))
            .await
    }

    async fn find_link_by_hash(&self, hash: SecretHash) -> Result<Option<Link>, CatalogError> {
        self.read(move |connection| Ok(collect(connection, FIND_BY_HASH, [hash], link)?.pop()))
            .await
    }

    async fn list_links(&self, list: LinkList) -> Result<Vec<Link>, CatalogError> {
        self.read(move |connection| {
            let (sql, values) = query(&list);
            let values = rusqlite::params_from_iter(values);
            collect(connection, &sql, values, link)
        })
        .await
    }

    async fn use_link(&self, id: FileId, usage: LinkUse) -> Result<Option<u64>, CatalogError> {
        self.write("use_link", move |connection| {
            atomically(connection, || count(connection, id, &usage))
        })
        .await
    }

    async fn revoke_link(&self, id: FileId, at: Timestamp) -> Result<bool, CatalogError> {
        self.relieve("revoke_link", move |connection| {
            let sql = "UPDATE link SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
            changes(connection, sql, params![id.as_bytes(), at.as_millisecond()])
        })
        .await
    }

    async fn link_uses(
        &self,
        id: FileId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, LinkUse)>, CatalogError> {
        let before = before.map_or(Ok(i64::MAX), |number| integer("before", number))?;
        self.read(move |connection| {
            let values = params![id.as_bytes(), before, limit];
            collect(connection, USES, values, link_use)
        })
        .await
    }

    async fn link_days(&self, id: FileId, limit: u32) -> Result<Vec<(i64, u64)>, CatalogError> {
        self.read(move |connection| {
            let values = params![id.as_bytes(), limit];
            collect(connection, DAYS, values, |columns| {
                Ok((columns.read(|day| Ok(day.as_i64()?))?, columns.number()?))
            })
        })
        .await
    }

    async fn forget_links_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        let then = then.as_millisecond();
        self.relieve("forget_links", move |connection| {
            atomically(connection, || {
                let forget = |sql: &&str| changes(connection, sql, [then]).map(|_| ());
                FORGET.iter().try_for_each(forget)
            })
        })
        .await
    }
}

fn count(
    connection: &Connection,
    id: FileId,
    usage: &LinkUse,
) -> Result<Option<u64>, CatalogError> {
    let at = usage.at.as_millisecond();
    let mut statement = connection.prepare_cached(COUNT).map_err(from_sqlite)?;
    let number: Option<i64> = statement
        .query_row(params![id.as_bytes(), at], |row| row.get(0))
        .optional()
        .map_err(from_sqlite)?;
    let Some(number) = number else {
        return Ok(None);
    };
    let values = params![id.as_bytes(), number, at, usage.address, usage.agent];
    changes(connection, REMEMBER, values)?;
    Ok(Some(number.unsigned_abs()))
}

fn query(list: &LinkList) -> (String, Vec<Value>) {
    let mut sql = concat!("SELECT ", columns!(), " FROM link WHERE true").to_owned();
    let mut values = Vec::new();
    let blob = |id: FileId| Value::Blob(id.as_bytes().to_vec());
    let text = |text: &str| Value::Text(text.to_owned());
    let conditions = [
        (
            " AND tenant = ?",
            list.tenant.as_ref().map(|one| text(one.as_str())),
        ),
        (
            " AND owner = ?",
            list.owner.as_ref().map(|one| text(one.as_str())),
        ),
        (" AND file_id = ?", list.file.map(blob)),
        (" AND id < ?", list.before.map(blob)),
        (
            " ORDER BY id DESC LIMIT ?",
            Some(i64::from(list.limit).into()),
        ),
    ];
    for (condition, value) in conditions {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    }
    (sql, values)
}

fn link(columns: &mut Columns<'_, '_>) -> Result<Link, CatalogError> {
    Ok(Link {
        id: columns.read(row::id)?,
        hash: columns.read(|hash| Ok(SecretHash::try_from(hash.as_blob()?)?))?,
        file: columns.read(row::id)?,
        tenant: columns.text()?,
        owner: columns.text()?,
        made_by: columns.text()?,
        name: columns.text()?,
        created_at: columns.read(row::instant)?,
        expires_at: columns.read(row::instant)?,
        max_downloads: columns.optional(|max| Ok(u64::try_from(max.as_i64()?)?))?,
        downloads: columns.number()?,
        networks: columns.read(|text| Ok(split(text.as_str()?)))?,
        password: columns.optional_text()?,
        landing: columns.read(|flag| Ok(flag.as_i64()? != 0))?,
        revoked_at: columns.optional(row::instant)?,
    })
}

fn link_use(columns: &mut Columns<'_, '_>) -> Result<(u64, LinkUse), CatalogError> {
    let number = columns.number()?;
    let usage = LinkUse {
        at: columns.read(row::instant)?,
        address: columns.optional_text()?,
        agent: columns.optional_text()?,
    };
    Ok((number, usage))
}
