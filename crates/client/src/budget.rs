//! How much may happen at once.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The transfers to storage that may run at one time, shared by all files of a client: clones count together.
#[derive(Debug, Clone)]
pub struct Budget {
    transfers: Arc<Semaphore>,
    size: usize,
}

impl Budget {
    /// A budget of so many transfers, at least one.
    pub fn new(transfers: usize) -> Self {
        let size = transfers.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            transfers: Arc::new(Semaphore::new(size)),
            size,
        }
    }

    /// How many transfers it allows in all.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Waits for a turn, which lasts until the answer is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.transfers.acquire().await.ok()
    }
}

impl Default for Budget {
    /// Four at a time: enough to fill most links, few enough to be polite.
    fn default() -> Self {
        Self::new(4)
    }
}
