//! Requests over kept connections: one peer, as many connections as requests are under way.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::io::ReaderStream;

use super::error::DemoError;
use super::link::{Link, Linked};

/// How much of a file is read at a time.
const CHUNK: usize = 256 * 1024;

/// A body of any kind.
pub(super) type Body = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

/// A body that is there.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A file as it is read, between two texts.
pub(super) fn file(before: String, file: tokio::fs::File, after: String) -> Body {
    let text = |text: String| {
        let bytes = (!text.is_empty()).then(|| Ok::<_, io::Error>(Bytes::from(text)));
        futures_util::stream::iter(bytes)
    };
    let file = ReaderStream::with_capacity(file, CHUNK);
    let all = futures_util::StreamExt::chain(
        futures_util::StreamExt::chain(text(before), file),
        text(after),
    );
    StreamBody::new(all.map_ok(Frame::data).map_err(Into::into)).boxed_unsync()
}

/// Opens a file to send.
pub(super) async fn open(path: &Path) -> Result<tokio::fs::File, DemoError> {
    let opened = tokio::fs::File::open(path).await;
    opened.map_err(DemoError::folder("read", path))
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A server on this machine, and the connections to it that wait for a request.
pub(super) struct Peer {
    name: &'static str,
    authority: String,
    link: Option<Link>,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl Peer {
    /// The server at an `http` URL; its connections go over a link, if there is one.
    pub(super) fn new(name: &'static str, url: &str, link: Option<Link>) -> Self {
        let authority = url.strip_prefix("http://").unwrap_or(url);
        Self {
            name,
            authority: authority.trim_end_matches('/').to_owned(),
            link,
            idle: Mutex::default(),
        }
    }

    /// Sends a request and reads the answer. Only path and query of its URI count.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Result<Answer, DemoError> {
        let broke = |source| DemoError::Http {
            name: self.name,
            source,
        };
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(Default::default, Into::into);
        let host = HeaderValue::try_from(&self.authority);
        let host = host.map_err(|_| DemoError::Message(format!("no host: {}", self.authority)))?;
        request.headers_mut().insert(HOST, host);
        let mut connection = self.connection().await?;
        let (head, body) = connection
            .send_request(request)
            .await
            .map_err(broke)?
            .into_parts();
        let body = body.collect().await.map_err(broke)?.to_bytes();
        self.lock().push(connection);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// Sends a request that must be granted.
    pub(super) async fn granted(&self, request: Request<Body>) -> Result<Answer, DemoError> {
        let answer = self.send(request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let said = String::from_utf8_lossy(&answer.body);
        Err(DemoError::Refused {
            name: self.name,
            status: answer.status.as_u16(),
            said: said.chars().take(300).collect(),
        })
    }

    async fn connection(&self) -> Result<SendRequest<Body>, DemoError> {
        loop {
            let Some(mut kept) = self.lock().pop() else {
                break;
            };
            // The other end may have closed it meanwhile.
            if kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = TcpStream::connect(&self.authority).await;
        let stream = stream.map_err(|source| DemoError::Connection {
            name: self.name,
            source,
        })?;
        let stream = TokioIo::new(Linked::new(stream, self.link.clone()));
        let made = http1::handshake(stream).await;
        let (sender, connection) = made.map_err(|source| DemoError::Http {
            name: self.name,
            source,
        })?;
        // It ends when the sender is dropped; what breaks it is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Body>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
