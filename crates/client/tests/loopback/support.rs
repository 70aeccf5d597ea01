//! Two scripted ends on the loopback: a service that signs, and a storage that does as it is told.

use std::collections::HashMap;
use std::io::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use valetkey_client::{Client, RetryPolicy};
use valetkey_protocol::{Algorithm, Hasher};

pub(crate) const ID: &str = "01936f3e-8b7a-7c3d-9e4f-0123456789ab";
pub(crate) const TOKEN: &str = "a.secret.token";
const LONG_AGO: &str = "2020-01-01T00:00:00Z";
const FAR_AWAY: &str = "2999-01-01T00:00:00Z";

/// A request as an end saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many requests with this method and path came before.
    pub(crate) earlier: usize,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What an end does with a request.
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    /// The connection breaks without an answer.
    Reset,
    /// The connection breaks after these bytes of a longer body.
    Cut(&'static str),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Bytes::new())
    }

    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Answer(200, Vec::new(), bytes.into())
    }

    pub(crate) fn json(status: u16, value: Value) -> Self {
        Self::Answer(status, Vec::new(), value.to_string().into())
    }

    pub(crate) fn refusal(status: u16, code: &str) -> Self {
        let xml = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        Self::Answer(status, Vec::new(), xml.into())
    }
}

