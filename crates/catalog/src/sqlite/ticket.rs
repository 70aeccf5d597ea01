//! Tickets: counted where uploads are inserted.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use valetkey_protocol::FileId;

use super::SqliteCatalog;
use super::change::changes;
use super::error::from_sqlite;
use super::row::integer;
use crate::{CatalogError, NewUpload, Over, TicketId, TicketUse, Tickets};

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

/// The limit of its ticket, if an upload would go over it.
pub(super) fn over(
    connection: &Connection,
    ticket: &TicketUse,
    upload: &NewUpload,
) -> Result<Option<Over>, CatalogError> {
    if !ticket.is_limited() {
        return Ok(None);
    }
    let used = sum(connection, &ticket.id)?;
    Ok(ticket.exceeded(used, upload.size))
}

/// How many uploads there are under a ticket, and how many bytes they declared.
pub(super) fn sum(connection: &Connection, ticket: &TicketId) -> Result<(u64, u64), CatalogError> {
    let sql = "SELECT count(*), coalesce(sum(size), 0) FROM ticket_upload WHERE ticket = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(from_sqlite)?;
    let sum: (i64, i64) = statement
        .query_row([ticket], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(from_sqlite)?;
    Ok((sum.0.unsigned_abs(), sum.1.unsigned_abs()))
}

/// Counts an upload.
pub(super) fn count(
    connection: &Connection,
    ticket: &TicketUse,
    upload: &NewUpload,
) -> Result<(), CatalogError> {
    let sql =
        "INSERT INTO ticket_upload (ticket, upload_id, expires_at, size) VALUES (?1, ?2, ?3, ?4)";
    let ends = ticket.expires_at.as_millisecond();
    let size = integer("size", upload.size)?;
    let values = params![ticket.id, upload.id.as_bytes(), ends, size];
    changes(connection, sql, values).map(|_| ())
}
