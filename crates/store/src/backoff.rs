//! How long to pause before a call is tried again.

use std::time::Duration;

/// Full jitter: anything between nothing and a ceiling that doubles with every retry.
///
/// The pause is a pure function of seed, call and retry, so that a test knows it and two servers with
/// different seeds do not come back at the same moment.
/// <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling of the first pause.
    pub base: Duration,
    /// The highest ceiling.
    pub cap: Duration,
    /// What makes the pauses of one process differ from those of another.
    pub seed: u64,
}

impl Backoff {
    /// Ceilings of 100 ms, 200 ms … up to one second.
    pub fn new(seed: u64) -> Self {
        Self {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(1),
            seed,
        }
    }

    /// The pause before retry number `retry` (from 0) of the `call`-th call.
    pub fn pause(&self, call: u64, retry: u32) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(retry));
        let ceiling = doubled.min(self.cap).as_nanos();
        let share = scramble(self.seed ^ scramble(call ^ (u64::from(retry) << 56)));
        let nanos = (ceiling.saturating_mul(u128::from(share))) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The finaliser of SplitMix64: every bit of the input reaches every bit of the output.
fn scramble(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
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
        for (retry, ceiling) in [
            (0, 100),
            (1, 200),
            (2, 400),
            (3, 800),
            (4, 1000),
            (40, 1000),
        ] {
            let pauses: Vec<_> = (0..1000).map(|call| backoff.pause(call, retry)).collect();
            let ceiling = Duration::from_millis(ceiling);
            assert!(pauses.iter().all(|pause| *pause < ceiling), "{retry}");
            assert!(pauses.iter().any(|pause| *pause < ceiling / 20), "{retry}");
            assert!(
                pauses.iter().any(|pause| *pause > ceiling / 20 * 19),
                "{retry}"
            );
        }
    }

    #[test]
    fn another_seed_pauses_otherwise_and_the_same_one_equally() {
        assert_eq!(Backoff::new(1).pause(5, 0), Backoff::new(1).pause(5, 0));
        assert_ne!(Backoff::new(1).pause(5, 0), Backoff::new(2).pause(5, 0));
    }
}
