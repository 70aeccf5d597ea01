//! Bodies of requests that are refused before they are read.
//!
//! When an answer is out and its request was not read to the end, the connection cannot be used again, and is closed
//! without a word: a client that still sends, or sends its next request there, sees a reset instead of an answer. So
//! what is left of a body is read, for a while, whoever drops it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How much of a refused body is still read, and for how long.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(5);

/// The body of a request; dropped, it is still read to its end, unless that is too far.
pub(crate) fn to_its_end(body: Body) -> Body {
    match http_body::Body::is_end_stream(&body) {
        true => body,
        false => Body::new(Lingering { body, ended: false }),
    }
}

/// Whether the client waits with the body until it is asked for it (RFC 9110 §10.1.1): refused, it need not send it.
pub(crate) fn waits_with_its_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// Says that the connection ends with this answer.
pub(crate) fn say_close(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

struct Lingering {
    body: Body,
    ended: bool,
}

impl http_body::Body for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.ended = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.ended || http_body::Body::is_end_stream(&self.body) {
            return;
        }
        let body = std::mem::take(&mut self.body);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(LINGER_TIME, read_out(body)));
        }
    }
}

/// Reads a body without keeping it.
async fn read_out(mut body: Body) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => break,
        }
    }
}
