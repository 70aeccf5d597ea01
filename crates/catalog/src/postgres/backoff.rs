//! How long to pause before something is tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The ceiling of the first pause, and the highest one.
const BASE: Duration = Duration::from_millis(50);
const CAP: Duration = Duration::from_secs(1);

/// Full jitter: anything between nothing and a ceiling that doubles with every retry. Servers with different seeds do
/// not come back at the same moment.
#[derive(Debug, Clone)]
pub(super) struct Backoff(Arc<AtomicU64>);

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// The pause before a retry, counted from 0.
    pub(super) fn pause(&self, retry: u32) -> Duration {
        let ceiling = BASE.saturating_mul(2_u32.saturating_pow(retry)).min(CAP);
        let share = scramble(self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)) >> 32;
        let nanos = (ceiling.as_nanos() * u128::from(share)) >> 32;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The finaliser of SplitMix64: every bit of the input reaches every bit of the output.
fn scramble(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_fill_the_range_below_a_doubling_ceiling() {
        let backoff = Backoff::new(7);
        for (retry, ceiling) in [(0, 50), (1, 100), (4, 800), (5, 1000), (40, 1000)] {
            let pauses: Vec<_> = (0..1000).map(|_| backoff.pause(retry)).collect();
            let ceiling = Duration::from_millis(ceiling);
            assert!(pauses.iter().all(|pause| *pause < ceiling), "{retry}");
            assert!(pauses.iter().any(|pause| *pause < ceiling / 20), "{retry}");
            assert!(
                pauses.iter().any(|pause| *pause > ceiling / 20 * 19),
                "{retry}"
            );
        }
    }
}
