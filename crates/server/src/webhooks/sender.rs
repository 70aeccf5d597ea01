//! Sends one message: to the address that was checked, without redirects and proxies, and never for long.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use tokio::time::timeout;
use valetkey_engine::{WebhookAnswer, WebhookMessage, WebhookSender};
use valetkey_protocol::webhook::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};

use super::address::Network;
use super::resolve::{Guard, Lookup, SystemLookup, Unusable};
use crate::outbound;

/// How long the connection may take, and all of it together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection that nobody uses is kept, and how many of them for each host.
const IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE: usize = 4;

/// How much of an answer is read, so that its connection can be used again: nobody looks at it.
const LONGEST_ANSWER: usize = 4 * 1024;

/// The longest URL.
const LONGEST_URL: usize = 2048;

/// Where messages may go, and how long they may take.
pub(crate) struct SenderOptions {
    /// Whether http is as good as https.
    pub(crate) allow_http: bool,
    /// Which addresses may be used beside those of the public Internet.
    pub(crate) allowed: Vec<Network>,
    /// Who knows the addresses of names.
    pub(crate) lookup: Arc<dyn Lookup>,
    /// How long an attempt may take.
    pub(crate) timeout: Duration,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            allow_http: false,
            allowed: Vec::new(),
            lookup: Arc::new(SystemLookup),
            timeout: TIMEOUT,
        }
    }
}

/// Sends messages over HTTP.
pub(crate) struct HttpSender {
    client: Client,
    guard: Guard,
    allow_http: bool,
    timeout: Duration,
}

impl HttpSender {
    /// # Errors
    /// The client cannot be made.
    pub(crate) fn new(options: SenderOptions) -> Result<Self, reqwest::Error> {
        let guard = Guard::new(options.lookup, &options.allowed);
        let client = outbound::client()
            .dns_resolver(guard.clone())
            .connect_timeout(CONNECT_TIMEOUT.min(options.timeout))
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE);
        Ok(Self {
            client: client.build()?,
            guard,
            allow_http: options.allow_http,
            timeout: options.timeout,
        })
    }

    /// A URL, if it is one that something may be sent to as far as it says itself.
    fn parse(&self, url: &str) -> Result<Url, String> {
        let url = parse_url(url, self.allow_http)?;
        if let Some(address) = literal(&url) {
            self.guard
                .check(address)
                .map_err(|forbidden| format!("leads to {forbidden}"))?;
        }
        Ok(url)
    }

    async fn exchange(&self, message: WebhookMessage) -> Result<WebhookAnswer, String> {
        let url = self.parse(&message.url);
        let url = url.map_err(|why| format!("nothing is sent: the url {why}"))?;
        let headers = headers(&message)?;
        let request = self.client.post(url).headers(headers).body(message.body);
        let response = request.send().await.map_err(|error| explain(&error))?;
        let answer = WebhookAnswer {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
        };
        read_a_little(response).await;
        Ok(answer)
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn check(&self, url: &str) -> Result<(), String> {
        let url = self.parse(url)?;
        if literal(&url).is_some() {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        match timeout(CONNECT_TIMEOUT, self.guard.addresses(host)).await {
            Ok(Err(forbidden @ Unusable::Forbidden { .. })) => {
                Err(format!("cannot be used: {forbidden}"))
            }
            // A name may get its address later.
            Ok(Ok(_) | Err(Unusable::Unknown { .. })) | Err(_) => Ok(()),
        }
    }

    async fn send(&self, message: WebhookMessage) -> Result<WebhookAnswer, String> {
        let late = |_| Err(format!("it did not answer within {:?}", self.timeout));
        timeout(self.timeout, self.exchange(message))
            .await
            .unwrap_or_else(late)
    }
}

/// Reads the URL of an endpoint: https (or http), a host, no user and no fragment.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(crate) fn parse_url(text: &str, allow_http: bool) -> Result<Url, String> {
    if text.len() > LONGEST_URL {
        return Err(format!("is longer than {LONGEST_URL} bytes"));
    }
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or("is no URL: write it like https://app.example.com/webhooks")?;
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        "http" => {
            return Err(
                "is not https; `webhooks.allow_http` of the configuration can allow http"
                    .to_owned(),
            );
        }
        _ => return Err("is not https: write it like https://app.example.com/webhooks".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "has a user or a password: leave them out; the signature says who sends".to_owned(),
        );
    }
    if url.fragment().is_some() {
        return Err("has a fragment, which is never sent: leave out what follows #".to_owned());
    }
    Ok(url)
}

/// The address that stands in a URL instead of a name, however it is written: 2130706433 and 0x7f.1 are read as browsers
/// read them.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let host = host
        .strip_prefix('[')
        .map_or(host, |host| host.trim_end_matches(']'));
    host.parse().ok()
}

fn headers(message: &WebhookMessage) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [
        (ID_HEADER, &message.id),
        (TIMESTAMP_HEADER, &message.timestamp.to_string()),
        (SIGNATURE_HEADER, &message.signature),
    ] {
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Reads the beginning of an answer and drops it. What it says besides its status is of no interest, nor is its end.
async fn read_a_little(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > LONGEST_ANSWER {
            return;
        }
    }
}

/// Why there is no answer, for people: without the URL, whose query may be nobody else's business.
fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        if cause.is::<Unusable>() {
            return format!("nothing is sent: {cause}");
        }
    }
    match error.is_connect() {
        true => format!("there is no connection: {cause}"),
        false => format!("the connection ended without an answer: {cause}"),
    }
}
