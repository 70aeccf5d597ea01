//! Who is told what happens, what each is still to be told, and what became of it.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::webhook::{DeliveryState, EndpointId, Origin};

use crate::{CatalogError, Event, EventKind};

/// What is remembered of webhooks: endpoints, and the deliveries each is owed. As everywhere in the catalog, a method
/// is a transaction.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// Remembers a new endpoint, unless there is one with its id or there are `most` of them. Its cursor is the end of
    /// the outbox, whatever it says. Says whether it did.
    async fn insert_endpoint(&self, endpoint: Endpoint, most: u32) -> Result<bool, CatalogError>;

    /// Gives every endpoint, by id.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, CatalogError>;

    /// Writes what may be changed of an endpoint (all but its cursor, origin and creation) if its version is still this
    /// one, and moves the version on. Says whether it did.
    async fn update_endpoint(&self, endpoint: Endpoint) -> Result<bool, CatalogError>;

    /// Removes up to `limit` deliveries of an endpoint and, when no more are left, itself. Says whether it is gone.
    async fn remove_endpoint(&self, id: EndpointId, limit: u32) -> Result<bool, CatalogError>;

    /// Moves the cursor of an enabled endpoint on and makes the deliveries of the events up to there. Of two who do it at
    /// once, one does. A delivery that was over begins anew. Says whether it did.
    async fn fan_out(&self, fan_out: FanOut) -> Result<bool, CatalogError>;

    /// Moves the cursor of an endpoint back to a position, if it is further on. Says whether there is such an endpoint.
    async fn rewind_endpoint(&self, id: EndpointId, position: u64) -> Result<bool, CatalogError>;

    /// Takes up deliveries of an enabled endpoint that are due, the longest due first, and leaves them alone until then:
    /// of each file only the first that is not over. Of two who claim at once, one gets a delivery.
    async fn claim_deliveries(&self, claim: DeliveryClaim) -> Result<Vec<Delivery>, CatalogError>;

    /// Remembers what an attempt came to, if nobody took the delivery up again; says whether it did. When the delivery is
    /// over, the next one of the same file is due.
    async fn settle_delivery(&self, settlement: Settlement) -> Result<bool, CatalogError>;

    /// Lets up to `limit` dead deliveries of an endpoint begin anew; says how many.
    async fn revive_deliveries(
        &self,
        id: EndpointId,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, CatalogError>;

    /// Lists deliveries of an endpoint, the latest event first.
    async fn list_deliveries(&self, list: DeliveryList) -> Result<Vec<Delivery>, CatalogError>;

    /// Forgets up to `limit` deliveries that were done by then, and as many that died by `dead_until`.
    async fn forget_deliveries(
        &self,
        done_until: Timestamp,
        dead_until: Timestamp,
        limit: u32,
    ) -> Result<(), CatalogError>;

    /// Counts what each endpoint is owed.
    async fn delivery_backlog(&self) -> Result<Vec<DeliveryBacklog>, CatalogError>;
}

/// Somewhere events are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it is.
    pub url: String,
    /// Which events; all but issued downloads when empty.
    pub kinds: Vec<EventKind>,
    /// Of which buckets; of all when empty.
    pub buckets: Vec<String>,
    /// Who made it.
    pub origin: Origin,
    /// Why nothing is sent, if nothing is.
    pub disabled: Option<String>,
    /// How often its secret was changed.
    pub generation: u64,
    /// Until when the secret before counts, too.
    pub old_secret_until: Option<Timestamp>,
    /// The last position of the outbox that was handed on.
    pub cursor: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was changed.
    pub version: u64,
}

/// What an endpoint is to be told next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanOut {
    /// Who.
    pub endpoint: EndpointId,
    /// Where its cursor must still stand.
    pub from: u64,
    /// Where it then stands.
    pub to: u64,
    /// What happened in between and is for this endpoint, in order.
    pub events: Vec<Event>,
    /// When it is due.
    pub now: Timestamp,
}

/// Who takes up deliveries, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryClaim {
    /// Of which endpoint.
    pub endpoint: EndpointId,
    /// At what time.
    pub now: Timestamp,
    /// Until when others leave them alone.
    pub until: Timestamp,
    /// At most so many.
    pub limit: u32,
}

/// One event, on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub endpoint: EndpointId,
    /// What.
    pub event: Event,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts came to nothing, and the good one.
    pub attempts: u64,
    /// When it is tried next; never when it is over, and not before an earlier one of the same file is.
    pub due_at: Option<Timestamp>,
    /// Until when somebody is at it.
    pub lease_until: Option<Timestamp>,
    /// How often it was taken up: whoever settles it must have taken it up last.
    pub fence: u64,
    /// What the last attempt came to.
    pub last: Option<Attempt>,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// The status that was answered, if any was.
    pub status: Option<u16>,
    /// What was wrong, if anything was.
    pub problem: Option<String>,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Done,
    /// It was tried often enough.
    Dead,
    /// It is tried again then.
    Again(Timestamp),
}

/// An attempt, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// To whom.
    pub endpoint: EndpointId,
    /// Which event.
    pub position: u64,
    /// How often the delivery was taken up by then.
    pub fence: u64,
    /// What the attempt came to.
    pub attempt: Attempt,
    /// What follows.
    pub fate: Fate,
}

/// Which deliveries to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryList {
    /// Of whom.
    pub endpoint: EndpointId,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only events before this position.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// What an endpoint is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryBacklog {
    /// Who.
    pub endpoint: EndpointId,
    /// Whether anything is sent.
    pub enabled: bool,
    /// How many deliveries wait.
    pub waiting: u64,
    /// How many were given up.
    pub dead: u64,
    /// When the first event that waits happened.
    pub oldest: Option<Timestamp>,
}

impl Endpoint {
    /// Whether it is to be told of this event.
    pub fn wants(&self, event: &Event) -> bool {
        let kind = match self.kinds.is_empty() {
            true => event.kind != EventKind::DownloadIssued,
            false => self.kinds.contains(&event.kind),
        };
        let mut buckets = self.buckets.iter();
        let mut bucket = || buckets.any(|bucket| Some(bucket) == event.bucket.as_ref());
        kind && (self.buckets.is_empty() || bucket())
    }
}

impl Fate {
    /// The state it leads to.
    pub fn state(self) -> DeliveryState {
        match self {
            Self::Done => DeliveryState::Done,
            Self::Dead => DeliveryState::Dead,
            Self::Again(_) => DeliveryState::Waiting,
        }
    }

    /// When it is tried again, if it is.
    pub(crate) fn due_at(self) -> Option<i64> {
        match self {
            Self::Again(then) => Some(then.as_millisecond()),
            Self::Done | Self::Dead => None,
        }
    }
}

/// Names with commas between.
pub(crate) fn join<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    names.join(",")
}

/// The names of kinds with commas between.
pub(crate) fn join_kinds(kinds: &[EventKind]) -> String {
    join(&kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
}

/// What [`join`] joined.
pub(crate) fn split(text: &str) -> Vec<String> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// What [`join_kinds`] joined. A kind that only a newer program knows is left out.
pub(crate) fn split_kinds(text: &str) -> Vec<EventKind> {
    let known = |name: String| {
        EventKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
    };
    split(text).into_iter().filter_map(known).collect()
}
