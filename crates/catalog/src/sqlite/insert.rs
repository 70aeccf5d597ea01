//! New uploads: the hot path. One statement each, and one savepoint for those that stand or fall together.

use rusqlite::{Connection, params};

use super::change::atomically;
use super::error::from_sqlite;
use super::row::{checksum_text, integer, metadata_text};
use super::{account, ticket};
use crate::{CatalogError, Insertion, Intent, NewUpload, Transfer};

const INSERT: &str = "INSERT INTO upload (id, bucket, key, owner, filename, path, content_type, size, \
     checksum, metadata, part_size, multipart_id, created_at, session_ends_at, urls_end_at, retain_for, \
     look_at, tenant, leftovers, state, epoch, download_count) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 1, 'pending', 0, 0)";

/// Remembers those new uploads that stay within their limits; all of those, or none.
pub(super) fn uploads(
    connection: &Connection,
    intents: &[Intent],
) -> Result<Vec<Insertion>, CatalogError> {
    // What fails first is the first statement, which undoes itself: one upload needs no savepoint.
    if let [intent] = intents
        && intent.ticket.is_none()
    {
        return Ok(vec![upload(connection, intent)?]);
    }
    atomically(connection, || {
        intents
            .iter()
            .map(|intent| upload(connection, intent))
            .collect()
    })
}

/// Remembers a new upload if it stays within its limits.
pub(super) fn upload(connection: &Connection, intent: &Intent) -> Result<Insertion, CatalogError> {
    let Intent {
        upload,
        limits,
        ticket,
    } = intent;
    if let Some(over) = account::over(connection, upload, limits)? {
        return Ok(Insertion::Over(over));
    }
    if let Some(ticket) = ticket
        && let Some(over) = ticket::over(connection, ticket, upload)?
    {
        return Ok(Insertion::Over(over));
    }
    insert(connection, upload)?;
    account::reserve(connection, upload)?;
    if let Some(ticket) = ticket {
        ticket::count(connection, ticket, upload)?;
    }
    Ok(Insertion::New)
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
        upload.look_at.map(|at| at.as_millisecond()),
        upload.tenant.as_str(),
    ]);
    inserted.map_err(from_sqlite).map(|_| ())
}
