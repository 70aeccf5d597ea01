//! Tickets: uploads that somebody without an account may create, counted.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::FileId;

use crate::CatalogError;

/// SHA-256 of what names a ticket: who made it, its id there, whose uploads they are and in which bucket.
pub type TicketId = [u8; 32];

/// The ticket that an upload is created under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketUse {
    /// Which. One ticket is for one owner and one bucket.
    pub id: TicketId,
    /// How many uploads may be created under it; no limit when absent. Each counts, whatever becomes of it.
    pub max_uploads: Option<u64>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What is remembered of tickets. Uploads are counted as part of their insert.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Whether an upload was created under a ticket that is remembered.
    async fn is_of_ticket(&self, ticket: TicketId, upload: FileId) -> Result<bool, CatalogError>;

    /// Forgets tickets that ended by then.
    async fn forget_tickets_until(&self, then: Timestamp) -> Result<(), CatalogError>;
}
