//! A served store, and a client that sends exactly the bytes it is told to.
//!
//! The signer here is its own: it must be able to sign what the project's signer refuses to.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use md5::Md5;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use valetkey_embedded::{AccessKey, CorsRules, EmbeddedService, EmbeddedStore, OpenError, Options};

pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "files";
pub(crate) const MIB: usize = 1 << 20;

/// A store on a folder of its own.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) store: EmbeddedStore,
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn on(folder: TempDir) -> Self {
        let store = open(folder.path(), CorsRules::default()).unwrap();
        let (address, server) = serve(store.service()).await;
        Self {
            folder,
            store,
            address,
            server,
        }
    }

    /// A store whose folder lies in memory: for what is not about the disk.
    pub(crate) async fn in_memory() -> Self {
        Self::on(folder_in_memory()).await
    }

    /// Closes the store and gives back its folder.
    pub(crate) async fn close(self) -> TempDir {
        self.server.abort();
        self.store.close().await;
        self.folder
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    /// A call on an object of the usual bucket; the key is encoded here.
    pub(crate) fn object(&self, method: &str, key: &str) -> Call {
        self.call(method, &format!("/{BUCKET}/{}", encode(key, true)))
    }

    pub(crate) async fn put(&self, key: &str, body: &[u8]) -> Reply {
        self.object("PUT", key)
            .body(body)
            .send()
            .await
            .expect_status(200)
    }

    pub(crate) async fn get(&self, key: &str) -> Reply {
        self.object("GET", key).send().await
    }
}

/// A folder whose fsync costs nothing, where the system has one; else one like any other.
pub(crate) fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// A number from the environment, for those who want more of a test than there is time for every day.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment how long to run"
)]
pub(crate) fn wanted(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

pub(crate) fn now() -> Timestamp {
    valetkey_embedded::system_clock()()
}

pub(crate) fn open(folder: &Path, cors: CorsRules) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(Options {
        data_dir: folder.to_owned(),
        region: REGION.to_owned(),
        access_key: AccessKey::new(KEY_ID, SECRET),
        cors,
        buckets: vec![BUCKET.to_owned()],
        domain: Some("s3.example".to_owned()),
        clock: valetkey_embedded::system_clock(),
    })
}

pub(crate) async fn serve(service: EmbeddedService) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service.clone();
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .half_close(true)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (address, server)
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Call {
    address: SocketAddr,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    unsigned: Vec<(String, String)>,
    body: Vec<u8>,
    length: Option<usize>,
    region: String,
    payload: Option<String>,
    secret: String,
}

