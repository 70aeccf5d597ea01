//! Links, and their uses.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use valetkey_protocol::FileId;

use super::row::{Columns, uuid};
use super::{PostgresCatalog, written};
use crate::delivery::{join, split};
use crate::value::integer;
use crate::{CatalogError, Link, LinkList, LinkUse, Links, SecretHash};

/// How many rows are forgotten by one statement.
const FORGOTTEN_AT_ONCE: i64 = 5000;

/// The columns of a link, in the order [`link`] reads them.
macro_rules! columns {
    () => {
        "id, hash, file_id, tenant, owner, made_by, name, created_at, expires_at, max_downloads, downloads, \
         networks, password, landing, revoked_at"
    };
}

/// Two that come at once may both find room for one: the count is a bound against mistakes, and no promise.
const INSERT: &str = concat!(
    "INSERT INTO link (",
    columns!(),
    ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 \
     WHERE (SELECT count(*) FROM link WHERE file_id = $3) < $16::bigint RETURNING 1"
);

const FIND: &str = concat!("SELECT ", columns!(), " FROM link WHERE id = $1");

const FIND_BY_HASH: &str = concat!("SELECT ", columns!(), " FROM link WHERE hash = $1");

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM link WHERE ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR owner = $2) \
     AND ($3::uuid IS NULL OR file_id = $3) AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
);

/// One statement is one transaction; of those that wait for the row each looks at it anew.
const USE: &str = "WITH used AS (UPDATE link SET downloads = downloads + 1 WHERE id = $1 AND revoked_at IS NULL \
     AND expires_at > $2 AND (max_downloads IS NULL OR downloads < max_downloads) RETURNING id, downloads) \
     INSERT INTO link_use (link_id, number, at, address, agent) SELECT id, downloads, $2, $3, $4 FROM used \
     RETURNING number";

const REVOKE: &str =
    "UPDATE link SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING 1";

const USES: &str = "SELECT number, at, address, agent FROM link_use WHERE link_id = $1 AND number < $2 \
     ORDER BY number DESC LIMIT $3";

/// A day has 86,400,000 milliseconds, and none of these lies before 1970.
const DAYS: &str = "SELECT at / 86400000, count(*) FROM link_use WHERE link_id = $1 GROUP BY 1 \
     ORDER BY 1 DESC LIMIT $2";

const FORGET: [&str; 3] = [
    "DELETE FROM link_use WHERE (link_id, number) IN (SELECT link_id, number FROM link_use WHERE at < $1 \
     ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    "DELETE FROM link WHERE id IN (SELECT id FROM link WHERE coalesce(revoked_at, expires_at) < $1 OR \
     (created_at < $1 AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.id = link.file_id)) LIMIT $2 \
     FOR UPDATE SKIP LOCKED)",
    "DELETE FROM link_use WHERE (link_id, number) IN (SELECT link_id, number FROM link_use WHERE at < $1 OR \
     NOT EXISTS (SELECT 1 FROM link WHERE link.id = link_use.link_id) LIMIT $2 FOR UPDATE SKIP LOCKED)",
];

