//! How much time one request has for storage, whatever and however much it asks.

use std::cell::Cell;
use std::time::Duration;

tokio::task_local! {
    static DEADLINE: Cell<Duration>;
}

/// Runs something whose calls to guarded stores all end by `deadline`, an instant of their [`Monotonic`] clock; calls
/// that are not done by then are [`StoreError::Unavailable`]. Tasks it spawns are free of it.
///
/// [`Monotonic`]: crate::Monotonic
/// [`StoreError::Unavailable`]: crate::StoreError::Unavailable
pub async fn until<T>(deadline: Duration, work: impl Future<Output = T>) -> T {
    DEADLINE.scope(Cell::new(deadline), work).await
}

/// Moves the end of what runs in [`until`] and asks for it; anywhere else nothing happens.
pub fn until_later(deadline: Duration) {
    let _elsewhere = DEADLINE.try_with(|end| end.set(deadline));
}

/// The time that is left; `None` when nobody set an end.
pub fn time_left(now: Duration) -> Option<Duration> {
    let deadline = DEADLINE.try_with(Cell::get).ok();
    deadline.map(|deadline| deadline.saturating_sub(now))
}
