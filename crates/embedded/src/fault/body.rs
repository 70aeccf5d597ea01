//! A body that breaks off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use s3s::StdError;

/// Gives the first bytes of a body, then an error. It promises as many bytes as the whole.
pub(super) struct Broken<B> {
    inner: B,
    left: u64,
    /// Whoever sends the first bytes was given the time to do so.
    rested: bool,
}

impl<B> Broken<B> {
    pub(super) fn new(inner: B, after: u64) -> Self {
        Self {
            inner,
            left: after,
            rested: false,
        }
    }
}

impl<B> Body for Broken<B>
where
    B: Body<Data = Bytes> + Unpin,
    StdError: From<B::Error>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if self.left == 0 && !self.rested {
            self.rested = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(Some(Err(broken())));
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(Some(match frame {
            None => Err(broken()),
            Some(Err(source)) => Err(source.into()),
            Some(Ok(frame)) => match frame.into_data() {
                Err(_) => Err(broken()),
                Ok(mut bytes) => {
                    let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                    bytes.truncate(left);
                    self.left -= bytes.len() as u64;
                    Ok(Frame::data(bytes))
                }
            },
        }))
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn broken() -> StdError {
    io::Error::new(
        io::ErrorKind::ConnectionReset,
        "a fault of the store breaks the connection",
    )
    .into()
}