impl Call {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            address,
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: vec![("host".to_owned(), address.to_string())],
            unsigned: Vec::new(),
            body: Vec::new(),
            length: Some(0),
            region: REGION.to_owned(),
            payload: None,
            secret: SECRET.to_owned(),
        }
    }

    pub(crate) fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// A header that is signed.
    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// A header that is sent but not signed.
    pub(crate) fn unsigned_header(mut self, name: &str, value: impl ToString) -> Self {
        self.unsigned.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self.length = Some(self.body.len());
        self
    }

    /// Says another length than the body has.
    pub(crate) fn content_length(mut self, length: Option<usize>) -> Self {
        self.length = length;
        self
    }

    pub(crate) fn region(mut self, region: &str) -> Self {
        self.region = region.to_owned();
        self
    }

    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secret = secret.to_owned();
        self
    }

    /// What `x-amz-content-sha256` says instead of the body's hash.
    pub(crate) fn payload(mut self, payload: &str) -> Self {
        self.payload = Some(payload.to_owned());
        self
    }

    /// Signs in the headers and sends.
    pub(crate) async fn send(self) -> Reply {
        self.signed_at(now()).exchange().await
    }

    pub(crate) fn signed_at(mut self, at: Timestamp) -> Self {
        let payload = self
            .payload
            .clone()
            .unwrap_or_else(|| hex(&Sha256::digest(&self.body)));
        let date = amz_date(at);
        self.headers.push(("x-amz-date".to_owned(), date.clone()));
        self.headers
            .push(("x-amz-content-sha256".to_owned(), payload.clone()));
        let signature = self.signature(&date, &payload);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{}, SignedHeaders={}, Signature={signature}",
            self.scope(&date),
            self.signed_names()
        );
        self.unsigned_header("authorization", authorization)
    }

    /// Signs in the query, as of `at`.
    pub(crate) fn presigned_at(mut self, at: Timestamp, expires: &str) -> Self {
        let date = amz_date(at);
        let names = self.signed_names();
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            (
                "X-Amz-Credential",
                format!("{KEY_ID}/{}", self.scope(&date)),
            ),
            ("X-Amz-Date", date.clone()),
            ("X-Amz-Expires", expires.to_owned()),
            ("X-Amz-SignedHeaders", names),
        ] {
            self.query.push((name.to_owned(), value));
        }
        let signature = self.signature(&date, "UNSIGNED-PAYLOAD");
        self.query("X-Amz-Signature", signature)
    }

    pub(crate) fn presigned(self) -> Self {
        self.presigned_at(now(), "300")
    }

    /// Sends as it stands: everything first, and only then looks at the answer.
    pub(crate) async fn exchange(self) -> Reply {
        let mut stream = self.begin().await;
        if self.length.is_some_and(|length| length > self.body.len()) {
            stream.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Reply::parse(&answer)
    }

    /// Sends as it stands and leaves the answer in the connection.
    pub(crate) async fn begin(&self) -> TcpStream {
        let mut target = self.path.clone();
        if !self.query.is_empty() {
            let _ = write!(target, "?{}", query_string(&self.query));
        }
        let mut head = format!("{} {target} HTTP/1.1\r\nconnection: close\r\n", self.method);
        for (name, value) in self.headers.iter().chain(&self.unsigned) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(length) = self.length {
            let _ = write!(head, "content-length: {length}\r\n");
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&self.body).await.unwrap();
        stream
    }

    pub(crate) fn scope(&self, date: &str) -> String {
        format!("{}/{}/s3/aws4_request", &date[..8], self.region)
    }

    fn signed_names(&self) -> String {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.join(";")
    }

    fn signature(&self, date: &str, payload: &str) -> String {
        let mut headers = self.headers.clone();
        headers.sort();
        let mut canonical = format!(
            "{}\n{}\n{}\n",
            self.method,
            self.path,
            query_string(&self.query)
        );
        for (name, value) in &headers {
            let _ = writeln!(canonical, "{name}:{}", value.trim());
        }
        let _ = write!(canonical, "\n{}\n{payload}", self.signed_names());
        let scope = self.scope(date);
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hex(&Sha256::digest(canonical))
        );
        self.seal(date, &text)
    }

    /// The signature of a text that is signed on the day of `date`.
    pub(crate) fn seal(&self, date: &str, text: &str) -> String {
        let key = format!("AWS4{}", self.secret).into_bytes();
        let key = [&date[..8], &self.region, "s3", "aws4_request"]
            .iter()
            .fold(key, |key, part| hmac(&key, part));
        hex(&hmac(&key, text))
    }

    /// The signature it was sent with in its headers, from which those of its chunks follow.
    pub(crate) fn seed(&self) -> String {
        let (_, authorization) = self.unsigned.last().unwrap();
        authorization.rsplit_once('=').unwrap().1.to_owned()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn parse(answer: &[u8]) -> Self {
        let end = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(answer)));
        let head = String::from_utf8_lossy(&answer[..end]);
        let mut lines = head.lines();
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_lowercase(), value.trim().to_owned())
            })
            .collect();
        Self {
            status,
            headers,
            body: answer[end + 4..].to_vec(),
        }
    }

    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The status of a refusal and its S3 code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.tag("Code").as_deref()),
            (status, Some(code)),
            "{}",
            self.text()
        );
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first XML element of a name.
    pub(crate) fn tag(&self, name: &str) -> Option<String> {
        self.tags(name).into_iter().next()
    }

    pub(crate) fn tags(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
        text.split(&begin)
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(&end)?.0.to_owned()))
            .collect()
    }
}

/// The bytes that `seed` stands for; no two seeds or offsets look alike.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(crate) fn sha256_base64(bytes: &[u8]) -> String {
    base64(&Sha256::digest(bytes))
}

pub(crate) fn crc64_base64(bytes: &[u8]) -> String {
    base64(&crc_fast::crc64_nvme(bytes).to_be_bytes())
}

pub(crate) fn encode(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let kept = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if kept || (keep_slash && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn query_string(query: &[(String, String)]) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name, false), encode(value, false)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

pub(crate) fn amz_date(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Tampering after the signature.
impl Call {
    pub(crate) fn with_method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn with_path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn replace_header(self, name: &str, value: &str) -> Self {
        self.without_header(name).header(name, value)
    }
}
