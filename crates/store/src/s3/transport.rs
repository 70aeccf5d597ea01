//! Sends our own signed calls to storage, again where that is safe, and never waits for ever.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url, redirect};
use valetkey_protocol::Clock;
use valetkey_sign::Endpoint;
use valetkey_sign::s3::{Method, Payload, Request, authorize};

use super::answer::{Answer, printable, refusal, unavailable};
use super::at_rest::AtRest;
use super::keys::SigningKeys;
use super::presign::unsignable;
use super::settings::wrong;
use super::{Backoff, Timeouts, xml};
use crate::StoreError;
use crate::skew::Skew;

/// How often a call that may be repeated is sent.
const TRIES: u32 = 3;

/// The longest answer we read, unless a call says otherwise; a page of 1,000 parts is far below it.
pub(super) const LONGEST_ANSWER: u64 = 8 * 1024 * 1024;

/// The longest refusal we read.
const LONGEST_REFUSAL: u64 = 64 * 1024;

/// The longest pause that storage may ask for with `Retry-After` and get within a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

const EXPECTED_BUCKET_OWNER: &str = "x-amz-expected-bucket-owner";

/// Our connections to one bucket.
pub(super) struct Transport {
    pub(super) client: Client,
    pub(super) endpoint: Endpoint,
    pub(super) keys: Arc<SigningKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) expected_bucket_owner: Option<String>,
    pub(super) at_rest: Arc<AtRest>,
    pub(super) timeouts: Timeouts,
    pub(super) backoff: Backoff,
    /// How many calls there were: it gives each its own pauses.
    pub(super) calls: AtomicU64,
    /// How far storage's clock is from ours.
    pub(super) skew: Skew,
}

/// A call before it is signed.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Empty for the bucket itself.
    pub(super) key: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
    /// The longest answer that is read, in bytes.
    pub(super) longest_answer: u64,
}

impl<'a> Call<'a> {
    /// A call without query, headers and body.
    pub(super) fn new(method: Method, key: &'a str) -> Self {
        Self {
            method,
            key,
            query: &[],
            headers: &[],
            body: "",
            longest_answer: LONGEST_ANSWER,
        }
    }
}

impl Transport {
    /// Sends a call that has the same effect however often it arrives, up to three times.
    pub(super) async fn repeat<T>(
        &self,
        call: Call<'_>,
        read: impl Fn(Answer) -> Result<T, StoreError> + Send + Sync,
    ) -> Result<T, StoreError> {
        let serial = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut retry = 0;
        loop {
            let mut not_before = Duration::ZERO;
            let answer = self.attempt(call, &mut not_before).await;
            match answer.and_then(&read) {
                Err(StoreError::Unavailable { what })
                    if retry + 1 < TRIES && not_before <= LONGEST_PAUSE =>
                {
                    let method = call.method.as_str();
                    tracing::debug!(method, retry, what, "storage is asked again");
                    tokio::time::sleep(self.backoff.pause(serial, retry).max(not_before)).await;
                    retry += 1;
                }
                result => return result,
            }
        }
    }

