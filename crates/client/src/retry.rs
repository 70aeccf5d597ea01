//! When to try again.

use std::time::Duration;

/// How often and after which pauses a request that failed for a while is sent again.
///
/// The pause is "full jitter": a random share of a bound that doubles, so that many clients that failed
/// together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent at most.
    pub attempts: u32,
    /// The bound of the first pause.
    pub first: Duration,
    /// The bound no pause passes by itself.
    pub longest: Duration,
    /// The longest `Retry-After` that is waited for; who asks for more is given up.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            first: Duration::from_millis(250),
            longest: Duration::from_secs(10),
            patience: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The pause after attempt number `attempt` (from 1) failed; `None` when it is time to give up.
    /// `share` is random, from 0 to 1; `asked` is the other end's `Retry-After`, which is never cut short.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>, share: f64) -> Option<Duration> {
        let asked = asked.unwrap_or_default();
        if attempt >= self.attempts || asked > self.patience {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt - 1));
        let jitter = doubled.min(self.longest).mul_f64(share.clamp(0.0, 1.0));
        Some(asked + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 5,
        first: Duration::from_millis(100),
        longest: Duration::from_millis(500),
        patience: Duration::from_secs(60),
    };

    #[test]
    fn pauses_double_up_to_the_longest_and_then_end() {
        let pause = |attempt| POLICY.pause(attempt, None, 1.0).map(|it| it.as_millis());
        assert_eq!(
            [pause(1), pause(2), pause(3), pause(4), pause(5)],
            [Some(100), Some(200), Some(400), Some(500), None]
        );
        assert_eq!(POLICY.pause(4, None, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn what_the_other_end_asks_for_is_kept_or_given_up() {
        let asked = |seconds| POLICY.pause(1, Some(Duration::from_secs(seconds)), 0.5);
        assert_eq!(asked(7), Some(Duration::from_millis(7050)));
        assert_eq!(asked(61), None);
    }
}
