//! Tickets: counted where uploads are inserted.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use valetkey_protocol::FileId;

use super::SqliteCatalog;
use super::change::changes;
use super::error::from_sqlite;
use crate::{CatalogError, Limit, NewUpload, Over, TicketId, TicketUse, Tickets};

#[async_trait]
impl Tickets for SqliteCatalog {
    async fn is_of_ticket(&self, ticket: TicketId, upload: FileId) -> Result<bool, CatalogError> {
        let sql = "SELECT count(*) FROM ticket_upload WHERE ticket = ?1 AND upload_id = ?2";
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
            let values = params![ticket, upload.as_bytes()];
            let count: i64 = statement
                .query_row(values, |row| row.get(0))
                .map_err(from_sqlite)?;
            Ok(count > 0)
        })
        .await
    }

    async fn forget_tickets_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        self.relieve("forget_tickets", move |connection| {
            let sql = "DELETE FROM ticket_upload WHERE expires_at <= ?1";
            changes(connection, sql, [then.as_millisecond()]).map(|_| ())
        })
        .await
    }
}

/// The limit of its ticket, if one more upload would go over it.
pub(super) fn over(
    connection: &Connection,
    ticket: &TicketUse,
) -> Result<Option<Over>, CatalogError> {
    let Some(allowed) = ticket.max_uploads else {
        return Ok(None);
    };
    let sql = "SELECT count(*) FROM ticket_upload WHERE ticket = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let used: i64 = statement
        .query_row([ticket.id], |row| row.get(0))
        .map_err(from_sqlite)?;
    let used = used.unsigned_abs();
    Ok((used >= allowed).then_some(Over {
        limit: Limit::TicketUploads,
        allowed,
        used,
    }))
}

/// Counts an upload.
pub(super) fn count(
    connection: &Connection,
    ticket: &TicketUse,
    upload: &NewUpload,
) -> Result<(), CatalogError> {
    let sql = "INSERT INTO ticket_upload (ticket, upload_id, expires_at) VALUES (?1, ?2, ?3)";
    let ends = ticket.expires_at.as_millisecond();
    changes(
        connection,
        sql,
        params![ticket.id, upload.id.as_bytes(), ends],
    )
    .map(|_| ())
}
