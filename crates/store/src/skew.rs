//! How far storage's clock is from ours, as the `Date` of its answers tells
//! (<https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1>).
//!
//! A presigned request begins and ends by storage's clock. Signed by a clock that is far from it, it would not hold
//! yet or not hold any more, or hold for longer than was said.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::StoreError;

/// From this many seconds on the operator is told.
const TOLD_FROM: u64 = 60;

/// From this many seconds on nothing is signed.
const REFUSED_FROM: u64 = 300;

/// How far apart two clocks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    /// Not worth a word.
    Little,
    /// Enough to tell the operator.
    Some,
    /// Too far for anything that is signed to hold.
    TooFar,
}

impl Apart {
    /// What an offset in seconds amounts to.
    pub(crate) fn of(offset: i64) -> Self {
        match offset.unsigned_abs() {
            0..TOLD_FROM => Self::Little,
            TOLD_FROM..REFUSED_FROM => Self::Some,
            _ => Self::TooFar,
        }
    }
}

/// Refuses to sign with a clock that is too far from storage's.
pub(crate) fn check(offset: Option<i64>) -> Result<(), StoreError> {
    match offset {
        Some(seconds) if Apart::of(seconds) == Apart::TooFar => {
            Err(StoreError::ClockSkew { seconds })
        }
        _ => Ok(()),
    }
}

/// What the last answer told.
#[derive(Debug)]
pub(crate) struct Skew(AtomicI64);

impl Skew {
    /// No answer has told anything.
    const UNKNOWN: i64 = i64::MIN;

    /// How many seconds storage's clock is ahead of ours; behind when negative.
    pub(crate) fn offset(&self) -> Option<i64> {
        let offset = self.0.load(Ordering::Relaxed);
        (offset != Self::UNKNOWN).then_some(offset)
    }

    /// Learns from the `Date` of an answer to a call that was sent then and answered now. Within the time the call
    /// took the two clocks may well agree.
    pub(crate) fn learn(&self, date: &str, sent: Timestamp, answered: Timestamp) {
        let Ok(date) = DateTimeParser::new().parse_timestamp(date) else {
            return;
        };
        let ahead = date.duration_since(answered).as_secs();
        let behind = sent.duration_since(date).as_secs();
        let offset = match (ahead > 0, behind > 0) {
            (true, _) => ahead,
            (_, true) => -behind,
            _ => 0,
        };
        self.0.store(offset, Ordering::Relaxed);
    }
}

impl Default for Skew {
    fn default() -> Self {
        Self(AtomicI64::new(Self::UNKNOWN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "2026-11-27T20:00:00Z";
    const ANSWERED: &str = "2026-11-27T20:00:04Z";

    fn learned(date: &str) -> Option<i64> {
        let skew = Skew::default();
        skew.learn(date, SENT.parse().unwrap(), ANSWERED.parse().unwrap());
        skew.offset()
    }

    #[test]
    fn a_date_within_the_call_is_no_offset_and_any_other_is_one() {
        for (date, offset) in [
            ("Fri, 27 Nov 2026 20:00:00 GMT", Some(0)),
            ("Fri, 27 Nov 2026 20:00:04 GMT", Some(0)),
            ("Fri, 27 Nov 2026 20:05:04 GMT", Some(300)),
            ("Fri, 27 Nov 2026 19:59:00 GMT", Some(-60)),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(learned(date), offset, "{date:?}");
        }
    }

    #[test]
    fn five_minutes_are_too_far_and_one_is_told() {
        for (seconds, apart) in [
            (0, Apart::Little),
            (-59, Apart::Little),
            (60, Apart::Some),
            (-299, Apart::Some),
            (300, Apart::TooFar),
            (-300, Apart::TooFar),
        ] {
            assert_eq!(Apart::of(seconds), apart, "{seconds}");
            assert_eq!(check(Some(seconds)).is_err(), apart == Apart::TooFar);
        }
        assert!(check(None).is_ok(), "storage that tells nothing is trusted");
    }
}
