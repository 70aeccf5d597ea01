//! The guard before a store that speaks HTTP with a scripted storage.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::stub::{Reply, Stub, answer, head_answer, refusal};
use support::{content_type, instant, key, settings, store};
use valetkey_store::{
    BreakerState, CreateMultipart, GetGrant, Guarded, Monotonic, ObjectStore, Operation, Outcome,
    StoreError, StoreObserver, Validity, until,
};

const CREATED: &str =
    "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";

#[tokio::test]
async fn storage_that_does_not_answer_is_left_alone_and_probed() {
    let mut script = vec![refusal(503, "SlowDown"); 10];
    script.push(refusal(500, "InternalError"));
    script.extend([answer(200, &[], CREATED), answer(200, &[], CREATED)]);
    let world = World::start(script).await;
    for _ in 0..10 {
        assert!(unavailable(world.create().await));
    }
    assert_eq!(world.seen.breaker(), ["closed", "open"]);
    for _ in 0..5 {
        assert!(unavailable(world.create().await));
    }
    assert_eq!(world.stub.received().len(), 10, "it is not asked any more");
    assert_eq!(
        world
            .seen
            .count(Operation::CreateMultipart, Outcome::Unavailable),
        10
    );
    assert_eq!(
        world
            .seen
            .count(Operation::CreateMultipart, Outcome::ShortCircuited),
        5
    );

    world.clock.forward(Duration::from_secs(15));
    assert!(unavailable(world.create().await), "the probe");
    assert_eq!(world.stub.received().len(), 11);
    world.clock.forward(Duration::from_secs(15));
    for _ in 0..2 {
        assert_eq!(world.create().await.unwrap(), "u");
    }
    assert_eq!(world.seen.breaker(), ["closed", "open", "closed"]);
}

#[tokio::test]
async fn refusals_and_absences_are_answers() {
    let mut script: Vec<_> = (0..10).map(|_| head_answer(404, 0, &[])).collect();
    script.extend((0..10).map(|_| refusal(403, "AccessDenied")));
    script.extend((0..10).map(|_| refusal(507, "")));
    let world = World::start(script).await;
    for _ in 0..10 {
        assert_eq!(world.guarded.head(&key("k")).await.unwrap(), None);
    }
    for _ in 0..20 {
        assert!(world.create().await.is_err());
    }
    let count = |operation, outcome| world.seen.count(operation, outcome);
    assert_eq!(count(Operation::Head, Outcome::NotFound), 10);
    assert_eq!(count(Operation::CreateMultipart, Outcome::Refused), 10);
    assert_eq!(count(Operation::CreateMultipart, Outcome::Full), 10);
    assert_eq!(world.seen.breaker(), ["closed"]);
}

#[tokio::test]
async fn a_ping_finds_out_at_any_time_whether_storage_is_back() {
    let mut script = vec![refusal(503, ""); 10];
    script.extend([head_answer(200, 0, &[]), answer(200, &[], CREATED)]);
    let world = World::start(script).await;
    for _ in 0..10 {
        assert!(unavailable(world.create().await));
    }
    assert!(unavailable(world.create().await));
    world.guarded.ping().await.unwrap();
    assert_eq!(world.create().await.unwrap(), "u");
}

