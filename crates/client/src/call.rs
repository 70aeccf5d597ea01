//! One call of the API: the request as a value, its answer, and the problem that comes instead.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use valetkey_protocol::Problem;

use crate::Error;
use crate::error::Peer;

/// No problem document is longer, in bytes.
const MAX_PROBLEM: usize = 64 * 1024;

/// A request that can be sent more than once.
pub(crate) struct Request {
    method: Method,
    pub(crate) url: Url,
    body: Option<Vec<u8>>,
    headers: Vec<(&'static str, String)>,
    timeout: Option<Duration>,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            body: None,
            headers: Vec::new(),
            timeout: None,
        }
    }

    /// Adds a JSON body. The wire types have string keys only, so they always serialise.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).ok();
        self
    }

    /// Has it done once for this key, however often it is sent.
    pub(crate) fn once(mut self, key: Option<String>) -> Self {
        let header = key.map(|key| ("idempotency-key", key));
        self.headers.extend(header);
        self
    }

    /// A stream of events: it may go on for so long, and begins behind the last event that was seen.
    pub(crate) fn stream(mut self, longest: Duration, last: Option<&str>) -> Self {
        self.timeout = Some(longest);
        let header = last.map(|id| ("last-event-id", id.to_owned()));
        self.headers.extend(header);
        self
    }

    /// Adds the fields of a query that are set.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Self {
        if let Ok(Value::Object(fields)) = serde_json::to_value(query) {
            let pairs = fields.iter().map(|(name, value)| match value {
                Value::String(text) => (name.as_str(), text.clone()),
                other => (name.as_str(), other.to_string()),
            });
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }
}

/// Sends it once; any answer but success is an error.
pub(crate) async fn once(http: &reqwest::Client, request: &Request) -> Result<Response, Error> {
    let mut builder = http.request(request.method.clone(), request.url.clone());
    if let Some(body) = &request.body {
        builder = builder
            .header(CONTENT_TYPE, "application/json")
            .body(body.clone());
    }
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    if let Some(timeout) = request.timeout {
        builder = builder.timeout(timeout);
    }
    let answer = builder
        .send()
        .await
        .map_err(|error| Error::network(Peer::Service, error))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(problem(answer).await)
}

/// Reads a successful answer.
pub(crate) async fn json<T: DeserializeOwned>(answer: Response) -> Result<T, Error> {
    let body = answer
        .bytes()
        .await
        .map_err(|error| Error::network(Peer::Service, error))?;
    serde_json::from_slice(&body).map_err(|_| Error::Answer("its JSON is not of this API"))
}

/// The `Retry-After` of an answer, in seconds (RFC 9110 §10.2.3); its other form, a date, is not used by
/// the service or by storage.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// At most `limit` bytes of an answer's body; what cannot be read is left out.
pub(crate) async fn beginning(mut answer: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
        if body.len() == limit {
            break;
        }
    }
    body
}

/// The problem an answer is, or its status when it is none.
pub(crate) async fn problem(answer: Response) -> Error {
    let status = answer.status().as_u16();
    let asked = retry_after(answer.headers());
    let body = beginning(answer, MAX_PROBLEM).await;
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Error::Problem(match (problem.retry_after(), asked) {
            (None, Some(asked)) => problem.with("retry_after", asked.as_secs()),
            _ => problem,
        }),
        Err(_) => Error::Unexpected { status },
    }
}
