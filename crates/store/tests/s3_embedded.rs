//! The S3 store against the embedded store, which checks every signature and every condition.
#![expect(
    clippy::unwrap_used,
    reason = "a server that does not start stops every test at once"
)]

mod conformance;
mod support;

use std::sync::Arc;

use conformance::{Bucket, suite};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use support::{SECRET, key, settings};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use valetkey_embedded::{AccessKey, CorsRules, EmbeddedStore, Options, system_clock};
use valetkey_protocol::Clock;
use valetkey_store::s3::{Credentials, S3Settings, S3Store};
use valetkey_store::{ObjectStore, StoreError};

suite!(open);

#[tokio::test]
async fn credentials_that_storage_does_not_know_are_refused() {
    let server = Server::start().await;
    for credentials in [
        Credentials::new("AKID", "another-secret"),
        Credentials::new("ANOTHER", SECRET),
    ] {
        let store = server.store(|settings| settings.credentials = credentials);
        let refused = store.head(&key("k")).await;
        assert!(matches!(
            refused,
            Err(StoreError::Refused { status: 403, .. })
        ));
        let refused = store.delete(&key("k")).await;
        assert!(matches!(
            refused,
            Err(StoreError::Refused { status: 403, .. })
        ));
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let server = Server::start().await;
    let store = server.store(|settings| settings.bucket = "elsewhere".to_owned());
    for refused in [store.ping().await, store.put_empty(&key("k")).await] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("\"elsewhere\""), "{error}");
    }
}

async fn open() -> Bucket {
    let server = Server::start().await;
    Bucket {
        store: Arc::new(server.store(|_| ())),
        clock: Arc::new(System),
        prefix: "conformance".to_owned(),
        _behind: Box::new(server),
    }
}

/// The machine's clock: signatures are checked against it.
struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        system_clock()()
    }
}

/// An embedded store on loopback, with a folder of its own.
struct Server {
    url: String,
    accepting: JoinHandle<()>,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options {
            data_dir: folder.path().join("store"),
            region: "us-east-1".to_owned(),
            access_key: AccessKey::new("AKID", SECRET),
            cors: CorsRules::default(),
            buckets: vec!["bucket".to_owned()],
            domain: None,
            clock: system_clock(),
        };
        let embedded = EmbeddedStore::open(options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self {
            url,
            accepting: tokio::spawn(accept(listener, embedded)),
            _folder: folder,
        }
    }

    fn store(&self, change: impl FnOnce(&mut S3Settings)) -> S3Store {
        let mut settings = settings(&self.url);
        change(&mut settings);
        S3Store::new(settings, Arc::new(System)).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, embedded: EmbeddedStore) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let service = embedded.service();
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // A client that hangs up is not the server's failure.
            let _ = connection.await;
        });
    }
}