/// One end: where it is and what it saw.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl End {
    pub(crate) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Seen) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let end = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
        };
        let (script, log) = (Arc::new(script), Arc::clone(&end.seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                let service = service_fn(move |request| {
                    let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                    async move { answer(script(look(request, &log).await).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        end
    }

    /// The requests so far, by method and the beginning of the path.
    pub(crate) fn seen(&self, method: &str, path: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        let wanted = |one: &&Seen| one.method == method && one.path.starts_with(path);
        seen.iter().filter(wanted).cloned().collect()
    }

    pub(crate) fn never_saw_a_token(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.iter().all(|one| {
            !one.headers.contains_key("authorization") && !format!("{one:?}").contains(TOKEN)
        })
    }
}

async fn look(request: Request<Incoming>, log: &Mutex<Vec<Seen>>) -> Seen {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|it| it.to_bytes());
    let mut log = log.lock().unwrap();
    let (method, path) = (head.method.to_string(), head.uri.path().to_owned());
    let same = |one: &&Seen| one.method == method && one.path == path;
    let seen = Seen {
        earlier: log.iter().filter(same).count(),
        method,
        path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.unwrap_or_default(),
    };
    log.push(seen.clone());
    seen
}

fn answer(reply: Reply) -> Result<Response<BoxBody<Bytes, Error>>, Error> {
    match reply {
        Reply::Cut(beginning) => {
            let frames = [Ok(Frame::data(beginning.into())), Err(broken())];
            let body = StreamBody::new(stream::iter(frames)).boxed();
            Ok(Response::new(body))
        }
        Reply::Reset => Err(broken()),
        Reply::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            let body = Full::new(body).map_err(|never| match never {}).boxed();
            Ok(response.body(body).unwrap())
        }
    }
}

fn broken() -> Error {
    Error::other("as the script says")
}

/// What the service knows and how it signs.
pub(crate) struct Service {
    /// Storage's address.
    pub(crate) storage: String,
    /// The file's bytes.
    pub(crate) content: Vec<u8>,
    /// Parts of this size; one PUT when absent.
    pub(crate) part_size: Option<u64>,
    /// Whether what it signs first has expired.
    pub(crate) stale: bool,
    /// The filename it lists.
    pub(crate) filename: String,
    signed: AtomicU32,
}

impl Service {
    pub(crate) fn new(storage: &End, content: &[u8]) -> Self {
        Self {
            storage: storage.url.clone(),
            content: content.to_vec(),
            part_size: None,
            stale: false,
            filename: "a.txt".to_owned(),
            signed: AtomicU32::new(0),
        }
    }

    pub(crate) async fn start(self) -> End {
        let service = Arc::new(self);
        End::start(move |seen| std::future::ready(service.answer(&seen))).await
    }

    /// What a service that works says.
    pub(crate) fn answer(&self, seen: &Seen) -> Reply {
        let upload = format!("/v1/uploads/{ID}");
        match (seen.method.as_str(), seen.path.as_str()) {
            ("GET", "/v1/buckets") => Reply::json(200, buckets()),
            ("POST", "/v1/uploads") => Reply::json(201, self.upload()),
            ("DELETE", path) if path == upload => Reply::status(204),
            ("POST", path) if path == format!("{upload}/parts") => {
                let body = seen.json();
                let numbers = body["part_numbers"].as_array().unwrap();
                let parts = numbers.iter().map(|it| self.part(it.as_u64().unwrap()));
                Reply::json(200, json!({ "parts": parts.collect::<Vec<_>>() }))
            }
            ("POST", path) if path == format!("{upload}/complete") => Reply::json(200, self.file()),
            ("GET", path) if path == format!("/v1/files/{ID}") => Reply::json(200, self.file()),
            ("POST", path) if path == format!("/v1/files/{ID}/download") => Reply::json(
                200,
                json!({"url": self.url("object"), "headers": {}, "expires_at": FAR_AWAY, "content_url": "http://c/"}),
            ),
            _ => Reply::json(404, problem("not_found", 404)),
        }
    }

    fn url(&self, path: &str) -> String {
        let generation = self.signed.fetch_add(1, Ordering::Relaxed);
        format!("{}/{path}?X-Amz-Signature=s{generation}", self.storage)
    }

    fn request(&self, path: &str) -> Value {
        let url = self.url(path);
        let stale = self.stale && self.is_first(&url);
        json!({"method": "PUT", "url": url, "headers": {"if-none-match": "*"},
               "expires_at": if stale { LONG_AGO } else { FAR_AWAY }})
    }

    /// Whether this was signed by the answer that made the upload.
    fn is_first(&self, url: &str) -> bool {
        let (_, generation) = url.rsplit_once("=s").unwrap();
        generation.parse::<u64>().unwrap() < self.part_count()
    }

    fn part_count(&self) -> u64 {
        self.part_size
            .map_or(1, |size| (self.content.len() as u64).div_ceil(size))
    }

    fn part(&self, number: u64) -> Value {
        let size = self.part_size.unwrap();
        let offset = (number - 1) * size;
        json!({"part_number": number, "offset": offset, "size": size.min(self.content.len() as u64 - offset),
               "request": self.request(&format!("part/{number}"))})
    }

    fn upload(&self) -> Value {
        let mut upload = json!({"id": ID, "bucket": "main", "key": "k/a", "state": "pending", "strategy": "single",
            "checksum_algorithm": "crc64nvme", "size": self.content.len(), "expires_at": FAR_AWAY});
        if let Some(size) = self.part_size {
            let count = self.part_count();
            let first = (1..=count.min(100)).map(|number| self.part(number));
            upload["strategy"] = json!("multipart");
            upload["part_size"] = json!(size);
            upload["part_count"] = json!(count);
            upload["parts"] = first.collect();
        } else {
            upload["request"] = self.request("single");
        }
        upload
    }

    pub(crate) fn file(&self) -> Value {
        let checksum = Hasher::digest(Algorithm::Crc64Nvme, &self.content);
        json!({"id": ID, "bucket": "main", "key": "k/a", "filename": self.filename, "path": "",
               "content_type": "text/plain", "size": self.content.len(), "checksum": checksum,
               "integrity": "checksum", "etag": "e", "metadata": {}, "owner": "alice",
               "created_at": "2026-01-01T00:00:00Z", "download_count": 0})
    }
}

fn buckets() -> Value {
    json!({"buckets": [{"name": "main", "default": true, "content_types": ["*/*"], "max_size": 1_u64 << 40,
        "single_limit": 1 << 24, "checksum_algorithm": "crc64nvme", "checksum_required": false,
        "max_expires_in": 900}]})
}

pub(crate) fn problem(code: &str, status: u16) -> Value {
    json!({"type": format!("/problems/{code}"), "title": "t", "status": status, "detail": "do better", "code": code})
}

/// A client that tries often and waits little.
pub(crate) fn client(service: &End) -> Client {
    let quick = RetryPolicy {
        attempts: 4,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
        patience: Duration::from_secs(5),
    };
    Client::new(&service.url, TOKEN)
        .unwrap()
        .with_retries(quick)
}

/// What storage holds after the PUTs it accepted, by path.
pub(crate) fn assembled(storage: &End, count: u64) -> Vec<u8> {
    let puts = storage.seen("PUT", "/part/");
    let last: HashMap<_, _> = puts
        .iter()
        .map(|one| (one.path.clone(), &one.body))
        .collect();
    (1..=count)
        .flat_map(|number| last[&format!("/part/{number}")].to_vec())
        .collect()
}
