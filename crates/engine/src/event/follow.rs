//! Follow: events as they happen. The table is read first, then what the feed reads, and the table again by whoever
//! cannot keep up, so that nothing is left out, told twice or kept in memory for anybody.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use valetkey_catalog::{Event, EventList};
use valetkey_protocol::event::{Begin, Event as EventBody, ListEvents};

use super::feed::Stretch;
use super::list::Place;
use crate::{Engine, Error, Principal};

/// How many events are read from the table at once.
const READ_AT_ONCE: u32 = 100;

/// An event, and what others are told of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The event.
    pub event: Event,
    /// What is told.
    pub body: EventBody,
}

/// Somebody who follows.
pub struct Follower {
    engine: Arc<Engine>,
    who: Principal,
    /// Which events, and where it is among them.
    list: EventList,
    /// Whether there may be more in the table.
    behind: bool,
    /// Whether all up to where it is was seen as of now.
    sure: bool,
    stretches: broadcast::Receiver<Arc<Stretch>>,
}

impl Engine {
    /// Follows events of the caller's uploads, or of everybody's for an administrator.
    ///
    /// # Errors
    /// As for [`Engine::list_events`].
    pub async fn follow_events(
        self: &Arc<Self>,
        who: &Principal,
        query: &ListEvents,
    ) -> Result<Follower, Error> {
        let mut list = self.event_scope(who, query).await?;
        let span = self.catalog.event_span().await?;
        list.after = self.events_begin(who, query, Begin::Now, span)?;
        list.limit = READ_AT_ONCE;
        Ok(Follower {
            engine: Arc::clone(self),
            who: who.clone(),
            list,
            behind: true,
            sure: query.cursor.is_none(),
            // Whoever joins before it reads the table misses nothing in between.
            stretches: self.feed.join(),
        })
    }
}

impl Follower {
    /// The next events, at least one, as soon as there are any. When its future is dropped nothing is lost.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn next(&mut self) -> Result<Vec<Told>, Error> {
        loop {
            let told = match self.behind {
                true => self.read().await?,
                false => self.hear().await?,
            };
            if !told.is_empty() {
                return Ok(told);
            }
        }
    }

    /// Where to go on after this event.
    pub fn cursor_after(&self, told: &Told) -> String {
        let place = Place {
            position: told.event.position,
            seen_at: told.event.at,
        };
        self.engine.seal_event_cursor(&self.who, place)
    }

    /// Where to go on from here; nothing while it catches up.
    pub fn cursor(&self) -> Option<String> {
        let place = Place {
            position: self.list.after,
            seen_at: self.engine.clock.now(),
        };
        self.sure
            .then(|| self.engine.seal_event_cursor(&self.who, place))
    }

    async fn read(&mut self) -> Result<Vec<Told>, Error> {
        let [_, last] = self.engine.catalog.event_span().await?;
        let events = self.engine.catalog.events(self.list.clone()).await?;
        let more = events.len() >= self.list.limit as usize;
        let read = events.last().map_or(0, |event| event.position);
        let told = match events.is_empty() {
            true => Vec::new(),
            false => self.engine.told(events).await?,
        };
        self.behind = more;
        self.sure = !more;
        let seen = if more { read } else { read.max(last) };
        self.list.after = self.list.after.max(seen);
        Ok(told)
    }

    async fn hear(&mut self) -> Result<Vec<Told>, Error> {
        let stretch = match self.stretches.recv().await {
            Ok(stretch) => stretch,
            Err(RecvError::Lagged(_)) => return Ok(self.fall_behind()),
            Err(RecvError::Closed) => return Err(Error::Internal("the feed is gone".to_owned())),
        };
        if stretch.after > self.list.after {
            return Ok(self.fall_behind());
        }
        let new =
            |told: &&Told| told.event.position > self.list.after && is_in(&self.list, &told.event);
        let told = stretch.told.iter().filter(new).cloned().collect();
        self.list.after = self.list.after.max(stretch.up_to);
        Ok(told)
    }

    fn fall_behind(&mut self) -> Vec<Told> {
        self.behind = true;
        self.sure = false;
        Vec::new()
    }
}

/// Whether an event is one of a list, wherever that begins.
fn is_in(list: &EventList, event: &Event) -> bool {
    list.id.is_none_or(|id| id == event.id)
        && (list.tenant.is_none() || list.tenant == event.tenant)
        && (list.owner.is_none() || list.owner == event.owner)
        && (list.bucket.is_none() || list.bucket == event.bucket)
        && (list.kinds.is_empty() || list.kinds.contains(&event.kind))
}
