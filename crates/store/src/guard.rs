//! A guard around any store: it stops asking storage that does not answer, keeps requests within their time and
//! tells what happens. What is signed for clients passes through, unless storage's clock is too far from ours for it to
//! hold.
//!
//! The retries of one call are below the guard, so that a call counts once. Each has a pair of fail points,
//! `store.<operation>.before` and `.after`; `return` there stands for an answer that never came.

mod breaker;
mod budget;
mod observer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tracing::Instrument;
use valetkey_protocol::{ObjectKey, PresignedRequest, PresignedUrl};

use crate::skew::Apart;
use crate::{
    Capabilities, CopyObject, CreateMultipart, GetGrant, ObjectInfo, ObjectStore, OpenMultipart,
    Page, PartGrant, PutGrant, StoreError, StoredObject, StoredPart, Validity,
};
use breaker::{Breaker, Lesson, Pass};

pub use breaker::BreakerState;
pub use budget::{time_left, until, until_later};
pub use observer::{Operation, Outcome, StoreObserver};

/// A clock that only goes forward, whatever happens to the time of day.
pub trait Monotonic: Send + Sync + 'static {
    /// How long it has been running.
    fn elapsed(&self) -> Duration;
}

/// One bucket behind a breaker of its own.
pub struct Guarded {
    inner: Arc<dyn ObjectStore>,
    bucket: String,
    observer: Arc<dyn StoreObserver>,
    clock: Arc<dyn Monotonic>,
    breaker: Mutex<Breaker>,
    apart: Mutex<Apart>,
}

impl Guarded {
    /// Guards a store; `bucket` is its name to the observer, `seed` makes its pauses differ from those of other
    /// processes.
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        bucket: impl Into<String>,
        observer: Arc<dyn StoreObserver>,
        clock: Arc<dyn Monotonic>,
        seed: u64,
    ) -> Self {
        let bucket = bucket.into();
        observer.breaker(&bucket, BreakerState::Closed);
        Self {
            inner,
            bucket,
            observer,
            clock,
            breaker: Mutex::new(Breaker::new(seed)),
            apart: Mutex::new(Apart::Little),
        }
    }

    /// Makes a call that is done or not.
    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.watched(operation, call, |_| Outcome::Ok).await
    }

    /// Makes a call that may find nothing.
    async fn find<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<Option<T>, StoreError>> + Send,
    ) -> Result<Option<T>, StoreError> {
        let found = |found: &Option<T>| match found {
            Some(_) => Outcome::Ok,
            None => Outcome::NotFound,
        };
        self.watched(operation, call, found).await
    }

    async fn watched<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
        outcome: impl Fn(&T) -> Outcome + Send,
    ) -> Result<T, StoreError> {
        let now = self.clock.elapsed();
        let Some(pass) = self.admit(operation, now) else {
            let (outcome, took) = (Outcome::ShortCircuited, Duration::ZERO);
            self.observer.called(&self.bucket, operation, outcome, took);
            return Err(unavailable(
                "it did not answer the calls before this one, so it is left alone for a moment",
            ));
        };
        let mut watch = Watch {
            guarded: self,
            operation,
            pass,
            began: now,
            outcome: Outcome::Abandoned,
        };
        let span = self.span(operation);
        let sent = async {
            fail::fail_point!(operation.before(), |_| Err(unavailable("a fail point")));
            let result = call.await;
            fail::fail_point!(operation.after(), |_| Err(unavailable("a fail point")));
            result
        };
        let Some(result) = self.in_time(now, sent.instrument(span.clone())).await else {
            return Err(unavailable("the request has no time left for this call"));
        };
        watch.outcome = match &result {
            Ok(value) => outcome(value),
            Err(error) => outcome_of(error),
        };
        span.record("outcome", watch.outcome.as_str());
        match result {
            // What storage refuses a clock that is far off, it calls by many names.
            Err(refused @ StoreError::Refused { .. }) => {
                Err(self.check_clock().err().unwrap_or(refused))
            }
            result => result,
        }
    }

    /// Waits for a call as long as the request it belongs to may.
    async fn in_time<T>(&self, now: Duration, call: impl Future<Output = T>) -> Option<T> {
        match budget::time_left(now) {
            None => Some(call.await),
            Some(Duration::ZERO) => None,
            Some(left) => tokio::time::timeout(left, call).await.ok(),
        }
    }

    fn span(&self, operation: Operation) -> tracing::Span {
        let outcome = tracing::field::Empty;
        let operation = operation.as_str();
        tracing::info_span!("store", bucket = self.bucket, operation, outcome)
    }

    /// Shows how far storage's clock is from ours, and tells when that changes what it amounts to.
    fn look_at_clock(&self) {
        let Some(offset) = self.inner.clock_offset() else {
            return;
        };
        let bucket = &self.bucket;
        self.observer.clock(bucket, offset);
        let now = Apart::of(offset);
        let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *apart, now) == now {
            return;
        }
        match now {
            Apart::Little => tracing::info!(bucket, offset, "storage's clock and ours agree again"),
            Apart::Some => tracing::warn!(
                bucket,
                offset,
                "storage's clock is seconds ahead of ours: look at both clocks"
            ),
            Apart::TooFar => tracing::error!(
                bucket,
                offset,
                "storage's clock is seconds ahead of ours: nothing is signed until they agree"
            ),
        }
    }

    fn admit(&self, operation: Operation, now: Duration) -> Option<Pass> {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            Operation::Ping => Some(breaker.admit_ping(now)),
            _ => breaker.admit(now),
        }
    }
}

