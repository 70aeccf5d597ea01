//! List: events page by page, in the order they happened.

use jiff::Timestamp;
use valetkey_catalog::EventList;
use valetkey_protocol::Code;
use valetkey_protocol::event::{Begin, EventKind, EventPage, ListEvents};
use valetkey_protocol::policy::PolicyAction as Action;

use crate::page::page_limit;
use crate::policy;
use crate::seal::Purpose;
use crate::{Engine, Error, Principal};

/// Where somebody is among the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// All up to here was seen.
    pub(super) position: u64,
    /// What happened after this instant was not.
    pub(super) seen_at: Timestamp,
}

impl Engine {
    /// Lists events of the caller's uploads, or of everybody's for an administrator.
    ///
    /// # Errors
    /// A filter that is none, or a cursor that is none or from before what is remembered.
    pub async fn list_events(
        &self,
        who: &Principal,
        query: &ListEvents,
    ) -> Result<EventPage, Error> {
        let limit = page_limit(query.limit)?;
        let mut list = self.event_scope(who, query).await?;
        let now = self.clock.now();
        let span = self.catalog.event_span().await?;
        list.after = self.events_begin(who, query, Begin::Oldest, span)?;
        list.limit = limit + 1;
        let after = list.after;
        let mut events = self.catalog.events(list).await?;
        let has_more = events.len() > limit as usize;
        events.truncate(limit as usize);
        let last = events.last().map_or(after, |last| last.position);
        let place = match events.last() {
            Some(last) if has_more => Place {
                position: last.position,
                seen_at: last.at,
            },
            // Up to the end: whatever is not here is none of those that were asked for.
            _ => Place {
                position: last.max(span[1]),
                seen_at: now,
            },
        };
        Ok(EventPage {
            events: self.tell(&events).await?,
            next_cursor: self.seal_event_cursor(who, place),
            has_more,
        })
    }

    /// Which events a query is about, wherever it begins.
    pub(super) async fn event_scope(
        &self,
        who: &Principal,
        query: &ListEvents,
    ) -> Result<EventList, Error> {
        policy::check_may(who, Action::Read)?;
        if let Some(bucket) = &query.bucket {
            self.requested_bucket(Some(bucket))?;
        }
        let kinds = query.kinds.as_deref().map(EventKind::parse_list);
        let kinds = kinds.transpose().map_err(|error| ("type", error))?;
        let id = query.file_id.as_deref().map(str::parse).transpose();
        let id = id.map_err(|error| ("file_id", error))?;
        let own = self.managed_owner(who);
        let mut owner = match (own, query.owner.clone()) {
            (Some(own), Some(asked)) if own != asked => {
                let detail =
                    "owner: only administrators see events of others; leave it out to see yours";
                return Err(Error::refused(Code::Forbidden, detail));
            }
            (own, asked) => own.or(asked),
        };
        if let (None, Some(id)) = (&owner, id) {
            // An owner's events are found by an index.
            let record = self.catalog.find(id).await?;
            owner = record.map(|record| record.upload.owner);
        }
        Ok(EventList {
            tenant: self.listed_tenant(who),
            owner,
            bucket: query.bucket.clone(),
            id,
            kinds: kinds.unwrap_or_default(),
            ..EventList::default()
        })
    }

    /// The position after which a query begins.
    pub(super) fn events_begin(
        &self,
        who: &Principal,
        query: &ListEvents,
        otherwise: Begin,
        [first, last]: [u64; 2],
    ) -> Result<u64, Error> {
        let Some(cursor) = &query.cursor else {
            return Ok(match query.from.unwrap_or(otherwise) {
                Begin::Oldest => 0,
                Begin::Now => last,
            });
        };
        let place = self.open_event_cursor(who, cursor)?;
        // The first events are forgotten first: as long as one from before is there, so are those after.
        let whole = first > 0 && first <= place.position;
        // Positions rise for ever, unless a backup was restored.
        let undone = last > 0 && place.position > last;
        if undone || (!whole && self.is_forgotten(place.seen_at)) {
            let detail = "cursor: events after it may have been forgotten, or undone with a backup; begin without it, \
                 and look at what you have with GET /v1/files";
            return Err(Error::refused(Code::EventsForgotten, detail));
        }
        Ok(place.position)
    }

    fn is_forgotten(&self, instant: Timestamp) -> bool {
        let now = self.clock.now();
        self.history
            .and_then(|history| now.checked_sub(history).ok())
            .is_some_and(|oldest| instant <= oldest)
    }

    /// A cursor is good for whom it was made only.
    pub(super) fn seal_event_cursor(&self, who: &Principal, place: Place) -> String {
        let at = place.seen_at.as_millisecond();
        let text = format!("e{}.{at}.{}", place.position, who.owner());
        self.sealer.seal(Purpose::Cursor, text.as_bytes())
    }

    fn open_event_cursor(&self, who: &Principal, cursor: &str) -> Result<Place, Error> {
        let read = || {
            let payload = String::from_utf8(self.sealer.open(Purpose::Cursor, cursor)?).ok()?;
            let mut parts = payload.strip_prefix('e')?.splitn(3, '.');
            let position = parts.next()?.parse().ok()?;
            let seen_at = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
            let own = parts.next()? == who.owner().to_string();
            own.then_some(Place { position, seen_at })
        };
        let detail = "cursor: is not one of your events; take next_cursor of the page before or the last id of \
             the stream, or none to begin";
        read().ok_or_else(|| Error::refused(Code::MalformedRequest, detail))
    }
}
