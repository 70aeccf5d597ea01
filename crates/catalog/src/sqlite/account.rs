//! Accounts: two rows for each upload, its owner's and its bucket's, changed in the transaction of its edge.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::change::changes;
use super::error::from_sqlite;
use super::row::integer;
use crate::account::Settlement;
use crate::owner::Holder;
use crate::{CatalogError, Limits, NewUpload, Over, Usage, Whose};

const FIND: &str = "SELECT open_uploads, reserved_bytes, files, stored_bytes FROM usage \
     WHERE owner = ?1 AND bucket = ?2";

const LIST: &str = "SELECT open_uploads, reserved_bytes, files, stored_bytes, bucket FROM usage \
     WHERE owner = ?1 ORDER BY bucket";

const LIST_TENANT: &str = "SELECT sum(open_uploads), sum(reserved_bytes), sum(files), sum(stored_bytes), bucket \
     FROM usage INDEXED BY usage_by_tenant WHERE tenant = ?1 AND tenant <> '' GROUP BY bucket ORDER BY bucket";

/// What is not the accounts of everybody is the default tenant's.
const LIST_DEFAULT: &str = "SELECT sum(open_uploads), sum(reserved_bytes), sum(files), sum(stored_bytes), bucket \
     FROM usage WHERE tenant = ?1 AND owner <> '' GROUP BY bucket ORDER BY bucket";

const RESERVE: &str = "INSERT INTO usage (owner, bucket, tenant, open_uploads, reserved_bytes, files, stored_bytes) \
     VALUES (?1, ?2, ?3, 1, ?4, 0, 0) \
     ON CONFLICT DO UPDATE SET open_uploads = open_uploads + 1, reserved_bytes = reserved_bytes + ?4";

/// The limit that an upload would go over, if any.
pub(super) fn over(
    connection: &Connection,
    upload: &NewUpload,
    limits: &Limits,
) -> Result<Option<Over>, CatalogError> {
    let owner = find(connection, Holder::of(upload), &upload.bucket)?;
    let bucket = find(connection, Holder::EVERYBODY, &upload.bucket)?;
    Ok(limits.exceeded(&owner, &bucket, upload.size))
}

/// Reserves the size of a new upload.
pub(super) fn reserve(connection: &Connection, upload: &NewUpload) -> Result<(), CatalogError> {
    change(connection, upload, RESERVE, &[upload.size])
}

/// Settles what an upload reserved, or a file took.
pub(super) fn settle(
    connection: &Connection,
    upload: &NewUpload,
    settlement: Settlement,
) -> Result<(), CatalogError> {
    macro_rules! settle {
        ($set:literal) => {
            concat!(
                "UPDATE usage SET ",
                $set,
                " WHERE owner = ?1 AND bucket = ?2 AND tenant = ?3"
            )
        };
    }
    match settlement {
        Settlement::Store { reserved, stored } => {
            let sql = settle!(
                "open_uploads = open_uploads - 1, reserved_bytes = reserved_bytes - ?4, \
                 files = files + 1, stored_bytes = stored_bytes + ?5"
            );
            change(connection, upload, sql, &[reserved, stored])
        }
        Settlement::Release(size) => {
            let sql =
                settle!("open_uploads = open_uploads - 1, reserved_bytes = reserved_bytes - ?4");
            change(connection, upload, sql, &[size])
        }
        Settlement::Remove(size) => {
            let sql = settle!("files = files - 1, stored_bytes = stored_bytes - ?4");
            change(connection, upload, sql, &[size])
        }
    }
}

/// What an owner, all of a tenant or everybody takes in each bucket.
pub(super) fn list(
    connection: &Connection,
    whose: &Whose,
) -> Result<Vec<(String, Usage)>, CatalogError> {
    let (sql, name) = match whose {
        Whose::Everybody => (LIST, Holder::EVERYBODY.text()),
        Whose::Owner(owner) => (LIST, owner.holder().text()),
        Whose::Tenant(tenant) if tenant.is_default() => (LIST_DEFAULT, "".into()),
        Whose::Tenant(tenant) => (LIST_TENANT, tenant.as_str().into()),
    };
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let rows = statement.query_map([name], |row| Ok((row.get(4)?, stored(row)?)));
    let rows = rows.map_err(from_sqlite)?;
    rows.map(|row| {
        let (bucket, stored) = row.map_err(from_sqlite)?;
        Ok((bucket, usage(stored)?))
    })
    .collect()
}

fn find(connection: &Connection, holder: Holder<'_>, bucket: &str) -> Result<Usage, CatalogError> {
    let mut statement = connection.prepare_cached(FIND).map_err(from_sqlite)?;
    let found = statement.query_row([&*holder.text(), bucket], stored);
    let found = found.optional().map_err(from_sqlite)?;
    found.map_or(Ok(Usage::default()), usage)
}

/// Changes both accounts of an upload; the sizes are bound from `?4` on.
fn change(
    connection: &Connection,
    upload: &NewUpload,
    sql: &str,
    sizes: &[u64],
) -> Result<(), CatalogError> {
    let sizes = sizes.iter().map(|size| integer("size", *size));
    let sizes: Vec<i64> = sizes.collect::<Result<_, _>>()?;
    for holder in [Holder::of(upload), Holder::EVERYBODY] {
        let names = [&*holder.text(), &upload.bucket, holder.tenant];
        let names = names.map(|name| Value::from(name.to_owned()));
        let values = names
            .into_iter()
            .chain(sizes.iter().copied().map(Value::from));
        if !changes(connection, sql, params_from_iter(values))? {
            let owner = holder.text();
            let what = format!("bucket {} has no account of {owner:?}", upload.bucket);
            return Err(CatalogError::Corrupt { what });
        }
    }
    Ok(())
}

fn stored(row: &Row<'_>) -> rusqlite::Result<[i64; 4]> {
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
}

fn usage(stored: [i64; 4]) -> Result<Usage, CatalogError> {
    let read = |value| {
        u64::try_from(value).map_err(|error| CatalogError::Corrupt {
            what: format!("usage: {error}"),
        })
    };
    let [open_uploads, reserved_bytes, files, stored_bytes] = stored;
    Ok(Usage {
        open_uploads: read(open_uploads)?,
        reserved_bytes: read(reserved_bytes)?,
        files: read(files)?,
        stored_bytes: read(stored_bytes)?,
    })
}