/// Tells how a call ended, also when nobody waits for it any more.
struct Watch<'a> {
    guarded: &'a Guarded,
    operation: Operation,
    pass: Pass,
    began: Duration,
    outcome: Outcome,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let guarded = self.guarded;
        let now = guarded.clock.elapsed();
        let took = now.saturating_sub(self.began);
        let (bucket, observer) = (&guarded.bucket, &guarded.observer);
        observer.called(bucket, self.operation, self.outcome, took);
        guarded.look_at_clock();
        let lesson = match self.outcome {
            Outcome::Unavailable => Lesson::Silent,
            Outcome::Abandoned | Outcome::ShortCircuited => Lesson::Nothing,
            Outcome::Ok
            | Outcome::NotFound
            | Outcome::PreconditionFailed
            | Outcome::Refused
            | Outcome::Full => Lesson::Answers,
        };
        let breaker = guarded.breaker.lock();
        let mut breaker = breaker.unwrap_or_else(PoisonError::into_inner);
        let change = breaker.learn(self.pass, lesson, now);
        drop(breaker);
        match change {
            Some(BreakerState::Open) => {
                tracing::warn!(
                    bucket,
                    "storage does not answer; it is left alone for a moment"
                );
            }
            Some(BreakerState::Closed) => tracing::info!(bucket, "storage answers again"),
            None => return,
        }
        observer.breaker(bucket, change.unwrap_or(BreakerState::Closed));
    }
}

#[async_trait]
impl ObjectStore for Guarded {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn presign_put(
        &self,
        put: &PutGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        self.check_clock()?;
        self.inner.presign_put(put, valid)
    }

    fn presign_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartGrant],
        valid: Validity,
    ) -> Result<Vec<PresignedRequest>, StoreError> {
        self.check_clock()?;
        self.inner.presign_parts(key, upload_id, parts, valid)
    }

    fn presign_get(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        self.check_clock()?;
        self.inner.presign_get(get, valid)
    }

    fn presign_head(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedUrl, StoreError> {
        self.check_clock()?;
        self.inner.presign_head(get, valid)
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        self.find(Operation::Head, self.inner.head(key)).await
    }

    async fn copy(&self, copy: &CopyObject<'_>) -> Result<(), StoreError> {
        self.call(Operation::Copy, self.inner.copy(copy)).await
    }

    async fn create_multipart(&self, create: &CreateMultipart<'_>) -> Result<String, StoreError> {
        let call = self.inner.create_multipart(create);
        self.call(Operation::CreateMultipart, call).await
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, StoreError> {
        let call = self.inner.list_parts(key, upload_id);
        self.find(Operation::ListParts, call).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<(), StoreError> {
        let call = self.inner.complete_multipart(key, upload_id, parts);
        self.call(Operation::CompleteMultipart, call).await
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), StoreError> {
        let call = self.inner.abort_multipart(key, upload_id);
        self.call(Operation::AbortMultipart, call).await
    }

    async fn put_empty(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.call(Operation::PutEmpty, self.inner.put_empty(key))
            .await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.call(Operation::Delete, self.inner.delete(key)).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, StoreError> {
        let call = self.inner.read(key, etag, offset, length);
        self.call(Operation::Read, call).await
    }

    async fn list_objects(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<StoredObject>, StoreError> {
        let call = self.inner.list_objects(prefix, after);
        self.call(Operation::ListObjects, call).await
    }

    async fn list_multiparts(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Page<OpenMultipart>, StoreError> {
        let call = self.inner.list_multiparts(prefix, after);
        self.call(Operation::ListMultiparts, call).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(Operation::Ping, self.inner.ping()).await
    }

    fn clock_offset(&self) -> Option<i64> {
        self.inner.clock_offset()
    }
}

fn outcome_of(error: &StoreError) -> Outcome {
    match error {
        StoreError::NotFound => Outcome::NotFound,
        StoreError::PreconditionFailed => Outcome::PreconditionFailed,
        StoreError::Full => Outcome::Full,
        StoreError::Unavailable { .. } => Outcome::Unavailable,
        StoreError::Refused { .. }
        | StoreError::ClockSkew { .. }
        | StoreError::Unsignable { .. }
        | StoreError::Settings { .. } => Outcome::Refused,
    }
}

fn unavailable(what: &str) -> StoreError {
    StoreError::Unavailable {
        what: what.to_owned(),
    }
}
