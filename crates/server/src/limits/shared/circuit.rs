//! Leaving alone for a moment who does not answer.

use std::sync::atomic::{AtomicU32, Ordering};

/// So many calls in a row without an answer are no accident.
const ENOUGH: u32 = 3;

/// Whether somebody answers. A circuit begins broken, and only [`Circuit::well`] mends it.
#[derive(Debug)]
pub(super) struct Circuit {
    /// How many calls in a row had no answer; the circuit is broken from [`ENOUGH`] on.
    failures: AtomicU32,
}

impl Circuit {
    pub(super) fn broken() -> Self {
        Self {
            failures: AtomicU32::new(ENOUGH),
        }
    }

    /// Whether it is worth asking.
    pub(super) fn holds(&self) -> bool {
        self.failures.load(Ordering::Acquire) < ENOUGH
    }

    /// There was an answer to an ordinary call: those before it that had none are forgiven, unless the circuit is broken
    /// meanwhile.
    pub(super) fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) == 0 {
            return;
        }
        let forgiven = |failures| (failures < ENOUGH).then_some(0);
        let (set, load) = (Ordering::AcqRel, Ordering::Acquire);
        let _unless_broken = self.failures.fetch_update(set, load, forgiven);
    }

    /// There was an answer to a question that was asked to find out. Says whether that is news.
    pub(super) fn well(&self) -> bool {
        self.failures.swap(0, Ordering::AcqRel) >= ENOUGH
    }

    /// There was no answer, and when it is `lost` there cannot be any. Says whether the circuit broke by that.
    pub(super) fn failed(&self, lost: bool) -> bool {
        let one_more = |failures: u32| match lost {
            true => Some(ENOUGH),
            false => Some((failures + 1).min(ENOUGH)),
        };
        let (set, load) = (Ordering::AcqRel, Ordering::Acquire);
        let before = self.failures.fetch_update(set, load, one_more);
        before.is_ok_and(|before| before < ENOUGH) && !self.holds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_breaks_after_three_and_is_mended_by_whoever_finds_out() {
        let circuit = Circuit::broken();
        circuit.answered();
        assert!(!circuit.holds());
        assert!(circuit.well() && !circuit.well() && circuit.holds());
        assert!(!circuit.failed(false) && !circuit.failed(false) && circuit.holds());
        circuit.answered();
        assert!(!circuit.failed(false) && !circuit.failed(false) && circuit.holds());
        assert!(circuit.failed(false) && !circuit.holds());
        assert!(!circuit.failed(false) && !circuit.failed(true));
        assert!(circuit.well());
        assert!(circuit.failed(true) && !circuit.holds());
    }
}
