//! New uploads: the hot path. One statement each, and one savepoint for those that stand or fall together.

use rusqlite::{Connection, params};

use super::error::from_sqlite;
use super::row::{checksum_text, integer, metadata_text};
use crate::{CatalogError, NewUpload, Transfer};

const INSERT: &str = "INSERT INTO upload (id, bucket, key, owner, filename, path, content_type, size, \
     checksum, metadata, part_size, multipart_id, created_at, session_ends_at, urls_end_at, retain_for, \
     quarantined, state, epoch, download_count) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1, 'pending', 0, 0)";

/// Remembers new uploads, all or none.
pub(super) fn uploads(connection: &Connection, uploads: &[NewUpload]) -> Result<(), CatalogError> {
    // A statement that fails undoes itself, so that one upload needs no savepoint.
    if let [upload] = uploads {
        return insert(connection, upload);
    }
    execute(connection, "SAVEPOINT uploads")?;
    let inserted = uploads
        .iter()
        .try_for_each(|upload| insert(connection, upload));
    // Some errors undo the whole transaction, and the savepoint with it.
    if inserted.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK TO uploads")?;
    }
    if !connection.is_autocommit() {
        execute(connection, "RELEASE uploads")?;
    }
    inserted
}

fn insert(connection: &Connection, upload: &NewUpload) -> Result<(), CatalogError> {
    let (part_size, upload_id) = match &upload.transfer {
        Transfer::Single => (None, None),
        Transfer::Multipart {
            part_size,
            upload_id,
        } => (
            Some(integer("part_size", *part_size)?),
            upload_id.as_deref(),
        ),
    };
    let retain_for = upload
        .retain_for
        .map(|seconds| integer("retain_for", seconds));
    let mut statement = connection.prepare_cached(INSERT).map_err(from_sqlite)?;
    let inserted = statement.execute(params![
        upload.id.as_bytes(),
        upload.bucket,
        upload.key.as_str(),
        upload.owner.as_str(),
        upload.filename.as_str(),
        upload.path.as_str(),
        upload.content_type.as_str(),
        integer("size", upload.size)?,
        upload.checksum.as_ref().map(checksum_text),
        metadata_text(&upload.metadata)?,
        part_size,
        upload_id,
        upload.created_at.as_millisecond(),
        upload.session_ends_at.as_millisecond(),
        upload.urls_end_at.as_millisecond(),
        retain_for.transpose()?,
    ]);
    inserted.map_err(from_sqlite).map(|_| ())
}

fn execute(connection: &Connection, sql: &str) -> Result<(), CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    statement.execute([]).map_err(from_sqlite).map(|_| ())
}