#[tokio::test]
async fn a_request_without_time_left_waits_for_nothing() {
    let world = World::start([Reply::Silence]).await;
    let soon = world.clock.elapsed() + Duration::from_millis(50);
    let outcome = until(soon, async {
        let first = world.guarded.delete(&key("k")).await;
        world.clock.forward(Duration::from_secs(1));
        (first, world.guarded.delete(&key("k")).await)
    });
    let (first, second) = outcome.await;
    assert!(unavailable(first) && unavailable(second));
    assert_eq!(world.stub.received().len(), 1);
    assert_eq!(world.seen.count(Operation::Delete, Outcome::Abandoned), 2);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_told_as_such() {
    let world = World::start([Reply::Silence]).await;
    let short = Duration::from_millis(50);
    let waited = tokio::time::timeout(short, world.guarded.delete(&key("k"))).await;
    assert!(waited.is_err());
    assert_eq!(world.seen.count(Operation::Delete, Outcome::Abandoned), 1);
}

#[tokio::test]
async fn signing_goes_on_without_storage() {
    let world = World::start(vec![refusal(503, ""); 10]).await;
    for _ in 0..11 {
        assert!(unavailable(world.create().await));
    }
    let grant = GetGrant {
        key: &key("k"),
        content_type: "image/png",
        content_disposition: "inline",
    };
    let valid = Validity {
        now: instant(),
        seconds: 60,
    };
    world.guarded.presign_get(&grant, valid).unwrap();
}

#[tokio::test]
async fn a31_nothing_is_signed_for_a_bucket_that_storage_does_not_let_us_look_at() {
    let answers = [
        refusal(403, "AccessDenied"),
        refusal(503, ""),
        refusal(503, ""),
    ];
    let answers = answers
        .into_iter()
        .chain([refusal(503, ""), answer(200, &[], "")]);
    let world = World::start(answers).await;
    let grant = GetGrant {
        key: &key("k"),
        content_type: "image/png",
        content_disposition: "inline",
    };
    let valid = Validity {
        now: instant(),
        seconds: 60,
    };
    let sign = || world.guarded.presign_get(&grant, valid);
    sign().unwrap();
    world.guarded.ping().await.unwrap_err();
    assert!(unavailable(sign()), "it may be somebody else's bucket");
    // No answer is no news.
    assert!(unavailable(world.guarded.ping().await));
    assert!(unavailable(sign()));
    world.guarded.ping().await.unwrap();
    sign().unwrap();
}

#[tokio::test]
async fn a29_nothing_is_signed_while_clocks_are_five_minutes_apart_and_it_heals_with_them() {
    let answers = [
        "Sun, 01 Mar 2026 12:04:59 GMT",
        "Sun, 01 Mar 2026 12:05:00 GMT",
        "Sun, 01 Mar 2026 11:50:00 GMT",
        "Sun, 01 Mar 2026 12:00:00 GMT",
    ];
    let world =
        World::start(answers.map(|date| head_answer(200, 0, &[&format!("Date: {date}")]))).await;
    let sign = || {
        let get = GetGrant {
            key: &key("k"),
            content_type: "text/plain",
            content_disposition: "attachment",
        };
        let valid = Validity {
            now: instant(),
            seconds: 60,
        };
        world.guarded.presign_get(&get, valid)
    };
    sign().unwrap();
    let mut refused = Vec::new();
    for _ in answers {
        world.guarded.ping().await.unwrap();
        refused.push(match sign() {
            Ok(_) => None,
            Err(StoreError::ClockSkew { seconds }) => Some(seconds),
            Err(other) => panic!("{other}"),
        });
    }
    assert_eq!(refused, [None, Some(300), Some(-600), None]);
    assert_eq!(*world.seen.offsets.lock().unwrap(), [299, 300, -600, 0]);
}

#[tokio::test]
async fn a_refusal_tells_the_time_too() {
    let mut late = refusal(403, "RequestTimeTooSkewed");
    if let Reply::Bytes(bytes) = &mut late {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text
            .replacen("\r\n", "\r\nDate: Sun, 01 Mar 2026 12:20:00 GMT\r\n", 1)
            .into_bytes();
    }
    let world = World::start([late]).await;
    let refused = world.create().await;
    assert!(matches!(
        refused,
        Err(StoreError::ClockSkew { seconds: 1200 })
    ));
}

/// A guarded store before a scripted storage.
struct World {
    guarded: Guarded,
    stub: Stub,
    clock: Arc<Hand>,
    seen: Arc<Seen>,
}

impl World {
    async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let stub = Stub::start(script).await;
        let (clock, seen) = (Arc::new(Hand::default()), Arc::new(Seen::default()));
        let inner = Arc::new(store(settings(&stub.url)));
        let (observer, time) = (Arc::clone(&seen), Arc::clone(&clock));
        Self {
            guarded: Guarded::new(inner, "files", observer, time, 1),
            stub,
            clock,
            seen,
        }
    }

    /// A call that is sent once, however it goes.
    async fn create(&self) -> Result<String, StoreError> {
        let create = CreateMultipart {
            key: &key("k"),
            content_type: &content_type("image/png"),
        };
        self.guarded.create_multipart(&create).await
    }
}

/// A clock that is moved by hand.
#[derive(Default)]
struct Hand(Mutex<Duration>);

impl Hand {
    fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Monotonic for Hand {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Seen {
    calls: Mutex<Vec<(Operation, Outcome)>>,
    breaker: Mutex<Vec<&'static str>>,
    offsets: Mutex<Vec<i64>>,
}

impl Seen {
    fn count(&self, operation: Operation, outcome: Outcome) -> usize {
        let calls = self.calls.lock().unwrap();
        let same = calls.iter().filter(|call| **call == (operation, outcome));
        same.count()
    }

    fn breaker(&self) -> Vec<&'static str> {
        self.breaker.lock().unwrap().clone()
    }
}

impl StoreObserver for Seen {
    fn called(&self, bucket: &str, operation: Operation, outcome: Outcome, _took: Duration) {
        assert_eq!(bucket, "files");
        self.calls.lock().unwrap().push((operation, outcome));
    }

    fn breaker(&self, _bucket: &str, state: BreakerState) {
        self.breaker.lock().unwrap().push(state.as_str());
    }

    fn clock(&self, _bucket: &str, offset: i64) {
        self.offsets.lock().unwrap().push(offset);
    }
}

fn unavailable<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable { .. }))
}
