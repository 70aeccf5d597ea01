//! A stream of events, as a client reads it.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::world::User;

/// Everything that happens from now on.
pub(crate) const FOLLOW: &str = "/v1/events?follow=true";

/// Nothing of a test takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A stream that is read block by block.
pub(crate) struct Stream {
    response: Response,
    text: String,
}

/// A block of a stream with data.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Stream {
    pub(crate) async fn open(user: &User<'_>, path: &str, headers: &[(&str, &str)]) -> Self {
        let url = format!("{}{path}", user.world.urls.api);
        let mut request = user.world.client.get(url).bearer_auth(&user.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next block; none when the stream is over.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.unwrap().unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub(crate) async fn message(&mut self) -> Option<Message> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let found = block.lines().find_map(|line| line.strip_prefix(name));
                found.map(|value| value.trim_start_matches(": ").to_owned())
            };
            if let Some(data) = field("data") {
                return Some(Message {
                    id: field("id").unwrap(),
                    event: field("event").unwrap(),
                    data: serde_json::from_str(&data).unwrap(),
                });
            }
        }
    }
}
