use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

const HELLO: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

struct Running {
    address: SocketAddr,
    counters: ListenerCounters,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// Serves "hi" to whoever sends a whole request.
async fn start(options: ListenerOptions) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counters = ListenerCounters::default();
    let service = service_fn(|request: Request<Incoming>| async {
        request.into_body().collect().await.map_err(|_| "cut off")?;
        Ok::<_, &'static str>(Response::new(Full::new(Bytes::from_static(b"hi"))))
    });
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move {
        let _: Result<(), _> = stopped.await;
    };
    let ended = tokio::spawn(serve(
        listener,
        service,
        options,
        counters.clone(),
        shutdown,
    ));
    Running {
        address,
        counters,
        stop,
        ended,
    }
}

/// Sends a request on an open connection and reads its answer.
async fn ask(stream: &mut TcpStream) -> Result<String, Infallible> {
    stream.write_all(HELLO).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("hi") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "{answer}");
        answer.push(char::from(byte[0]));
    }
    Ok(answer)
}

#[tokio::test]
async fn every_byte_is_counted() {
    let running = start(ListenerOptions::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let answer = ask(&mut stream).await.unwrap();
    assert_eq!(running.counters.received.get(), HELLO.len() as u64);
    assert_eq!(running.counters.sent.get(), answer.len() as u64);
    assert_eq!(running.counters.open.get(), 1);
}

#[tokio::test]
async fn a_head_that_never_ends_is_hung_up_on() {
    let header_timeout = Duration::from_millis(50);
    let running = start(ListenerOptions {
        header_timeout,
        ..ListenerOptions::default()
    })
    .await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let hung_up = stream.read_to_end(&mut rest);
    let ended = tokio::time::timeout(Duration::from_secs(30), hung_up).await;
    assert!(ended.is_ok(), "the connection stayed open");
    let rest = String::from_utf8_lossy(&rest).into_owned();
    assert!(
        rest.is_empty() || rest.starts_with("HTTP/1.1 408"),
        "{rest}"
    );
}

#[tokio::test]
async fn a_later_head_that_never_ends_is_hung_up_on_and_an_idle_connection_is_not() {
    let running = start(ListenerOptions {
        header_timeout: Duration::from_millis(50),
        ..ListenerOptions::default()
    })
    .await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    ask(&mut idle).await.unwrap();
    ask(&mut slow).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let mut rest = Vec::new();
    let hung_up = slow.read_to_end(&mut rest);
    let ended = tokio::time::timeout(Duration::from_secs(30), hung_up).await;
    assert!(ended.is_ok(), "the connection stayed open");
    // By now the idle one has idled for longer than a head may take.
    ask(&mut idle).await.unwrap();
}

#[tokio::test]
async fn one_too_many_sends_the_oldest_away_that_asks_for_nothing_and_never_one_that_is_served() {
    let running = start(ListenerOptions {
        max_connections: 3,
        ..ListenerOptions::default()
    })
    .await;
    let mut served = TcpStream::connect(running.address).await.unwrap();
    let half = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n.";
    served.write_all(half).await.unwrap();
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    ask(&mut idle).await.unwrap();
    for gone in [&mut silent, &mut idle] {
        let mut next = TcpStream::connect(running.address).await.unwrap();
        next.write_all(half).await.unwrap();
        let mut byte = [0];
        assert_eq!(gone.read(&mut byte).await.unwrap_or(0), 0, "it had to go");
        // It stays, and is served until its body ends.
        std::mem::forget(next);
    }
    // All three are served now: one more waits until one of them is done.
    let mut waits = TcpStream::connect(running.address).await.unwrap();
    waits.write_all(HELLO).await.unwrap();
    served.write_all(b".").await.unwrap();
    let mut answer = [0; 15];
    served.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    waits.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn shutting_down_ends_idle_connections_and_finishes_running_requests() {
    let running = start(ListenerOptions::default()).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    ask(&mut idle).await.unwrap();
    let mut busy = TcpStream::connect(running.address).await.unwrap();
    ask(&mut busy).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\na";
    busy.write_all(head).await.unwrap();
    while running.counters.received.get() < (2 * HELLO.len() + head.len()) as u64 {
        tokio::task::yield_now().await;
    }
    running.stop.send(()).unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    busy.write_all(b"b").await.unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hi"), "{answer}");
    running.ended.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_will_not_end_is_cut_off_after_the_grace_period() {
    let grace = Duration::from_millis(50);
    let running = start(ListenerOptions {
        grace,
        ..ListenerOptions::default()
    })
    .await;
    let mut busy = TcpStream::connect(running.address).await.unwrap();
    ask(&mut busy).await.unwrap();
    busy.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\na")
        .await
        .unwrap();
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
    assert_eq!(running.counters.open.get(), 0);
}

#[tokio::test]
async fn who_has_connected_before_the_end_is_served() {
    let running = start(ListenerOptions::default()).await;
    let mut used = TcpStream::connect(running.address).await.unwrap();
    ask(&mut used).await.unwrap();
    // Nothing runs in between, so that the others are still waiting to be accepted.
    let late: Vec<_> = (0..20)
        .map(|_| std::net::TcpStream::connect(running.address).unwrap())
        .collect();
    running.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    for stream in late {
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream).unwrap();
        let answer = ask(&mut stream).await.unwrap();
        assert!(answer.contains("connection: close"), "{answer}");
    }
    // Who was served before is not waited for.
    let mut rest = Vec::new();
    assert_eq!(used.read_to_end(&mut rest).await.unwrap(), 0);
    assert!(TcpStream::connect(running.address).await.is_err());
    running.ended.await.unwrap();
}
