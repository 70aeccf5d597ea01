//! Uploads that are created once, however often a client asks: the key and the upload are one transaction.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use valetkey_protocol::FileId;

use super::change::{atomically, changes};
use super::error::from_sqlite;
use super::insert;
use super::row::integer;
use crate::owner::Holder;
use crate::{CatalogError, Insertion, Intent, Once, Owner};

const FIND: &str = "SELECT request, upload_id, valid_for FROM idempotency \
     WHERE owner = ?1 AND key = ?2 AND created_at > ?3";

// A key that is too old to count may still lie there.
const REMEMBER: &str = "INSERT OR REPLACE INTO idempotency (owner, key, request, upload_id, valid_for, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Remembers an upload under its key, or tells what the key stands for since then.
pub(super) fn insert(
    connection: &Connection,
    intent: &Intent,
    once: &Once,
    since: Timestamp,
) -> Result<Insertion, CatalogError> {
    let upload = &intent.upload;
    let owner = Holder::of(upload).text();
    let mut find = connection.prepare_cached(FIND).map_err(from_sqlite)?;
    let known = find
        .query_row(params![owner, once.key, since.as_millisecond()], stored)
        .optional()
        .map_err(from_sqlite)?;
    if let Some(stored) = known {
        return stored.read(&once.key).map(Insertion::Known);
    }
    atomically(connection, || {
        let insertion = insert::upload(connection, intent)?;
        if insertion == Insertion::New {
            let values = params![
                owner,
                once.key,
                once.request,
                once.upload.as_bytes(),
                integer("valid_for", once.valid_for)?,
                upload.created_at.as_millisecond(),
            ];
            changes(connection, REMEMBER, values)?;
        }
        Ok(insertion)
    })
}

/// Frees a key whose upload came to nothing, unless it stands for another one by now.
pub(super) fn forget(
    connection: &Connection,
    owner: &Owner,
    key: &str,
    upload: FileId,
) -> Result<(), CatalogError> {
    let sql = "DELETE FROM idempotency WHERE owner = ?1 AND key = ?2 AND upload_id = ?3";
    let values = params![owner.holder().text(), key, upload.as_bytes()];
    changes(connection, sql, values).map(|_| ())
}

/// Forgets the keys used up to then.
pub(super) fn forget_until(connection: &Connection, then: Timestamp) -> Result<(), CatalogError> {
    let sql = "DELETE FROM idempotency WHERE created_at <= ?1";
    changes(connection, sql, [then.as_millisecond()]).map(|_| ())
}

/// A row as SQLite has it.
struct Stored {
    request: [u8; 32],
    upload: [u8; 16],
    valid_for: i64,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        request: row.get(0)?,
        upload: row.get(1)?,
        valid_for: row.get(2)?,
    })
}

impl Stored {
    fn read(self, key: &str) -> Result<Once, CatalogError> {
        let corrupt = |what: String| CatalogError::Corrupt { what };
        let upload = FileId::from_uuid(uuid::Uuid::from_bytes(self.upload));
        Ok(Once {
            key: key.to_owned(),
            request: self.request,
            upload: upload.map_err(|error| corrupt(format!("upload_id: {error}")))?,
            valid_for: u64::try_from(self.valid_for)
                .map_err(|error| corrupt(format!("valid_for: {error}")))?,
        })
    }
}
