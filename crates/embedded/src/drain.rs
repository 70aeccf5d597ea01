//! A request's body that is read to its end even when nobody wants it.
//!
//! A refusal may be decided before the body was read. Closing the connection then would reset it, and the
//! client would see a broken pipe instead of the refusal. So the rest is read and thrown away, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::runtime::Handle;

/// As much as is thrown away for the sake of an answer, in bytes.
const LIMIT: u64 = 64 << 20;

/// A body that drains itself when it is dropped early.
pub(crate) struct Draining {
    /// Gone only while it is being dropped.
    inner: Option<Incoming>,
}

impl Draining {
    pub(crate) fn new(inner: Incoming) -> Self {
        Self { inner: Some(inner) }
    }
}

impl Body for Draining {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        let Some(rest) = self.inner.take() else {
            return;
        };
        if rest.is_end_stream() || rest.size_hint().lower() > LIMIT {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(drain(rest));
        }
    }
}

async fn drain(mut rest: Incoming) {
    let mut read = 0;
    while read <= LIMIT {
        let frame = std::future::poll_fn(|context| Pin::new(&mut rest).poll_frame(context)).await;
        match frame {
            Some(Ok(frame)) => {
                read += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
            }
            Some(Err(_)) | None => return,
        }
    }
}
