//! Tickets: uploads that somebody without an account may create, counted.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::FileId;

use crate::{CatalogError, Limit, Over};

/// SHA-256 of what names a ticket: who made it, its id there, whose uploads they are and in which bucket.
pub type TicketId = [u8; 32];

/// The ticket that an upload is created under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketUse {
    /// Which. One ticket is for one owner and one bucket.
    pub id: TicketId,
    /// How many uploads may be created under it; no limit when absent. Each counts, whatever becomes of it.
    pub max_uploads: Option<u64>,
    /// How many bytes they may declare together; no limit when absent.
    pub max_bytes: Option<u64>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl TicketUse {
    /// Whether it has a limit at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.max_uploads.is_some() || self.max_bytes.is_some()
    }

    /// The limit that one more upload of so many bytes would go over, after as many uploads and bytes as there are.
    pub(crate) fn exceeded(&self, (uploads, bytes): (u64, u64), size: u64) -> Option<Over> {
        let over = |limit, allowed, used| Over {
            limit,
            allowed,
            used,
        };
        match (self.max_uploads, self.max_bytes) {
            (Some(max), _) if uploads >= max => Some(over(Limit::TicketUploads, max, uploads)),
            (_, Some(max)) if bytes.saturating_add(size) > max => {
                Some(over(Limit::TicketBytes, max, bytes))
            }
            _ => None,
        }
    }
}

/// What is remembered of tickets. Uploads are counted as part of their insert.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Whether an upload was created under a ticket that is remembered.
    async fn is_of_ticket(&self, ticket: TicketId, upload: FileId) -> Result<bool, CatalogError>;

    /// Forgets tickets that ended by then.
    async fn forget_tickets_until(&self, then: Timestamp) -> Result<(), CatalogError>;
}
