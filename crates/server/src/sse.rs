//! Server-Sent Events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>): the body of a stream, made
//! as fast as it is read and no faster.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Interval, MissedTickBehavior, Sleep};
use valetkey_engine::{Follower, Told};

use crate::streams::Stay;

/// The media type of a stream.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// How often something is sent when nothing happens, so that nobody in between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long to wait when events cannot be read at the moment.
const PAUSE: Duration = Duration::from_secs(2);

/// How long clients are told to wait before they come back, in milliseconds.
const RETRY: u64 = 2000;

struct EventStream {
    follower: Follower,
    stay: Stay,
    /// Ends when the token does.
    end: Pin<Box<Sleep>>,
    beat: Interval,
    begun: bool,
}

/// Streams what a follower is told, for so long at most.
pub(crate) fn answer(follower: Follower, stay: Stay, lifetime: Duration) -> Response {
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = EventStream {
        follower,
        stay,
        end: Box::pin(tokio::time::sleep(lifetime)),
        beat,
        begun: false,
    };
    let body = stream::unfold(stream, |mut stream| async {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), stream))
    });
    // Proxies that collect answers before they pass them on are asked not to.
    let headers = [
        (header::CONTENT_TYPE.as_str(), EVENT_STREAM),
        ("x-accel-buffering", "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

impl EventStream {
    /// The next piece of the body; none when it is over.
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            self.beat.reset();
            return Some(format!("retry: {RETRY}\n{}", self.here()));
        }
        loop {
            tokio::select! {
                biased;
                () = self.stay.stopped() => return None,
                () = &mut self.end => return None,
                told = self.follower.next() => match told {
                    Ok(told) => {
                        self.beat.reset();
                        return Some(self.events(&told));
                    }
                    Err(error) => {
                        tracing::warn!(%error, cause = ?std::error::Error::source(&error), "a stream of events waits");
                    }
                },
                _ = self.beat.tick() => return Some(self.here()),
            }
            tokio::select! {
                biased;
                () = self.stay.stopped() => return None,
                () = &mut self.end => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Where it is, in a block without data: clients remember the id and are told of no event.
    fn here(&self) -> String {
        match self.follower.cursor() {
            Some(cursor) => format!(": here\nid: {cursor}\n\n"),
            None => ": here\n\n".to_owned(),
        }
    }

    fn events(&self, told: &[Told]) -> String {
        let mut text = String::with_capacity(told.len() * 1024);
        for one in told {
            let cursor = self.follower.cursor_after(one);
            let kind = one.body.kind.as_str();
            // JSON has no line ends of its own.
            let data = serde_json::to_string(&one.body).unwrap_or_default();
            let _ = write!(text, "id: {cursor}\nevent: {kind}\ndata: {data}\n\n");
        }
        text
    }
}
