//! A thin link: sockets that share so many bytes a second, in each direction.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::clock;

/// The most bytes that pass at a time, so that many sockets share the link evenly.
const CHUNK: usize = 16 * 1024;
/// How long an idle link saves up: it makes up for timers that fire late.
const SAVED: Duration = Duration::from_millis(20);

/// One link, shared by all sockets that have a clone of it. It has two directions, as cables have.
#[derive(Clone)]
pub(super) struct Link(Arc<Directions>);

struct Directions {
    inward: Lane,
    outward: Lane,
}

/// One direction: the instant up to which it is taken.
struct Lane {
    bytes_per_second: f64,
    taken_until: Mutex<Instant>,
}

impl Link {
    /// A link of so many bits a second each way.
    pub(super) fn new(bits_per_second: u64) -> Self {
        let lane = || Lane {
            bytes_per_second: bits_per_second as f64 / 8.0,
            taken_until: Mutex::new(clock::now()),
        };
        Self(Arc::new(Directions {
            inward: lane(),
            outward: lane(),
        }))
    }
}

impl Lane {
    /// Takes the lane for some bytes that pass at `now`; the answer is the instant at which they have passed.
    fn take(&self, bytes: usize, now: Instant) -> Instant {
        let time = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
        let mut until = self
            .taken_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let start = now.checked_sub(SAVED).unwrap_or(now).max(*until);
        *until = start + time;
        *until
    }
}

/// A connection that goes over a link, or over none.
pub(super) struct Linked {
    stream: TcpStream,
    link: Option<Link>,
    read: Option<Pin<Box<Sleep>>>,
    written: Option<Pin<Box<Sleep>>>,
}

impl Linked {
    /// Puts a connection on a link.
    pub(super) fn new(stream: TcpStream, link: Option<Link>) -> Self {
        // Requests and answers are whole when they are written; nothing is gained by waiting for more.
        stream.set_nodelay(true).ok();
        Self {
            stream,
            link,
            read: None,
            written: None,
        }
    }
}

/// Waits until what passed last has passed.
fn poll_passed(passing: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> Poll<()> {
    if let Some(sleep) = passing {
        ready!(sleep.as_mut().poll(cx));
        *passing = None;
    }
    Poll::Ready(())
}

fn until(instant: Instant) -> Option<Pin<Box<Sleep>>> {
    Some(Box::pin(tokio::time::sleep_until(instant.into())))
}

impl AsyncRead for Linked {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(link) = &this.link else {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        };
        ready!(poll_passed(&mut this.read, cx));
        let mut chunk = [0; CHUNK];
        let room = buf.remaining().min(CHUNK);
        let mut part = ReadBuf::new(&mut chunk[..room]);
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
        if !part.filled().is_empty() {
            buf.put_slice(part.filled());
            this.read = until(link.0.inward.take(part.filled().len(), clock::now()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Linked {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(link) = &this.link else {
            return Pin::new(&mut this.stream).poll_write(cx, buf);
        };
        ready!(poll_passed(&mut this.written, cx));
        let part = &buf[..buf.len().min(CHUNK)];
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, part))?;
        this.written = until(link.0.outward.take(written, clock::now()));
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.link.is_none() {
            return Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[], |buf| buf))
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_none()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_takes_its_time_and_everybody_shares_it() {
        let link = Link::new(8_000_000);
        let lane = &link.0.inward;
        let now = clock::now() + Duration::from_secs(1);
        let passed = |bytes| lane.take(bytes, now).duration_since(now).as_millis();
        // 20 ms were saved up, and 1,000 bytes are a millisecond.
        assert_eq!(passed(100_000), 80);
        assert_eq!(passed(20_000), 100);
        let outward = link.0.outward.take(100_000, now).duration_since(now);
        assert_eq!(outward.as_millis(), 80);
    }
}
