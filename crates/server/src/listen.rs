//! A listener of our own: header timeouts, a cap on connections, byte counters and a shutdown that ends.

mod crowd;
mod head;
mod stream;

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crowd::{Crowd, Seat};
use head::{HeadTimer, Progress};
use stream::CountingStream;

use crate::limits::Peer;
use crate::linger;

/// How long to wait before accepting again when the machine has no more files to give, and nobody can be sent away.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long when somebody was, who is gone in a moment.
const LEAVE_PAUSE: Duration = Duration::from_millis(2);

/// How long a connection that asked for nothing yet may still do so when the listener shuts down.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// How many may have connected without being accepted yet. The kernel drops what is more, and its client, who may be a
/// health check, hears nothing and tries again after one second, three and seven.
const BACKLOG: u32 = 4096;

/// Listens on an address.
///
/// # Errors
/// The last address of the name cannot be had.
pub(crate) async fn bind(address: &str) -> io::Result<TcpListener> {
    let mut outcome = Err(ErrorKind::AddrNotAvailable.into());
    for address in tokio::net::lookup_host(address).await? {
        outcome = listen(address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // What was closed a moment ago is no reason to wait; on Windows this would let two listen on one address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct ListenerOptions {
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long a connection may idle between requests; proxies expect a minute.
    pub idle_timeout: Duration,
    /// How many connections may be open; one more sends away the oldest that serves no request, or waits.
    pub max_connections: usize,
    /// The most bytes buffered for one connection.
    pub max_buffer: usize,
    /// How long running requests may take to end once the listener shuts down.
    pub grace: Duration,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connections: 10_000,
            max_buffer: 32 * 1024,
            grace: Duration::from_secs(6),
        }
    }
}

/// What a listener counts.
#[derive(Debug, Clone, Default)]
pub struct ListenerCounters {
    /// Bytes that came in.
    pub received: Counter,
    /// Bytes that went out.
    pub sent: Counter,
    /// Connections open at this moment.
    pub open: Gauge,
}

/// Serves HTTP/1.1 until `shutdown`, then lets what runs end within the grace period.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    options: ListenerOptions,
    counters: ListenerCounters,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(options.max_connections));
    let crowd = Arc::new(Crowd::default());
    let (tracker, ending) = (TaskTracker::new(), Ending::default());
    let enter = |stream: TcpStream, place: Option<OwnedSemaphorePermit>| {
        let (service, counters, ending) = (service.clone(), counters.clone(), ending.clone());
        let peer = stream.peer_addr().map(|peer| peer.ip()).ok();
        let progress = Progress::default();
        let seat = crowd.enter(progress.clone());
        tracker.spawn(async move {
            counters.open.inc();
            let head = HeadTimer::new(options.header_timeout, progress.clone());
            let stream = CountingStream::new(stream, &counters, head);
            let told = told_to_end(ending.clone(), progress.clone());
            let soft = ending.soft.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                if let Some(peer) = peer {
                    request.extensions_mut().insert(Peer(peer));
                }

                let answer = progress.clone().during(service.call(request));
                say_end(answer, soft.clone())
            });
            hold(stream, service, options, seat, (told, ending)).await;
            counters.open.dec();
            drop(place);
        });
    };
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let stream = accept(&listener, &crowd).await;
            (place(&places, &crowd).await, stream)
        };
        let (place, stream) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next,
        };
        enter(stream, place);
    }
    for stream in waiting(listener) {
        enter(stream, None);
    }
    ending.soft.cancel();
    tracker.close();
    if tokio::time::timeout(options.grace, tracker.wait())
        .await
        .is_err()
    {
        ending.hard.cancel();
        tracker.wait().await;
    }
}

/// Everybody who has connected and was not accepted yet: they cannot know that nobody would serve them.
fn waiting(listener: TcpListener) -> Vec<TcpStream> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let streams = accepted.filter_map(|(stream, _)| {
        stream.set_nonblocking(true).ok()?;
        stream.set_nodelay(true).ok()?;
        TcpStream::from_std(stream).ok()
    });
    streams.collect()
}

/// Waits until a connection has to end. One on which nothing was asked yet has a moment for its first request, which
/// may be on its way: its client cannot know whether it was served, and could not simply try again.
async fn told_to_end(ending: Ending, progress: Progress) {
    ending.soft.cancelled().await;
    let asked = async {
        while !progress.has_begun() {
            tokio::time::sleep(LEAVE_PAUSE).await;
        }
    };
    let _ = tokio::time::timeout(FIRST_REQUEST, asked).await;
}

/// Says with an answer that its connection ends, once the listener does.
async fn say_end<B, E>(
    answer: impl Future<Output = Result<Response<B>, E>>,
    soft: CancellationToken,
) -> Result<Response<B>, E> {
    let mut answer = answer.await?;
    if soft.is_cancelled() {
        linger::say_close(answer.headers_mut());
    }
    Ok(answer)
}

/// The two ends of a connection: after its request, and at once.
#[derive(Clone, Default)]
struct Ending {
    soft: CancellationToken,
    hard: CancellationToken,
}

/// Waits for a place, and makes one as soon as somebody asks for nothing.
async fn place(places: &Arc<Semaphore>, crowd: &Crowd) -> Option<OwnedSemaphorePermit> {
    loop {
        if places.available_permits() == 0 {
            crowd.make_room();
        }
        let free = Arc::clone(places).acquire_owned();
        if let Ok(place) = tokio::time::timeout(LEAVE_PAUSE, free).await {
            return place.ok();
        }
    }
}

/// Takes the next connection, whatever the ones before it did.
async fn accept(listener: &TcpListener, crowd: &Crowd) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return stream;
            }
            Err(error) if is_the_clients(&error) => {}
            Err(_) if crowd.make_room() => tokio::time::sleep(LEAVE_PAUSE).await,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections, trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the client went away before it was accepted, which is no trouble of ours.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Serves one connection to its end.
async fn hold<S, B>(
    stream: CountingStream,
    service: S,
    options: ListenerOptions,
    seat: Seat,
    (told, ending): (impl Future<Output = ()>, Ending),
) where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.idle_timeout)
        .max_buf_size(options.max_buffer)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.leave.cancelled() => Ok(()),
        () = told => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = ending.hard.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
