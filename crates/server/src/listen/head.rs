//! How long a request's head may take, apart from how long a connection may idle between requests.
//!
//! hyper has one timeout for both. Proxies keep idle connections for a minute and send their next request on
//! them; a head that dribbles in is cut off much sooner.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// How many requests of a connection have begun and ended; shared by its service and its stream.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<(AtomicU64, AtomicU64)>);

impl Progress {
    /// Runs one request of the connection, which ends with the last byte of its answer.
    pub(super) async fn during<B, E>(
        self,
        request: impl Future<Output = Result<Response<B>, E>>,
    ) -> Result<Response<Answer<B>>, E> {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        let running = Running(self);
        let answer = request.await?;
        Ok(answer.map(|body| Answer {
            body,
            _running: running,
        }))
    }

    /// Whether there was a request yet.
    pub(super) fn has_begun(&self) -> bool {
        self.look().0 > 0
    }

    /// Whether a request runs.
    pub(super) fn is_busy(&self) -> bool {
        self.look().1
    }

    /// How many requests began, and whether the last of them runs.
    fn look(&self) -> (u64, bool) {
        let (begun, ended) = (
            self.0.0.load(Ordering::Relaxed),
            self.0.1.load(Ordering::Relaxed),
        );
        (begun, begun != ended)
    }
}

/// A request that runs until this is dropped.
struct Running(Progress);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

/// The body of an answer; its request runs for as long as it is there.
pub(super) struct Answer<B> {
    body: B,
    _running: Running,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Watches the bytes between two requests.
pub(super) struct HeadTimer {
    limit: Duration,
    progress: Progress,
    /// Running since the first byte of a head, while that many requests had begun.
    running: Option<(u64, Pin<Box<Sleep>>)>,
}

impl HeadTimer {
    /// A timer that begins with the connection: the first head is due at once.
    pub(super) fn new(limit: Duration, progress: Progress) -> Self {
        let first = Box::pin(tokio::time::sleep(limit));
        Self {
            limit,
            progress,
            running: Some((0, first)),
        }
    }

    /// Bytes came in: they begin a head unless a request is running or a head has begun.
    pub(super) fn received(&mut self) {
        let (begun, busy) = self.progress.look();
        let waiting = matches!(&self.running, Some((since, _)) if *since == begun);
        if !busy && !waiting {
            self.running = Some((begun, Box::pin(tokio::time::sleep(self.limit))));
        }
    }

    /// Whether a head that has begun is overdue; wakes the task when it will be.
    pub(super) fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        let (begun, _) = self.progress.look();
        match &mut self.running {
            Some((since, sleep)) if *since == begun => {
                sleep.as_mut().poll(context) == Poll::Ready(())
            }
            _ => {
                self.running = None;
                false
            }
        }
    }
}
