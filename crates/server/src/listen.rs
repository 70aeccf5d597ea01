//! A listener of our own: header timeouts, a cap on connections, byte counters and a shutdown that ends.

mod head;
mod stream;

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use head::{HeadTimer, Progress};
use stream::CountingStream;

/// How long to wait before accepting again when the machine has no more files to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct ListenerOptions {
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long a connection may idle between requests; proxies expect a minute.
    pub idle_timeout: Duration,
    /// How many connections may be open; more wait in the kernel's queue.
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
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let places = Arc::new(Semaphore::new(options.max_connections));
    let (tracker, ending) = (TaskTracker::new(), Ending::default());
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, accept(&listener).await)
        };
        let (place, stream) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next,
        };
        let (service, counters, ending) = (service.clone(), counters.clone(), ending.clone());
        tracker.spawn(async move {
            counters.open.inc();
            hold(stream, service, options, &counters, ending).await;
            counters.open.dec();
            drop(place);
        });
    }
    drop(listener);
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

/// The two ends of a connection: after its request, and at once.
#[derive(Clone, Default)]
struct Ending {
    soft: CancellationToken,
    hard: CancellationToken,
}

/// Takes the next connection, whatever the ones before it did.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_the_clients(&error) => {}
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
    stream: TcpStream,
    service: S,
    options: ListenerOptions,
    counters: &ListenerCounters,
    ending: Ending,
) where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let progress = Progress::default();
    let head = HeadTimer::new(options.header_timeout, progress.clone());
    let io = TokioIo::new(CountingStream::new(stream, counters, head));
    let service = service_fn(move |request| progress.clone().during(service.call(request)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.idle_timeout)
        .max_buf_size(options.max_buffer)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ending.soft.cancelled() => {
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
