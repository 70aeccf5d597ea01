//! Addresses whose tokens are not even looked at for a moment, where the configuration wants that.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::address::Network;

/// How many are remembered; others are looked at.
const MOST: usize = 10_000;

/// Who is shut out, and until when.
#[derive(Debug, Default)]
pub(super) struct Shut {
    until: Mutex<HashMap<Network, Duration>>,
    any: AtomicBool,
}

impl Shut {
    /// Whether there is anybody: what everybody else pays for this.
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Shuts somebody out for a while.
    pub(super) fn until(&self, network: Network, now: Duration, wait: Duration) {
        let mut until = self.lock();
        if until.len() >= MOST {
            until.retain(|_, end| *end > now);
        }
        if until.len() < MOST {
            until.insert(network, now + wait);
            self.any.store(true, Ordering::Release);
        }
    }

    /// For how much longer somebody is shut out; whoever is not any more is forgotten.
    pub(super) fn left(&self, network: Network, now: Duration) -> Option<Duration> {
        let mut until = self.lock();
        let left = until.get(&network)?.saturating_sub(now);
        if left.is_zero() {
            until.remove(&network);
            self.any.store(!until.is_empty(), Ordering::Release);
            return None;
        }
        Some(left)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Duration>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn who_is_shut_out_comes_back_and_others_never_were() {
        let network = |last| Network::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        let (shut, second) = (Shut::default(), Duration::from_secs(1));
        assert!(!shut.any());
        shut.until(network(1), second, second);
        assert!(shut.any());
        assert_eq!(shut.left(network(1), second), Some(second));
        assert_eq!(shut.left(network(2), second), None);
        assert_eq!(shut.left(network(1), 2 * second), None);
        assert!(!shut.any());
    }

    #[test]
    fn no_more_are_remembered_than_fit() {
        let shut = Shut::default();
        let second = Duration::from_secs(1);
        for number in 0..3 * MOST as u32 {
            let network = Network::from(IpAddr::V4(Ipv4Addr::from(number)));
            shut.until(network, second, second);
        }
        assert_eq!(shut.lock().len(), MOST);
    }
}
