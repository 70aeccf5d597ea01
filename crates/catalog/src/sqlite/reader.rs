//! A thread that reads.

use rusqlite::Connection;

use super::queue::{Queue, Serving};

/// Serves reads, one at a time, until the queue is closed.
pub(super) fn run(connection: &Connection, queue: &Queue) {
    let _serving = Serving(queue);
    let mut jobs = Vec::with_capacity(1);
    while queue.take(1, &mut jobs) {
        for mut job in jobs.drain(..) {
            job.run(connection);
            job.answer(None);
        }
    }
}
