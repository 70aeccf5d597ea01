use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::auth::tests::Signer;

/// A provider whose answers and time are the test's.
struct Provider {
    answer: Mutex<Result<Vec<u8>, String>>,
    hits: AtomicUsize,
    seconds: AtomicU64,
    gate: Semaphore,
}

impl Provider {
    fn new(keys: &[Value]) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(Ok(set(keys))),
            hits: AtomicUsize::new(0),
            seconds: AtomicU64::new(0),
            gate: Semaphore::new(1000),
        })
    }

    fn publish(&self, keys: &[Value]) {
        *self.answer.lock().unwrap() = Ok(set(keys));
    }

    fn go_away(&self) {
        *self.answer.lock().unwrap() = Err("gone".to_owned());
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

#[async_trait]
impl FetchKeys for Provider {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        self.hits.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.answer.lock().unwrap().clone()
    }
}

impl Monotonic for Provider {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }
}

fn keys(provider: &Arc<Provider>) -> Arc<RemoteKeys> {
    let mut keys = RemoteKeys::new("login", None, provider.clone());
    keys.time = provider.clone();
    Arc::new(keys)
}

async fn find(keys: &Arc<RemoteKeys>, id: &str) -> Result<bool, Unavailable> {
    let found = keys.find(KeyAlgorithm::EdDsa, Some(id)).await?;
    Ok(!found.is_empty())
}

fn jwk(id: &str) -> Value {
    Signer::ed25519().jwk(id)
}

/// A21: no storm, whatever anybody sends.
#[tokio::test]
async fn a21_of_a_hundred_at_once_one_fetches_and_strangers_wait_for_the_cooldown() {
    let provider = Provider::new(&[jwk("a")]);
    let keys = keys(&provider);
    let all = (0..100).map(|_| find(&keys, "a"));
    let found = futures_util::future::join_all(all).await;
    assert!(found.iter().all(|found| *found == Ok(true)));
    assert_eq!(provider.hits(), 1);
    for (seconds, hits) in [(0, 1), (29, 1), (1, 2), (29, 2), (1, 3)] {
        provider.pass(seconds);
        for stranger in 0..100 {
            let found = find(&keys, &format!("stranger-{stranger}")).await;
            assert_eq!(found, Ok(false));
        }
        assert_eq!(provider.hits(), hits);
    }
}

/// A21: rotation.
#[tokio::test]
async fn a21_a_new_key_counts_after_the_cooldown_and_an_old_one_ten_minutes_at_most() {
    let provider = Provider::new(&[jwk("old")]);
    let keys = keys(&provider);
    assert_eq!(find(&keys, "old").await, Ok(true));
    provider.publish(&[jwk("new")]);
    assert_eq!(find(&keys, "new").await, Ok(false));
    provider.pass(30);
    assert_eq!(find(&keys, "new").await, Ok(true));
    assert_eq!(find(&keys, "old").await, Ok(false));
    // One that is withdrawn while nobody asks for another.
    provider.publish(&[jwk("other")]);
    provider.pass(599);
    assert_eq!(find(&keys, "new").await, Ok(true));
    provider.pass(1);
    assert_eq!(find(&keys, "new").await, Ok(false));
}

/// A21: a provider that is away locks nobody out for a day, and lets nobody in for longer.
#[tokio::test]
async fn a21_keys_are_kept_for_a_day_while_the_provider_is_away() {
    let provider = Provider::new(&[jwk("a")]);
    let keys = keys(&provider);
    assert!(!keys.is_usable());
    assert_eq!(find(&keys, "a").await, Ok(true));
    provider.go_away();
    provider.pass(600);
    assert_eq!(find(&keys, "a").await, Ok(true));
    assert_eq!(provider.hits(), 2);
    // It is known to be away: nobody waits for it. What it may have made meanwhile is not known.
    provider.pass(40);
    assert_eq!(find(&keys, "a").await, Ok(true));
    assert_eq!(provider.hits(), 2);
    assert_eq!(find(&keys, "b").await, Err(Unavailable));
    provider.pass(24 * 3600 - 641);
    assert!(keys.is_usable());
    assert_eq!(find(&keys, "a").await, Ok(true));
    provider.pass(1);
    assert!(!keys.is_usable());
    assert_eq!(find(&keys, "a").await, Err(Unavailable));
    provider.publish(&[jwk("a")]);
    provider.pass(30);
    assert_eq!(find(&keys, "a").await, Ok(true));
}

#[tokio::test]
async fn a_provider_that_never_answered_is_no_reason_to_send_anybody_away() {
    let provider = Provider::new(&[]);
    let keys = keys(&provider);
    assert_eq!(find(&keys, "a").await, Err(Unavailable));
    assert_eq!(find(&keys, "a").await, Err(Unavailable));
    assert_eq!(provider.hits(), 1);
}

#[tokio::test]
async fn keys_are_renewed_before_they_are_old_and_after_a_failure() {
    let provider = Provider::new(&[jwk("a")]);
    let keys = keys(&provider);
    for (seconds, hits) in [(0, 1), (299, 1), (1, 2), (299, 2), (1, 3)] {
        provider.pass(seconds);
        keys.renew().await;
        assert_eq!(provider.hits(), hits);
    }
    provider.go_away();
    for (seconds, hits) in [(300, 4), (29, 4), (1, 5)] {
        provider.pass(seconds);
        keys.renew().await;
        assert_eq!(provider.hits(), hits);
    }
}

#[tokio::test]
async fn whoever_hangs_up_does_not_end_a_fetch() {
    let provider = Provider::new(&[jwk("a")]);
    let keys = keys(&provider);
    provider.gate.forget_permits(1000);
    let impatient = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move { find(&keys, "a").await }
    });
    while provider.hits() == 0 {
        tokio::task::yield_now().await;
    }
    impatient.abort();
    assert!(impatient.await.is_err());
    provider.gate.add_permits(1);
    assert_eq!(find(&keys, "a").await, Ok(true));
    assert_eq!(provider.hits(), 1);
}
