//! Webhooks: who is told what happens, in which order, how often it is tried, and what administrators may do about it.
//!
//! The outbox is the truth. Each endpoint has a cursor in it; moving the cursor on and owing the endpoint what lies in
//! between is one transaction (`fan_out`), so nothing is lost or owed twice, whoever else does the same. What is owed is
//! claimed, sent and settled by any replica.

mod deliver;
mod manage;
mod reconcile;
mod replay;
mod schedule;
mod secret;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{Catalog, Endpoint, EventList, FanOut};
use valetkey_protocol::Secret;
use valetkey_protocol::event::EventKind;
use valetkey_protocol::webhook::EndpointId;

use crate::{Engine, Error, Principal};
pub use deliver::Delivered;
use secret::Secrets;
pub use secret::check_webhook_secret;

/// How many events are handed on at a time.
const PAGE: u32 = 500;

/// For how long what arrived is remembered, and what was given up.
const DONE_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
const DEAD_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How many deliveries are forgotten at a time.
const FORGOTTEN_AT_ONCE: u32 = 5000;

/// Whoever brings messages to endpoints.
#[async_trait]
pub trait WebhookSender: Send + Sync + 'static {
    /// Whether it would send there.
    ///
    /// # Errors
    /// What is wrong with the URL, and what to do.
    async fn check(&self, url: &str) -> Result<(), String>;

    /// Sends a message once.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn send(&self, message: WebhookMessage) -> Result<WebhookAnswer, String>;
}

/// What is sent: an event, signed for one endpoint (Standard Webhooks 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookMessage {
    /// To whom.
    pub endpoint: EndpointId,
    /// Where that is.
    pub url: String,
    /// The id of the event.
    pub id: String,
    /// When it is sent, in seconds since 1970.
    pub timestamp: i64,
    /// The signatures, separated by spaces.
    pub signature: String,
    /// The event as JSON.
    pub body: Vec<u8>,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookAnswer {
    /// The status.
    pub status: u16,
    /// After how many seconds it wants to be asked again, if it says so.
    pub retry_after: Option<u64>,
}

/// An endpoint that the configuration has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredEndpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it is.
    pub url: String,
    /// Which events; all but issued downloads when empty.
    pub kinds: Vec<EventKind>,
    /// Of which buckets; of all when empty.
    pub buckets: Vec<String>,
    /// What is signed with.
    pub secret: Secret,
    /// What was signed with before, for as long as it is there.
    pub previous_secret: Option<Secret>,
}

/// What webhooks are made of.
pub struct WebhookParts {
    /// What happens, and what is remembered of it.
    pub engine: Arc<Engine>,
    /// Who brings messages.
    pub sender: Arc<dyn WebhookSender>,
    /// The secrets of endpoints are derived from it.
    pub secret: Secret,
    /// The endpoints of the configuration.
    pub endpoints: Vec<ConfiguredEndpoint>,
}

/// The use cases of webhooks.
pub struct Webhooks {
    engine: Arc<Engine>,
    sender: Arc<dyn WebhookSender>,
    secrets: Secrets,
    configured: Vec<ConfiguredEndpoint>,
}

impl Webhooks {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The secret of a configured endpoint is none.
    pub fn new(parts: WebhookParts) -> Result<Self, Error> {
        Ok(Self {
            secrets: Secrets::new(&parts.secret, &parts.endpoints)?,
            engine: parts.engine,
            sender: parts.sender,
            configured: parts.endpoints,
        })
    }

    /// Hands on what happened: to each endpoint up to a page. Says whether there is more.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn fan_out(&self) -> Result<bool, Error> {
        let mut pages = BTreeMap::new();
        let mut more = false;
        let endpoints = self.catalog().endpoints().await?;
        for endpoint in endpoints.iter().filter(|one| one.disabled.is_none()) {
            let cursor = endpoint.cursor;
            if let std::collections::btree_map::Entry::Vacant(entry) = pages.entry(cursor) {
                entry.insert(
                    self.catalog()
                        .events(EventList::after(cursor, PAGE))
                        .await?,
                );
            }
            let events = pages.get(&cursor).map(Vec::as_slice).unwrap_or_default();
            let Some(last) = events.last() else {
                continue;
            };
            let wanted = events.iter().filter(|event| endpoint.wants(event));
            let fan_out = FanOut {
                endpoint: endpoint.id.clone(),
                from: cursor,
                to: last.position,
                events: wanted.cloned().collect(),
                now: self.now(),
            };
            self.catalog().fan_out(fan_out).await?;
            more |= events.len() >= PAGE as usize;
        }
        Ok(more)
    }

    /// The endpoints that this server sends to: those that are enabled, and whose secret it has.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn targets(&self) -> Result<Vec<Arc<Endpoint>>, Error> {
        let mut endpoints = self.catalog().endpoints().await?;
        let now = self.now();
        endpoints.retain(|one| one.disabled.is_none() && !self.secrets.of(one, now).is_empty());
        Ok(endpoints.into_iter().map(Arc::new).collect())
    }

    /// Forgets deliveries that were over long ago.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forget(&self) -> Result<(), Error> {
        let before = |age| self.now().checked_sub(age).unwrap_or(Timestamp::MIN);
        let (done, dead) = (before(DONE_FOR), before(DEAD_FOR));
        let forgotten = self
            .catalog()
            .forget_deliveries(done, dead, FORGOTTEN_AT_ONCE);
        Ok(forgotten.await?)
    }

    /// Is marked as changed when there may be something to hand on.
    pub fn hints(&self) -> tokio::sync::watch::Receiver<()> {
        self.catalog().hints()
    }

    /// Lets administrators through.
    fn check_admin(&self, who: &Principal) -> Result<(), Error> {
        self.engine.check_admin(who, "manage webhooks")
    }

    fn catalog(&self) -> &Arc<dyn Catalog> {
        &self.engine.catalog
    }

    fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    async fn endpoint(&self, id: &EndpointId) -> Result<Endpoint, Error> {
        let endpoints = self.catalog().endpoints().await?;
        let found = endpoints.into_iter().find(|one| one.id == *id);
        found.ok_or(Error::NotFound)
    }
}
