//! Tickets: counted where uploads are inserted.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use valetkey_protocol::FileId;

use super::insert::Draft;
use super::row::{Columns, count, uuid};
use super::session::Session;
use super::writer::Failure;
use super::{PostgresCatalog, written};
use crate::{CatalogError, Over, TicketId, TicketUse, Tickets};

/// How many rows are forgotten by one statement.
const FORGOTTEN_AT_ONCE: i64 = 5000;

const IS_OF: &str = "SELECT count(*) FROM ticket_upload WHERE ticket = $1 AND upload_id = $2";

pub(super) const COUNT: &str = "SELECT ticket, count(*), coalesce(sum(size), 0)::bigint FROM ticket_upload WHERE ticket = ANY ($1::bytea[]) \
     GROUP BY ticket";

pub(super) const REMEMBER: &str = "INSERT INTO ticket_upload (ticket, upload_id, expires_at, size) \
     SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::bigint[], $4::bigint[])";

const FORGET_UNTIL: &str = "DELETE FROM ticket_upload WHERE (ticket, upload_id) IN \
     (SELECT ticket, upload_id FROM ticket_upload WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
      FOR UPDATE SKIP LOCKED)";

#[async_trait]
impl Tickets for PostgresCatalog {
    async fn is_of_ticket(&self, ticket: TicketId, upload: FileId) -> Result<bool, CatalogError> {
        let values: [&(dyn ToSql + Sync); 2] = [&ticket.as_slice(), &uuid(upload)];
        Ok(count(&self.pool.read(IS_OF, &values).await?)? > 0)
    }

    async fn forget_tickets_until(&self, then: Timestamp) -> Result<(), CatalogError> {
        let then = then.as_millisecond();
        let full = FORGOTTEN_AT_ONCE.unsigned_abs();
        written("forget_tickets", async {
            let values: [&(dyn ToSql + Sync); 2] = [&then, &FORGOTTEN_AT_ONCE];
            while self.pool.repeat(FORGET_UNTIL, &values).await? >= full {}
            Ok(())
        })
        .await
    }
}

/// How many uploads there are under each ticket of one transaction, and how many bytes they declared.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<TicketId, (u64, u64)>);

impl Counts {
    /// Those that have a limit.
    pub(super) fn of<'w>(drafts: impl Iterator<Item = &'w Draft>) -> Self {
        let tickets = drafts.filter_map(|draft| draft.intent.ticket.as_ref());
        let limited = tickets.filter(|ticket| ticket.is_limited());
        Self(limited.map(|ticket| (ticket.id, (0, 0))).collect())
    }

    /// Counts them. Their owners' accounts are locked, so that nobody else does at the same time.
    pub(super) async fn find(&mut self, session: &Session) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let ids: Vec<&[u8]> = self.0.keys().map(TicketId::as_slice).collect();
        for row in session.query(COUNT, &[&ids]).await? {
            let mut columns = Columns::of(&row);
            let (id, count) = read(&mut columns).map_err(Failure::All)?;
            self.0.insert(id, count);
        }
        Ok(())
    }

    /// The limit of a ticket, if one more upload of so many bytes would go over it.
    pub(super) fn over(&self, ticket: &TicketUse, size: u64) -> Option<Over> {
        let used = self.0.get(&ticket.id).copied().unwrap_or_default();
        ticket.exceeded(used, size)
    }

    /// Counts one more.
    pub(super) fn add(&mut self, ticket: &TicketUse, size: u64) {
        let (uploads, bytes) = self.0.entry(ticket.id).or_default();
        *uploads += 1;
        *bytes = bytes.saturating_add(size);
    }
}

/// A ticket, how many uploads there are under it, and how many bytes they declared.
pub(super) fn read(columns: &mut Columns<'_>) -> Result<(TicketId, (u64, u64)), CatalogError> {
    let id = columns.read(|id: &[u8]| Ok(TicketId::try_from(id)?))?;
    Ok((id, (columns.number()?, columns.number()?)))
}

/// What is to be written, by its columns.
#[derive(Default)]
pub(super) struct Table<'a> {
    ticket: Vec<&'a [u8]>,
    upload_id: Vec<Uuid>,
    expires_at: Vec<i64>,
    size: Vec<i64>,
}

impl<'a> Table<'a> {
    /// The uploads that are under a ticket, if any is.
    pub(super) fn of(drafts: &[&'a Draft]) -> Option<Self> {
        let mut table = Self::default();
        for draft in drafts {
            if let Some(ticket) = &draft.intent.ticket {
                table.ticket.push(&ticket.id);
                table.upload_id.push(uuid(draft.intent.upload.id));
                table.expires_at.push(ticket.expires_at.as_millisecond());
                let size = i64::try_from(draft.intent.upload.size);
                table.size.push(size.unwrap_or(i64::MAX));
            }
        }
        (!table.ticket.is_empty()).then_some(table)
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.ticket, &self.upload_id, &self.expires_at, &self.size]
    }
}
