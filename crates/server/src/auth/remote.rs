//! Keys that an identity provider publishes: fetched by one at a time and seldom, renewed before they are old, and kept
//! while the provider is away, but not for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use valetkey_protocol::Clock;
use valetkey_store::Monotonic;

use super::key::{KeyAlgorithm, KeySet, VerifyingKey};
use crate::clock::Uptime;
use crate::metrics::Metrics;

/// How long after one fetch the next may come, whoever sends whatever.
pub(crate) const COOLDOWN: Duration = Duration::from_secs(30);

/// How old keys may be while the provider answers: one that it withdrew is refused after that.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How old they are when they are renewed without being asked for.
const RENEWED: Duration = Duration::from_secs(5 * 60);

/// How old they may be at most.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the worker looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Whoever gets the bytes of a key set.
#[async_trait]
pub(crate) trait FetchKeys: Send + Sync + 'static {
    /// Gets them, or says why not.
    async fn fetch(&self) -> Result<Vec<u8>, String>;
}

/// The keys are not there, and nobody knows whether they should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// The keys of one identity provider.
pub(crate) struct RemoteKeys {
    name: String,
    only: Option<KeyAlgorithm>,
    fetch: Arc<dyn FetchKeys>,
    time: Arc<dyn Monotonic>,
    /// Who counts fetches, and what time it is there.
    watch: Option<(Arc<dyn Clock>, Arc<Metrics>)>,
    state: Mutex<State>,
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Arc<KeySet>,
    /// When they were fetched.
    fetched_at: Option<Duration>,
    /// When somebody last set out to fetch them.
    tried_at: Option<Duration>,
    /// Whether that came to nothing.
    failed: bool,
    /// Whether somebody is at it.
    flying: bool,
}

impl RemoteKeys {
    pub(crate) fn new(name: &str, only: Option<KeyAlgorithm>, fetch: Arc<dyn FetchKeys>) -> Self {
        Self {
            name: name.to_owned(),
            only,
            fetch,
            time: Arc::new(Uptime::start()),
            watch: None,
            state: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }
    }

    /// Has what becomes of fetches counted.
    pub(crate) fn watched(mut self, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        metrics.keys_begin(&self.name);
        self.watch = Some((clock, metrics));
        self
    }

    /// Gives the keys for an algorithm with this id: none when the provider has none.
    ///
    /// # Errors
    /// There may be one, but the provider does not answer.
    pub(crate) async fn find(
        self: &Arc<Self>,
        algorithm: KeyAlgorithm,
        id: Option<&str>,
    ) -> Result<Vec<VerifyingKey>, Unavailable> {
        let look = |trusted: bool| {
            let state = self.state();
            let age = self.age(&state).filter(|age| *age < KEPT);
            let keys = age
                .map(|_| state.keys.find(algorithm, id))
                .unwrap_or_default();
            let fresh = age.is_some_and(|age| age < FRESH);
            match (keys.is_empty(), age.is_some()) {
                // While the provider is away nobody waits for it in vain.
                (false, _) if trusted || fresh || state.failed => Ok(Some(keys)),
                (false, _) => Ok(None),
                (true, true) if trusted && !state.failed => Ok(Some(keys)),
                (true, _) if trusted => Err(Unavailable),
                (true, _) => Ok(None),
            }
        };
        if let Some(keys) = look(false)? {
            return Ok(keys);
        }
        self.refresh().await;
        look(true).map(Option::unwrap_or_default)
    }

    /// Whether there are keys that are not too old.
    pub(crate) fn is_usable(&self) -> bool {
        self.age(&self.state()).is_some_and(|age| age < KEPT)
    }

    /// Renews keys that will be old soon, or could not be fetched.
    pub(crate) async fn renew(self: &Arc<Self>) {
        let due = {
            let state = self.state();
            state.failed || self.age(&state).is_none_or(|age| age >= RENEWED)
        };
        if due {
            self.refresh().await;
        }
    }

    /// Fetches the keys, or waits for whoever is at it; does nothing shortly after the last time.
    async fn refresh(self: &Arc<Self>) {
        let wait = {
            let state = self.state();
            state.flying || !self.is_cooling(&state)
        };
        if wait {
            // On a task of its own: a client that hangs up does not end what others wait for.
            let keys = Arc::clone(self);
            let flight = async move { keys.fly().await }.in_current_span();
            if let Err(error) = tokio::spawn(flight).await {
                tracing::error!(key = self.name, %error, "fetching keys broke");
            }
        }
    }

    async fn fly(&self) {
        let _turn = self.flight.lock().await;
        {
            let mut state = self.state();
            if self.is_cooling(&state) {
                return;
            }
            state.tried_at = Some(self.time.elapsed());
            state.flying = true;
        }
        let fetched = self.fetch.fetch().await;
        let parsed = fetched.and_then(|bytes| KeySet::parse(&bytes, self.only));
        self.land(parsed);
    }

    fn land(&self, parsed: Result<KeySet, String>) {
        if let Some((clock, metrics)) = &self.watch {
            let fetched_at = parsed.is_ok().then(|| clock.now());
            metrics.keys_fetched(&self.name, fetched_at);
        }
        let mut state = self.state();
        state.flying = false;
        state.failed = parsed.is_err();
        match parsed {
            Ok(keys) => {
                state.keys = Arc::new(keys);
                state.fetched_at = Some(self.time.elapsed());
            }
            Err(why) => {
                let age = self.age(&state).map(|age| age.as_secs());
                tracing::warn!(
                    key = self.name,
                    why,
                    age,
                    "keys of tokens cannot be fetched"
                );
            }
        }
    }

    fn age(&self, state: &State) -> Option<Duration> {
        let fetched_at = state.fetched_at?;
        Some(self.time.elapsed().saturating_sub(fetched_at))
    }

    fn is_cooling(&self, state: &State) -> bool {
        let since = |then| self.time.elapsed().saturating_sub(then);
        state.tried_at.is_some_and(|then| since(then) < COOLDOWN)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps keys fresh.
pub(crate) struct KeyWorker(Vec<Arc<RemoteKeys>>);

impl KeyWorker {
    pub(crate) fn new(keys: Vec<Arc<RemoteKeys>>) -> Self {
        Self(keys)
    }

    /// Works until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                futures_util::future::join_all(self.0.iter().map(RemoteKeys::renew)).await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match self.0.is_empty() {
            true => stop.cancelled().await,
            false => tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            },
        }
    }
}

#[cfg(test)]
mod tests;
