//! Runs the service, and ends it.

use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App, OpenStore};
use crate::config::Config;
use crate::listen::{self, ListenerCounters, ListenerOptions};
use crate::{ServeError, metrics};

/// How long running requests of the API may take to end; those of the store, which they may need, end
/// after them. Together less than ten seconds.
const API_GRACE: Duration = Duration::from_secs(5);
const STORE_GRACE: Duration = Duration::from_secs(2);

/// The most bytes the store's listener buffers for one connection: its bodies are large ones.
const STORE_BUFFER: usize = 256 * 1024;

/// The service, bound and put together but not yet serving.
pub struct Server(App);

impl Server {
    /// Checks the configuration, binds the addresses and opens everything.
    ///
    /// # Errors
    /// The first part that cannot be had, and what to do about it.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        app::assemble(config).await.map(Self)
    }

    /// Where it is reached from this machine.
    ///
    /// # Errors
    /// The machine does not tell.
    pub fn urls(&self) -> Result<Urls, ServeError> {
        let url = |listener| app::local_address(listener).map(app::local_url);
        let listeners = &self.0.listeners;
        Ok(Urls {
            api: url(&listeners.api)?,
            metrics: listeners.metrics.as_ref().map(url).transpose()?,
            store: listeners.store.as_ref().map(url).transpose()?,
        })
    }

    /// The embedded store, if there is one.
    pub(crate) fn store(&self) -> Option<&OpenStore> {
        self.0.store.as_ref()
    }

    /// Serves until `shutdown`, then ends within ten seconds.
    ///
    /// # Errors
    /// A part of the service ended before it was told to.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        run(self.0, shutdown).await
    }
}

/// The URLs of a server's listeners, for programs on the same machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// The API.
    pub api: String,
    /// `/metrics` is there.
    pub metrics: Option<String>,
    /// The embedded store.
    pub store: Option<String>,
}

/// Serves until `shutdown`, then ends within ten seconds.
///
/// # Errors
/// The service cannot be started, or a part of it ended before it was told to.
pub async fn serve(
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let server = Server::start(config).await?;
    let Urls {
        api,
        metrics,
        store,
    } = server.urls()?;
    tracing::info!(api, metrics, store, "serving");
    server.run(shutdown).await
}

async fn run(app: App, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
    let (stop, stop_store) = (app.stop, CancellationToken::new());
    let api_options = ListenerOptions {
        max_connections: app.max_connections,
        grace: API_GRACE,
        ..ListenerOptions::default()
    };
    let store_options = ListenerOptions {
        max_buffer: STORE_BUFFER,
        grace: STORE_GRACE,
        ..api_options
    };
    let counters = |name| app.metrics.listener(name);
    let store = app.listeners.store.zip(app.store);
    let store = store.map(|(listener, open)| {
        let (counters, stop) = (counters("store"), stop_store.clone());
        tokio::spawn(serve_store(listener, open, store_options, counters, stop))
    });
    let mut parts = JoinSet::new();
    let router = |router| TowerToHyperService::new(router);
    let (listener, service) = (app.listeners.api, router(app.router));
    let stopped = stop.clone().cancelled_owned();
    parts.spawn(listen::serve(
        listener,
        service,
        api_options,
        counters("api"),
        stopped,
    ));
    if let Some(listener) = app.listeners.metrics {
        let service = router(metrics::router(
            app.metrics.clone(),
            app.workers.engine.clone(),
        ));
        let stopped = stop.clone().cancelled_owned();
        parts.spawn(listen::serve(
            listener,
            service,
            api_options,
            counters("metrics"),
            stopped,
        ));
    }
    parts.spawn(app.workers.run(stop.clone()));
    parts.spawn(app.webhooks.run(stop.clone()));
    parts.spawn(app.keys.run(stop.clone()));
    parts.spawn(app.policies.run(stop.clone()));
    let early = tokio::select! {
        () = shutdown => Ok(()),
        Some(ended) = parts.join_next() => ended,
    };
    stop.cancel();
    let ended = end(parts).await;
    stop_store.cancel();
    let store_ended = join(store).await;
    Ok(early.and(ended).and(store_ended)?)
}

async fn serve_store(
    listener: TcpListener,
    open: OpenStore,
    options: ListenerOptions,
    counters: ListenerCounters,
    stop: CancellationToken,
) {
    let stopped = stop.cancelled_owned();
    listen::serve(listener, open.store.service(), options, counters, stopped).await;
    open.store.close().await;
}

/// Waits for every part; the first that broke is told.
async fn end(mut parts: JoinSet<()>) -> Result<(), JoinError> {
    let mut outcome = Ok(());
    while let Some(ended) = parts.join_next().await {
        outcome = outcome.and(ended);
    }
    outcome
}

async fn join(task: Option<JoinHandle<()>>) -> Result<(), JoinError> {
    match task {
        Some(task) => task.await,
        None => Ok(()),
    }
}
