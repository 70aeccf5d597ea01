//! How much time one request has for storage, whatever and however much it asks.

use std::time::Duration;

tokio::task_local! {
    static DEADLINE: Duration;
}

/// Runs something whose calls to guarded stores all end by `deadline`, an instant of their [`Monotonic`] clock; calls
/// that are not done by then are [`StoreError::Unavailable`]. Tasks it spawns are free of it.
///
/// [`Monotonic`]: crate::Monotonic
/// [`StoreError::Unavailable`]: crate::StoreError::Unavailable
pub async fn until<T>(deadline: Duration, work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, work).await
}

/// The time that is left; `None` when nobody set an end.
pub(super) fn left(now: Duration) -> Option<Duration> {
    let deadline = DEADLINE.try_with(|deadline| *deadline).ok();
    deadline.map(|deadline| deadline.saturating_sub(now))
}
