//! WHAT do we remember? One trait; each method is one transaction. This crate alone knows SQL.

mod account;
mod api_key;
mod delivery;
mod drop_link;
mod due;
mod edge;
mod error;
mod history;
mod late;
mod link;
mod migration;
mod owner;
mod record;
mod ticket;
mod value;

pub mod postgres;
pub mod sqlite;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;
use valetkey_protocol::file::Order;
use valetkey_protocol::{Checksum, FileId, Filename, FolderPath, Metadata, Subject, Tenant};

pub use account::{Backlog, Insertion, Intent, Limit, Limits, Over, Usage};
pub use api_key::{ApiKey, ApiKeys, Rotation, SecretHash};
pub use delivery::{
    Attempt, Deliveries, Delivery, DeliveryBacklog, DeliveryClaim, DeliveryList, Endpoint, FanOut,
    Fate, Settlement,
};
pub use drop_link::{DropLink, DropLinks, DropList};
pub use due::{Claim, Due, DueList, Postponement, Task};
pub use edge::{Edge, Step};
pub use error::CatalogError;
pub use history::{Event, EventList, Issue, Passage};
pub use late::LateUploads;
pub use link::{Link, LinkList, LinkUse, Links};
pub use migration::Migrations;
pub use owner::{Owner, Whose};
pub use record::{FileFacts, NewUpload, QUARANTINE_GRACE_SECONDS, Record, Transfer};
pub use ticket::{TicketId, TicketUse, Tickets};
pub use valetkey_protocol::event::EventKind;

/// The catalog of uploads and files; [`Deliveries`], [`LateUploads`], [`Tickets`], [`ApiKeys`], [`Links`] and [`DropLinks`] are the rest of it. An answer means
/// that what it says is on disk.
///
/// Instants are remembered to the millisecond. A call whose future is dropped may still take effect.
#[async_trait]
pub trait Catalog: Deliveries + LateUploads + Tickets + ApiKeys + Links + DropLinks {
    /// Remembers new uploads and reserves their sizes: those that stay within their limits, each counted after the
    /// ones before it, all or none of these; an id that is taken is [`CatalogError::Refused`].
    async fn insert_uploads(&self, intents: Vec<Intent>) -> Result<Vec<Insertion>, CatalogError>;

    /// Remembers a new upload under a key of its owner, in one transaction; or, when the owner used that key
    /// later than `since`, remembers nothing and gives what the key stands for.
    async fn insert_once(
        &self,
        intent: Intent,
        once: Once,
        since: Timestamp,
    ) -> Result<Insertion, CatalogError>;

    /// Frees a key of an owner, if it stands for this upload, which came to nothing.
    async fn forget_key(
        &self,
        owner: Owner,
        key: String,
        upload: FileId,
    ) -> Result<(), CatalogError>;

    /// Frees all keys used up to then.
    async fn forget_keys_until(&self, then: Timestamp) -> Result<(), CatalogError>;

    /// Finds what one id is.
    async fn find(&self, id: FileId) -> Result<Option<Record>, CatalogError>;

    /// Finds what each id is.
    async fn find_all(&self, ids: Vec<FileId>) -> Result<Vec<Option<Record>>, CatalogError>;

    /// Remembers storage's name for a multipart upload while it is pending and has none yet; says whether it did.
    async fn attach_multipart(&self, id: FileId, upload_id: String) -> Result<bool, CatalogError>;

    /// Remembers that upload URLs handed out live until then, while it is pending; says whether it is.
    /// An earlier instant than the remembered one changes nothing.
    async fn extend_urls(&self, id: FileId, until: Timestamp) -> Result<bool, CatalogError>;

    /// Goes along one edge of the state machine if the upload still stands at the step's epoch and at the edge's
    /// beginning, and gives what it then is; `None` when somebody else was first. The line in the audit log, the
    /// event if there is one, and the settlement of the accounts are part of the same transaction. Whoever gets on
    /// has no attempts behind it and is not postponed: every edge sees to that but `Verify`, `Retry` and a `Delete`
    /// that takes a lost run over.
    async fn advance(&self, step: Step) -> Result<Option<Record>, CatalogError>;

    /// Leaves a run that verifies or deletes alone until then, while it still stands at `epoch`; says whether it
    /// does. When not, the run was taken for lost, and another may be at it.
    async fn renew(
        &self,
        id: FileId,
        epoch: u64,
        lease_until: Timestamp,
    ) -> Result<bool, CatalogError>;

    /// Changes what people may change of an available file that still stands at the patch's epoch, and moves its
    /// epoch on, so that of two changes at once one is told to look again.
    async fn patch(&self, patch: Patch) -> Result<Option<Record>, CatalogError>;

    /// Counts issued downloads of available files, and writes an event for each that is announced, in one transaction.
    async fn count_downloads(&self, issues: Vec<Issue>) -> Result<(), CatalogError>;

