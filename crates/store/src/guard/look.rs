//! Whether storage lets us look at the bucket at all: it does not when the bucket is somebody else's by now.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;

use super::unavailable;

/// What the last look at the bucket came to.
#[derive(Debug, Default)]
pub(super) struct LastLook {
    refused: AtomicBool,
}

impl LastLook {
    /// Remembers what a look came to; one without an answer says nothing new.
    pub(super) fn learn(&self, bucket: &str, looked: &Result<(), StoreError>) {
        let refused = match looked {
            Ok(()) => false,
            Err(StoreError::Refused { .. }) => true,
            Err(_) => return,
        };
        if self.refused.swap(refused, Ordering::Relaxed) == refused {
            return;
        }
        if refused {
            tracing::error!(
                bucket,
                "storage refuses to let us look at the bucket: nothing is signed until it does"
            );
        } else {
            tracing::info!(bucket, "storage lets us look at the bucket");
        }
    }

    /// Refuses to sign for a bucket that may be somebody else's: what clients send there would be theirs.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(unavailable(
                "it refuses to let us look at the bucket, which may be somebody else's; see the log",
            ));
        }
        Ok(())
    }
}