    /// Signs a call, sends it once and reads the whole answer.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, StoreError> {
        let mut ignored = Duration::ZERO;
        self.attempt(call, &mut ignored).await
    }

    /// Sends a call once, and learns how long storage wants to be left alone.
    async fn attempt(
        &self,
        call: Call<'_>,
        not_before: &mut Duration,
    ) -> Result<Answer, StoreError> {
        let sent = self.clock.now();
        let request = self.sign(call, sent)?;
        let response = self.client.execute(request).await.map_err(failure)?;
        self.look_at_date(response.headers(), sent);
        let status = response.status();
        if !status.is_success() {
            *not_before = retry_after(response.headers()).unwrap_or_default();
            // What is refused stays refused when its explanation does not arrive whole.
            let body = body_of(response, LONGEST_REFUSAL).await.unwrap_or_default();
            return Err(refusal(
                status,
                xml::read_error(&body),
                self.endpoint.bucket(),
            ));
        }
        let headers = response.headers().clone();
        let body = body_of(response, call.longest_answer).await?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    fn look_at_date(&self, headers: &HeaderMap, sent: Timestamp) {
        if let Some(date) = headers.get(DATE).and_then(|date| date.to_str().ok()) {
            self.skew.learn(date, sent, self.clock.now());
        }
    }

    fn sign(&self, call: Call<'_>, now: Timestamp) -> Result<reqwest::Request, StoreError> {
        let mut headers = call.headers.to_vec();
        let owner = self.expected_bucket_owner.as_deref();
        headers.extend(owner.map(|owner| (EXPECTED_BUCKET_OWNER, owner)));
        let request = Request {
            method: call.method,
            endpoint: &self.endpoint,
            key: call.key.as_bytes(),
            query: call.query,
            headers: &headers,
            payload: match call.body {
                "" => Payload::Empty,
                body => Payload::of(body.as_bytes()),
            },
        };
        let key = self.keys.at(now).map_err(unsignable)?;
        let signed = authorize(&key, &request, now).map_err(unsignable)?;

        let mut to_send = HeaderMap::new();
        let own = signed.headers.iter().map(|(name, value)| (*name, &**value));
        for (name, value) in own.chain(headers) {
            to_send.insert(header_name(name)?, header_value(name, value)?);
        }
        let url = Url::parse(&signed.url).map_err(|error| unsendable(error.to_string()))?;
        let mut request = reqwest::Request::new(method(call.method), url);
        if matches!(call.method, Method::Put | Method::Post) {
            // Said also when it is 0: some storage answers 411 otherwise.
            to_send.insert(CONTENT_LENGTH, HeaderValue::from(call.body.len()));
            *request.body_mut() = Some(call.body.to_owned().into());
        }
        *request.headers_mut() = to_send;
        Ok(request)
    }
}

/// Ends a call, with all its retries, that takes too long.
pub(super) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let timely = tokio::time::timeout(deadline, call).await;
    timely.unwrap_or_else(|_| Err(unavailable(format!("no answer within {deadline:?}"))))
}

/// A client that adds nothing to what was signed and goes nowhere but to the bucket.
pub(super) fn client(endpoint: &Endpoint, timeouts: &Timeouts) -> Result<Client, StoreError> {
    let builder = Client::builder()
        .http1_only()
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .tcp_nodelay(true)
        .connect_timeout(timeouts.connect)
        // Below what storage and the balancers before it grant, so that they hardly ever hang up first.
        .pool_idle_timeout(Duration::from_secs(15));
    let builder = match endpoint.scheme() {
        "https" => builder.https_only(true),
        // Without TLS the system's root certificates do not matter, and need not be there.
        _ => builder.tls_certs_only([]),
    };
    builder.build().map_err(|error| {
        let why = causes(&error.without_url());
        wrong(format!(
            "no TLS ({why}); install the system's root certificates"
        ))
    })
}

async fn body_of(mut response: reqwest::Response, longest: u64) -> Result<Bytes, StoreError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if (body.len() + chunk.len()) as u64 > longest {
            return Err(unavailable(format!(
                "an answer of more than {longest} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>, in seconds; storage does not use dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn failure(error: reqwest::Error) -> StoreError {
    unavailable(printable(&causes(&error.without_url())))
}

/// An error and what it came from, in one line.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn header_name(name: &str) -> Result<HeaderName, StoreError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable(format!("header {name:?}")))
}

/// Every value is hidden in debug output: the authorization is among them.
fn header_value(name: &str, value: &str) -> Result<HeaderValue, StoreError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| unsendable(format!("value of header {name:?}")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsendable(what: String) -> StoreError {
    StoreError::Unsignable {
        why: format!("it cannot be sent: {what}"),
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Put => reqwest::Method::PUT,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    }
}