    /// Lists available files in order of their ids.
    async fn list(&self, list: FileList) -> Result<Vec<Record>, CatalogError>;

    /// Gives records of every state in order of their ids.
    async fn scan(&self, after: Option<FileId>, limit: u32) -> Result<Vec<Record>, CatalogError>;

    /// Takes up records of one bucket with work due, the longest due first by [`Due::since`], each for one reason:
    /// counts one more attempt and leaves them alone until then, in one transaction. Of two who claim at once, one
    /// gets a record. Gives the records as they then are.
    async fn claim_due(&self, claim: Claim) -> Result<Vec<(Due, Record)>, CatalogError>;

    /// Leaves claimed records alone until then, those of them that nobody claimed again and that did not get on.
    async fn postpone(&self, postponements: Vec<Postponement>) -> Result<(), CatalogError>;

    /// Lets up to `limit` records that are left alone be due at once, the next to be tried first; they keep their
    /// count of attempts. Says how many.
    async fn hasten(&self, limit: u32) -> Result<u64, CatalogError>;

    /// Lists records with work due, the longest due first by [`Due::since`], then by id; takes none of them up.
    async fn list_due(&self, list: DueList) -> Result<Vec<Record>, CatalogError>;

    /// Takes a task that is free at `now`, leaves it to whoever took it until then, and says where it stands.
    async fn take_task(
        &self,
        name: String,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Task>, CatalogError>;

    /// Remembers where a task stands, and lets it be free again at `free_at`, if nobody took it meanwhile; says
    /// whether it did.
    async fn leave_task(&self, task: Task, free_at: Timestamp) -> Result<bool, CatalogError>;

    /// Remembers that nothing of this upload is left in storage besides the file, if it still stands at `epoch`:
    /// whoever moved it on may have left something new. Says whether it does. With that it got on, as along an edge.
    async fn forget_leftovers(&self, id: FileId, epoch: u64) -> Result<bool, CatalogError>;

    /// Gives all that happened to one upload, from its creation on; nothing when there is none.
    async fn history(&self, id: FileId) -> Result<Vec<Passage>, CatalogError>;

    /// Gives events in their order. Positions are given in the order of commits: whoever has seen one has seen all
    /// before it.
    async fn events(&self, list: EventList) -> Result<Vec<Event>, CatalogError>;

    /// The positions of the first and of the last event that are remembered; 0 when there is none. Whoever reads
    /// afterwards finds all up to the last.
    async fn event_span(&self) -> Result<[u64; 2], CatalogError>;

    /// Is marked as changed when there may be new events, of this server or of others. It is a hint: it may come for
    /// nothing and, when a connection is lost, not at all.
    fn hints(&self) -> watch::Receiver<()>;

    /// Forgets up to `limit` uploads that ended without a file, or whose file was deleted, before then and left
    /// nothing, with their history, and as many events: the first in the outbox, as long as they are of before then.
    /// Says how many uploads.
    async fn forget_history_until(&self, then: Timestamp, limit: u32) -> Result<u64, CatalogError>;

    /// Gives what an owner, all of a tenant or everybody together takes in each bucket.
    async fn usage(&self, whose: Whose) -> Result<Vec<(String, Usage)>, CatalogError>;

    /// Counts the work there is at `now`.
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, CatalogError>;

    /// Answers when the catalog can.
    async fn ping(&self) -> Result<(), CatalogError>;
}

/// A request that is served once: the client's key, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The client's key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub request: [u8; 32],
    /// The upload that was created.
    pub upload: FileId,
    /// For how many seconds its requests were signed.
    pub valid_for: u64,
}

/// What may be changed of a file: the whole new values.
#[derive(Debug, Clone, PartialEq)]
pub struct FilePatch {
    /// Its name.
    pub filename: Filename,
    /// Its folder.
    pub path: FolderPath,
    /// The application's notes.
    pub metadata: Metadata,
    /// When it is deleted by itself.
    pub expires_at: Option<Timestamp>,
}

/// A change of a file, by somebody at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Of which file.
    pub id: FileId,
    /// Where it must still stand.
    pub epoch: u64,
    /// The new values.
    pub file: FilePatch,
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Option<Subject>,
}

/// Which files to list.
#[derive(Debug, Clone)]
pub struct FileList {
    /// Only in this tenant; in every one when absent.
    pub tenant: Option<Tenant>,
    /// Only this owner's; everybody's when absent.
    pub owner: Option<Subject>,
    /// Only in this bucket.
    pub bucket: Option<String>,
    /// Only in this folder.
    pub path: Option<FolderPath>,
    /// Only this type, `image/png`, or these, `image/*`; compared without parameters.
    pub content_type: Option<String>,
    /// Only with this checksum.
    pub checksum: Option<Checksum>,
    /// In which order.
    pub order: Order,
    /// Only after this id, in that order.
    pub after: Option<FileId>,
    /// At most so many.
    pub limit: u32,
    /// Files whose retention ended by then are not listed.
    pub now: Timestamp,
}
