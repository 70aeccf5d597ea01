//! The feed: new events are read once for all who follow on this server, as long as anybody does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use valetkey_catalog::{Event, EventList};

use super::Told;
use crate::{Engine, Error};

/// How many events are read at once.
const READ_AT_ONCE: u32 = 100;

/// How many such reads are kept for those who are slower; who is slower still reads for itself.
const KEPT: usize = 32;

/// How long until the table is looked at without a hint.
const POLL: Duration = Duration::from_secs(3);

/// Events in a row: all there are after one position and up to another.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) after: u64,
    pub(super) up_to: u64,
    pub(super) told: Vec<Told>,
}

/// What links those who follow and whoever reads for them.
pub(crate) struct Feed {
    stretches: broadcast::Sender<Arc<Stretch>>,
    joined: Notify,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            stretches: broadcast::Sender::new(KEPT),
            joined: Notify::new(),
        }
    }
}

impl Feed {
    /// Every stretch from now on.
    pub(super) fn join(&self) -> broadcast::Receiver<Arc<Stretch>> {
        let stretches = self.stretches.subscribe();
        self.joined.notify_one();
        stretches
    }

    fn is_followed(&self) -> bool {
        self.stretches.receiver_count() > 0
    }

    async fn followed(&self) {
        while !self.is_followed() {
            self.joined.notified().await;
        }
    }

    fn send(&self, stretch: Stretch) {
        // It fails when the last one has just gone.
        let _ = self.stretches.send(Arc::new(stretch));
    }
}

impl Engine {
    /// Reads new events for those who follow, without an end. Each server does it once.
    pub async fn feed_events(&self) {
        loop {
            self.feed.followed().await;
            match self.catalog.event_span().await {
                Ok([_, last]) => self.feed_from(last).await,
                Err(error) => pause(&error.into()).await,
            }
        }
    }

    /// Reads on from a position until nobody follows any more.
    async fn feed_from(&self, mut position: u64) {
        let mut hints = self.catalog.hints();
        // Who joined before this read the table up to somewhere before it.
        self.feed.send(Stretch {
            after: position,
            up_to: position,
            told: Vec::new(),
        });
        while self.feed.is_followed() {
            hints.mark_unchanged();
            match self.stretch(position).await {
                Ok(Some(stretch)) => {
                    position = stretch.up_to;
                    self.feed.send(stretch);
                    continue;
                }
                Ok(None) => {}
                Err(error) => pause(&error).await,
            }
            // It comes to nothing when there is nobody to give hints; then the table is looked at.
            let _ = tokio::time::timeout(POLL, hints.changed()).await;
        }
    }

    async fn stretch(&self, after: u64) -> Result<Option<Stretch>, Error> {
        let list = EventList::after(after, READ_AT_ONCE);
        let events = self.catalog.events(list).await?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        Ok(Some(Stretch {
            after,
            up_to: last.position,
            told: self.told(events).await?,
        }))
    }

    /// Events, and what others are told of them.
    pub(super) async fn told(&self, events: Vec<Event>) -> Result<Vec<Told>, Error> {
        let bodies = self.tell(&events).await?;
        let pairs = events.into_iter().zip(bodies);
        Ok(pairs.map(|(event, body)| Told { event, body }).collect())
    }
}

async fn pause(error: &Error) {
    tracing::warn!(%error, cause = ?std::error::Error::source(error), "events cannot be read at the moment");
    tokio::time::sleep(POLL).await;
}
