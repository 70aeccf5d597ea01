//! Changes that are no edges of the state machine.

use jiff::Timestamp;
use rusqlite::{Connection, Params, params};
use valetkey_protocol::FileId;

use super::error::from_sqlite;
use super::row::{columns, first, integer, metadata_text};
use crate::{CatalogError, FilePatch, Record};

/// Remembers storage's name for a pending multipart upload that has none yet.
pub(super) fn attach_multipart(
    connection: &Connection,
    id: FileId,
    upload_id: &str,
) -> Result<bool, CatalogError> {
    changes(
        connection,
        "UPDATE upload SET multipart_id = ?2 \
         WHERE id = ?1 AND state = 'pending' AND part_size IS NOT NULL AND multipart_id IS NULL",
        params![id.as_bytes(), upload_id],
    )
}

/// Remembers that upload URLs live until then.
pub(super) fn extend_urls(
    connection: &Connection,
    id: FileId,
    until: Timestamp,
) -> Result<bool, CatalogError> {
    changes(
        connection,
        "UPDATE upload SET urls_end_at = max(urls_end_at, ?2) WHERE id = ?1 AND state = 'pending'",
        params![id.as_bytes(), until.as_millisecond()],
    )
}

/// Changes what people may change of an available file.
pub(super) fn patch(
    connection: &Connection,
    id: FileId,
    epoch: u64,
    patch: &FilePatch,
) -> Result<Option<Record>, CatalogError> {
    const PATCH: &str = concat!(
        "UPDATE upload SET filename = ?3, path = ?4, metadata = ?5, expires_at = ?6, epoch = epoch + 1 \
         WHERE id = ?1 AND epoch = ?2 AND state = 'available' RETURNING ",
        columns!()
    );
    let expires_at = patch.expires_at.map(|at| at.as_millisecond());
    let values = params![
        id.as_bytes(),
        integer("epoch", epoch)?,
        patch.filename.as_str(),
        patch.path.as_str(),
        metadata_text(&patch.metadata)?,
        expires_at,
    ];
    first(connection, PATCH, values)
}

/// Counts one more issued download of each.
pub(super) fn count_downloads(connection: &Connection, ids: &[FileId]) -> Result<(), CatalogError> {
    for id in ids {
        changes(
            connection,
            "UPDATE upload SET download_count = download_count + 1 WHERE id = ?1 AND state = 'available'",
            [id.as_bytes()],
        )?;
    }
    Ok(())
}

/// Remembers that nothing of it is left in quarantine.
pub(super) fn forget_quarantine(connection: &Connection, id: FileId) -> Result<(), CatalogError> {
    let sql = "UPDATE upload SET quarantined = 0 WHERE id = ?1";
    changes(connection, sql, [id.as_bytes()]).map(|_| ())
}

/// Whether a statement changed a row.
pub(super) fn changes(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<bool, CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let count = statement.execute(params).map_err(from_sqlite)?;
    Ok(count > 0)
}
