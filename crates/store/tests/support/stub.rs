//! A storage that answers what a test tells it to, on loopback.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the stub does with a request.
#[derive(Clone)]
pub enum Reply {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Says nothing and keeps the connection open.
    Silence,
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Gives one reply for each request, in order.
pub struct Stub {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: JoinHandle<()>,
}

impl Stub {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let server = tokio::spawn(serve(
            listener,
            replies.into_iter().collect(),
            Arc::clone(&received),
        ));
        Self {
            url,
            received,
            server,
        }
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A whole answer; `headers` are lines such as `etag: "e"`.
pub fn answer(status: u16, headers: &[&str], body: &str) -> Reply {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status} Whatever\r\n{lines}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// The answer to a HEAD: it names a size and carries nothing.
pub fn head_answer(status: u16, size: u64, headers: &[&str]) -> Reply {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status} Whatever\r\n{lines}content-length: {size}\r\nconnection: close\r\n\r\n"
        )
        .into_bytes(),
    )
}

/// A refusal as S3 writes it.
pub fn refusal(status: u16, code: &str) -> Reply {
    answer(status, &[], &error_document(code))
}

pub fn error_document(code: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>because</Message></Error>")
}

async fn serve(
    listener: TcpListener,
    mut replies: VecDeque<Reply>,
    log: Arc<Mutex<Vec<Received>>>,
) {
    let mut kept_open = Vec::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            return;
        };
        let Ok(request) = receive(&mut stream).await else {
            continue;
        };
        log.lock().unwrap().push(request);
        match replies.pop_front() {
            // More requests than the script foresees: a wrong answer makes the test fail.
            None => {
                let _ = stream
                    .write_all(b"HTTP/1.1 418 Enough\r\ncontent-length: 0\r\n\r\n")
                    .await;
            }
            Some(Reply::Bytes(bytes)) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
            Some(Reply::Reset) => stream.set_zero_linger().unwrap(),
            Some(Reply::Silence) => kept_open.push(stream),
        }
    }
}

async fn receive(stream: &mut TcpStream) -> io::Result<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = head.lines();
    let mut start = lines
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(str::to_owned);
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut received = Received {
        method: start.next().unwrap_or_default(),
        target: start.next().unwrap_or_default(),
        headers,
        body: String::new(),
    };
    let length = received.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().map_err(io::Error::other)?];
    stream.read_exact(&mut body).await?;
    received.body = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(received)
}
