//! The embedded store, served on loopback by this process, with faults when asked for.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use valetkey_embedded::{
    AccessKey, CorsRules, EmbeddedStore, FaultPlan, FaultRule, Faults, Options,
};
use valetkey_protocol::Clock;

use crate::error::{At, Outcome};

/// Buckets every store here has.
pub const BUCKET: &str = "files";

/// Who may sign requests to a store, as its folder says.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    /// The public half.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
}

impl Key {
    /// The key of a service's folder, or a fixed one in a folder that has none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(folder: &Path) -> Outcome<Self> {
        let path = folder.join("store-key.json");
        if path.exists() {
            return Ok(serde_json::from_slice(&std::fs::read(path)?)?);
        }
        Ok(Self {
            access_key: "VKRELIABILITY".to_owned(),
            secret_key: "a-key-for-tests-that-nobody-else-has".to_owned(),
        })
    }
}

/// A store that runs in this process.
pub struct Host {
    /// Where it is reached.
    pub url: String,
    /// Who may sign.
    pub key: Key,
    /// The store.
    pub store: EmbeddedStore,
    task: JoinHandle<()>,
}

impl Host {
    /// Opens the store below a service's folder.
    ///
    /// # Errors
    /// It cannot be opened, perhaps because somebody else has it open.
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Outcome<Self> {
        let key = Key::of(folder)?;
        let options = Options {
            data_dir: folder.join("store"),
            region: "us-east-1".to_owned(),
            access_key: AccessKey::new(&key.access_key, &key.secret_key),
            cors: CorsRules::default(),
            buckets: vec![BUCKET.to_owned()],
            domain: Some("localhost".to_owned()),
            clock: Arc::new(move || clock.now()),
        };
        // Only with faults, be there none of them, does a store judge signatures by its own clock.
        let open = move || EmbeddedStore::open_with_faults(options, Faults::default());
        let store = tokio::task::spawn_blocking(open).await??;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(serve(listener, store.clone()));
        Ok(Self {
            url,
            key,
            store,
            task,
        })
    }

    /// Replaces the faults.
    ///
    /// # Errors
    /// There is no place for them.
    pub fn fault(&self, rules: Vec<FaultRule>) -> Outcome<()> {
        self.plan()?.set_rules(rules);
        Ok(())
    }

    /// Its faults.
    ///
    /// # Errors
    /// There are none.
    pub fn plan(&self) -> Outcome<&FaultPlan> {
        self.store.faults().at("the faults of the store")
    }

    /// Lets go of the folder.
    pub async fn close(self) {
        self.task.abort();
        self.store.close().await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, store: EmbeddedStore) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // An answer's head and body are sent one after the other; the second must not wait for the first.
        let _ = stream.set_nodelay(true);
        let service = store.service();
        tokio::spawn(async move {
            // A connection that breaks is what clients are for.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            Ok::<_, Infallible>(())
        });
    }
}
