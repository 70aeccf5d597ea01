//! A running service with users, for tests.

use std::net::SocketAddr;

use bytes::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use valetkey_protocol::{Algorithm as ChecksumAlgorithm, Clock, Hasher, Secret};
use valetkey_server::clock::SystemClock;
use valetkey_server::config::{CatalogConfig, Config};
use valetkey_server::run::{Server, Urls};

pub(crate) const SECRET: &str = "b1946ac92492d2347c6235b4d2611184";
pub(crate) const MIB: usize = 1024 * 1024;

/// A service in a folder of its own; it ends with the test.
pub(crate) struct World {
    pub(crate) urls: Urls,
    pub(crate) client: Client,
    pub(crate) folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts with a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        let urls = server.urls().unwrap();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(server.run(async move {
            let _: Result<(), _> = stopped.await;
        }));
        let client = Client::builder().redirect(redirect::Policy::none());
        Self {
            urls,
            client: client.build().unwrap(),
            folder,
            stop: Some(stop),
        }
    }

    /// Tells the service to end, as a signal does.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }

    pub(crate) fn user(&self, subject: &str) -> User<'_> {
        let claims = claims(json!({ "sub": subject }));
        User {
            world: self,
            token: sign(&claims),
        }
    }

    pub(crate) fn admin(&self) -> User<'_> {
        let claims = claims(json!({"sub": "root", "roles": ["admin"]}));
        User {
            world: self,
            token: sign(&claims),
        }
    }

    pub(crate) fn nobody(&self) -> User<'_> {
        User {
            world: self,
            token: String::new(),
        }
    }

    pub(crate) async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.urls.metrics.as_ref().unwrap());
        let reply = self.client.get(url).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        reply.text().await.unwrap()
    }

    /// Sends a presigned request as it is, with a body.
    pub(crate) async fn send(&self, request: &Value, bytes: impl Into<Bytes>) -> Reply {
        let method = Method::from_bytes(request["method"].as_str().unwrap().as_bytes()).unwrap();
        let bytes = bytes.into();
        let mut builder = self
            .client
            .request(method, request["url"].as_str().unwrap());
        // An empty body would go without a length, which is signed.
        builder = builder.header("content-length", bytes.len());
        for (name, value) in request["headers"].as_object().unwrap() {
            builder = builder.header(name, value.as_str().unwrap());
        }
        Reply::of(builder.body(bytes)).await
    }

    /// Fetches a presigned URL.
    pub(crate) async fn fetch(&self, url: &Value) -> Reply {
        Reply::of(self.client.get(url.as_str().unwrap())).await
    }
}

/// The configuration of a test: everything in one folder, any port.
pub(crate) fn config(folder: &TempDir) -> Config {
    let mut config = Config {
        listen: "127.0.0.1:0".to_owned(),
        metrics_listen: "127.0.0.1:0".to_owned(),
        ..Config::default()
    };
    config.auth.secret = Secret::new(SECRET);
    config.auth.issuer = "tests".to_owned();
    config.auth.audience = "valetkey".to_owned();
    config.catalog = catalog(folder);
    // Servers of one PostgreSQL are given their key; with a SQLite file they make just that beside it.
    if matches!(config.catalog, CatalogConfig::Postgres { .. }) {
        config.receipts.key_file = folder.path().join("receipt-key.pem");
        let key = valetkey_server::receipts::new_key().unwrap();
        std::fs::write(&config.receipts.key_file, key.expose()).unwrap();
    }
    config.embedded.data_dir = folder.path().to_owned();
    config.embedded.listen = "127.0.0.1:0".to_owned();
    let rules = &mut config.buckets.get_mut("files").unwrap().rules;
    (rules.single_limit, rules.part_size) = (MIB as u64, 5 * MIB as u64);
    config
}

/// A SQLite file in the folder or, when `VALETKEY_TEST_POSTGRES` names a database, a schema there with its name.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the database"
)]
pub(crate) fn catalog(folder: &TempDir) -> CatalogConfig {
    let Ok(url) = std::env::var("VALETKEY_TEST_POSTGRES") else {
        return CatalogConfig::Sqlite(folder.path().join("catalog.sqlite"));
    };
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let schema = name.to_lowercase();
    let url = format!("{url}?options=-csearch_path%3Dhttp_{schema}");
    url.parse().unwrap()
}

/// Good claims with some changed, or with null taken away.
pub(crate) fn claims(changes: Value) -> Value {
    let now = SystemClock.now().as_second();
    let mut claims =
        json!({"iss": "tests", "aud": "valetkey", "sub": "alice", "iat": now, "exp": now + 3600});
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims
}

pub(crate) fn sign(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// Somebody with a token.
pub(crate) struct User<'a> {
    pub(crate) world: &'a World,
    pub(crate) token: String,
}

impl User<'_> {
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path, &[], Bytes::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.request(Method::DELETE, path, &[], Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.json(Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.json(Method::PATCH, path, body.to_string()).await
    }

    /// Sends a body as JSON, whether it is or not.
    pub(crate) async fn json(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        let headers = [("content-type", "application/json")];
        self.request(method, path, &headers, body).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let url = format!("{}{path}", self.world.urls.api);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let mut builder = self.world.client.request(method, url).headers(map);
        if !self.token.is_empty() {
            builder = builder.bearer_auth(&self.token);
        }
        Reply::of(builder.body(body.into())).await
    }

    /// Creates an upload of these bytes.
    pub(crate) async fn create(&self, name: &str, bytes: &[u8]) -> Value {
        let body = json!({"filename": name, "content_type": "text/plain", "size": bytes.len()});
        self.post("/v1/uploads", &body).await.ok(201)
    }

    /// Uploads a small file and completes it.
    pub(crate) async fn upload(&self, name: &str, bytes: &[u8]) -> Value {
        let upload = self.create(name, bytes).await;
        let stored = self.world.send(&upload["request"], bytes.to_vec()).await;
        assert_eq!(stored.status, 200, "{}", stored.text());
        self.complete(&upload).await.ok(200)
    }

    pub(crate) async fn complete(&self, upload: &Value) -> Reply {
        let path = format!("/v1/uploads/{}/complete", id(upload));
        self.request(Method::POST, &path, &[], Bytes::new()).await
    }

    /// The bytes of a file, straight from storage.
    pub(crate) async fn bytes(&self, file: &Value) -> Bytes {
        let path = format!("/v1/files/{}/download", id(file));
        let download = self.post(&path, &json!({})).await.ok(200);
        let reply = self.world.fetch(&download["url"]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.body
    }
}

/// An answer, read to its end.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) async fn of(builder: reqwest::RequestBuilder) -> Self {
        let reply = builder.send().await.unwrap();
        Self {
            status: reply.status().as_u16(),
            headers: reply.headers().clone(),
            body: reply.bytes().await.unwrap(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON of a good answer.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The JSON of a problem, after checking that it is a whole one.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{text}"
        );
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["code"], code, "{text}");
        assert_eq!(problem["status"], status, "{text}");
        assert_eq!(problem["type"], format!("/problems/{code}"), "{text}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{text}");
        assert!(!problem["title"].as_str().unwrap().is_empty(), "{text}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{text}");
        problem
    }
}

/// The id of an upload or file.
pub(crate) fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// The checksum of bytes in its wire form.
pub(crate) fn crc64nvme(bytes: &[u8]) -> Value {
    json!(Hasher::digest(ChecksumAlgorithm::Crc64Nvme, bytes))
}

/// The address in a URL of this machine.
pub(crate) fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// So many bytes that do not repeat soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
