//! What happened: page by page, or as it happens.

mod sse;

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, Stream, TryStreamExt as _};
use reqwest::{Method, Response};
use tokio::time::timeout;
use valetkey_protocol::event::{Event, EventPage, ListEvents};

use crate::error::Peer;
use crate::{Client, Error, call};
use sse::Parser;

/// How long a stream may go on; the token ends it sooner.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A stream on which nothing came for so long is dead: the service sends something every 15 seconds.
const SILENCE: Duration = Duration::from_secs(45);

impl Client {
    /// `GET /v1/events`: one page.
    ///
    /// # Errors
    /// The service's problem, or no connection.
    pub async fn list_events(&self, query: &ListEvents) -> Result<EventPage, Error> {
        let request = self.request(Method::GET, &["events"]).query(query);
        call::json(self.send(request).await?).await
    }

    /// Every event the query finds up to now, page after page as they are asked for.
    pub fn all_events(&self, query: ListEvents) -> impl Stream<Item = Result<Event, Error>> + '_ {
        let pages = stream::try_unfold(Some(query), async |next: Option<ListEvents>| {
            let Some(query) = next else { return Ok(None) };
            let page = self.list_events(&query).await?;
            let cursor = Some(page.next_cursor).filter(|_| page.has_more);
            let next = cursor.map(|cursor| ListEvents {
                cursor: Some(cursor),
                ..query
            });
            Ok::<_, Error>(Some((page.events, next)))
        });
        pages
            .map_ok(|events| stream::iter(events.into_iter().map(Ok)))
            .try_flatten()
    }

    /// Every event the query finds, as it happens, without an end. A connection that is lost is made anew, and goes on
    /// exactly behind the last event; once there was one, it is tried for as long as it takes.
    pub fn follow_events(
        &self,
        query: ListEvents,
    ) -> impl Stream<Item = Result<Event, Error>> + '_ {
        let following = Following {
            query: ListEvents {
                follow: Some(true),
                ..query
            },
            parser: Parser::default(),
            answer: None,
            connected: false,
            attempt: 1,
            ready: VecDeque::new(),
        };
        stream::try_unfold(following, async |mut following| {
            let event = self.next_event(&mut following).await?;
            Ok(Some((event, following)))
        })
    }

    async fn next_event(&self, following: &mut Following) -> Result<Event, Error> {
        loop {
            if let Some(event) = following.ready.pop_front() {
                return Ok(event);
            }
            let Err(error) = self.hear(following).await else {
                continue;
            };
            following.answer = None;
            let last = match following.connected {
                true => self.retries.attempts.saturating_sub(1).max(1),
                false => self.retries.attempts,
            };
            self.pause(following.attempt.min(last), error).await?;
            following.attempt += 1;
        }
    }

    /// Reads on, or connects anew.
    async fn hear(&self, following: &mut Following) -> Result<(), Error> {
        let Some(answer) = &mut following.answer else {
            let request = self
                .request(Method::GET, &["events"])
                .query(&following.query);
            let request = request.stream(LONGEST, following.parser.last_id());
            following.answer = Some(call::once(&self.api, &request).await?);
            following.connected = true;
            following.parser.restart();
            return Ok(());
        };
        match timeout(SILENCE, answer.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                following.attempt = 1;
                for data in following.parser.push(&chunk)? {
                    let event = serde_json::from_str(&data);
                    let event = event.map_err(|_| Error::Answer("an event is not of this API"))?;
                    following.ready.push_back(event);
                }
                Ok(())
            }
            Ok(Err(error)) => Err(Error::network(Peer::Service, error)),
            // It ended well, as it does when the service stops, or it is dead.
            Ok(Ok(None)) | Err(_) => {
                following.answer = None;
                let share = 0.5 + crate::clock::share() / 2.0;
                tokio::time::sleep(following.parser.retry().mul_f64(share)).await;
                Ok(())
            }
        }
    }
}

struct Following {
    query: ListEvents,
    parser: Parser,
    answer: Option<Response>,
    /// Whether there was a connection before.
    connected: bool,
    attempt: u32,
    ready: VecDeque<Event>,
}