#[async_trait]
impl Links for PostgresCatalog {
    async fn insert_link(&self, link: Link, most: u32) -> Result<bool, CatalogError> {
        let max = link.max_downloads.map(|max| integer("max_downloads", max));
        let (max, downloads) = (max.transpose()?, integer("downloads", link.downloads)?);
        let values: [&(dyn ToSql + Sync); 16] = [
            &uuid(link.id),
            &link.hash.as_slice(),
            &uuid(link.file),
            &link.tenant.as_str(),
            &link.owner.as_str(),
            &link.made_by.as_str(),
            &link.name,
            &link.created_at.as_millisecond(),
            &link.expires_at.as_millisecond(),
            &max,
            &downloads,
            &join(&link.networks),
            &link.password,
            &link.landing,
            &link.revoked_at.map(Timestamp::as_millisecond),
            &i64::from(most),
        ];
        let rows = written("insert_link", self.pool.once(INSERT, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn find_link(&self, id: FileId) -> Result<Option<Link>, CatalogError> {
        let rows = self.pool.read(FIND, &[&uuid(id)]).await?;
        rows.first().map(link).transpose()
    }

    async fn find_link_by_hash(&self, hash: SecretHash) -> Result<Option<Link>, CatalogError> {
        let rows = self.pool.read(FIND_BY_HASH, &[&hash.as_slice()]).await?;
        rows.first().map(link).transpose()
    }

    async fn list_links(&self, list: LinkList) -> Result<Vec<Link>, CatalogError> {
        let values: [&(dyn ToSql + Sync); 5] = [
            &list.tenant.as_ref().map(|tenant| tenant.as_str()),
            &list.owner.as_ref().map(|owner| owner.as_str()),
            &list.file.map(uuid),
            &list.before.map(uuid),
            &i64::from(list.limit),
        ];
        let rows = self.pool.read(LIST, &values).await?;
        rows.iter().map(link).collect()
    }

    async fn use_link(&self, id: FileId, usage: LinkUse) -> Result<Option<u64>, CatalogError> {
        let values: [&(dyn ToSql + Sync); 4] = [
            &uuid(id),
            &usage.at.as_millisecond(),
            &usage.address,
            &usage.agent,
        ];
        let rows = written("use_link", self.pool.once(USE, &values)).await?;
        rows.first()
            .map(|row| Columns::of(row).number())
            .transpose()
    }

    async fn revoke_link(&self, id: FileId, at: Timestamp) -> Result<bool, CatalogError> {
        let values: [&(dyn ToSql + Sync); 2] = [&uuid(id), &at.as_millisecond()];
        let rows = written("revoke_link", self.pool.once(REVOKE, &values)).await?;
        Ok(!rows.is_empty())
    }

    async fn link_uses(
        &self,
        id: FileId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, LinkUse)>, CatalogError> {
        let before = before.map_or(Ok(i64::MAX), |number| integer("before", number))?;
        let values: [&(dyn ToSql + Sync); 3] = [&uuid(id), &before, &i64::from(limit)];
        let rows = self.pool.read(USES, &values).await?;
        rows.iter().map(link_use).collect()
    }

    async fn link_days(&self, id: FileId, limit: u32) -> Result<Vec<(i64, u64)>, CatalogError> {
        let values: [&(dyn ToSql + Sync); 2] = [&uuid(id), &i64::from(limit)];
        let rows = self.pool.read(DAYS, &values).await?;
        let day = |row: &Row| {
            let mut columns = Columns::of(row);
            Ok((columns.get()?, columns.number()?))
        };
        rows.iter().map(day).collect()
    }

    async fn forget_links_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        let then = then.as_millisecond();
        let full = FORGOTTEN_AT_ONCE.unsigned_abs();
        written("forget_links", async {
            let values: [&(dyn ToSql + Sync); 2] = [&then, &FORGOTTEN_AT_ONCE];
            for sql in FORGET {
                while self.pool.repeat(sql, &values).await? >= full {}
            }
            Ok(())
        })
        .await
    }
}

fn link(row: &Row) -> Result<Link, CatalogError> {
    let mut columns = Columns::of(row);
    Ok(Link {
        id: columns.id()?,
        hash: columns.read(|hash: &[u8]| Ok(SecretHash::try_from(hash)?))?,
        file: columns.id()?,
        tenant: columns.text()?,
        owner: columns.text()?,
        made_by: columns.text()?,
        name: columns.get()?,
        created_at: columns.instant()?,
        expires_at: columns.instant()?,
        max_downloads: columns.optional(|max: i64| Ok(u64::try_from(max)?))?,
        downloads: columns.number()?,
        networks: columns.read(|text: &str| Ok(split(text)))?,
        password: columns.get()?,
        landing: columns.get()?,
        revoked_at: columns.optional_instant()?,
    })
}

fn link_use(row: &Row) -> Result<(u64, LinkUse), CatalogError> {
    let mut columns = Columns::of(row);
    let number = columns.number()?;
    let usage = LinkUse {
        at: columns.instant()?,
        address: columns.get()?,
        agent: columns.get()?,
    };
    Ok((number, usage))
}
