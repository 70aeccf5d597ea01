//! Who makes room when no connection fits in any more: the one that has been there the longest and asks for nothing.
//!
//! Without it, a few thousand silent connections would keep everybody else out until each ran into its timeout. A
//! client that idles between requests has to expect this at any time (RFC 9112 §9.5), and tries again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::head::Progress;

/// The connections of a listener, in the order in which they came.
#[derive(Default)]
pub(super) struct Crowd {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    came: u64,
    all: BTreeMap<u64, Guest>,
}

struct Guest {
    progress: Progress,
    leave: CancellationToken,
}

/// One connection's place in the crowd, for as long as it lives.
pub(super) struct Seat {
    crowd: Arc<Crowd>,
    number: u64,
    /// Cancelled when the connection has to make room.
    pub(super) leave: CancellationToken,
}

impl Crowd {
    /// Lets a connection in.
    pub(super) fn enter(self: &Arc<Self>, progress: Progress) -> Seat {
        let leave = CancellationToken::new();
        let mut inside = self.lock();
        inside.came += 1;
        let number = inside.came;
        let guest = Guest {
            progress,
            leave: leave.clone(),
        };
        inside.all.insert(number, guest);
        Seat {
            crowd: Arc::clone(self),
            number,
            leave,
        }
    }

    /// Sends the first one away that serves no request; says whether there was one.
    pub(super) fn make_room(&self) -> bool {
        let inside = self.lock();
        let idle = |guest: &&Guest| !guest.leave.is_cancelled() && !guest.progress.is_busy();
        let first = inside.all.values().find(idle);
        first.inspect(|guest| guest.leave.cancel()).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crowd.lock().all.remove(&self.number);
    }
}
