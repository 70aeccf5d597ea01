//! How a test puts a promise to the test.

use std::path::PathBuf;

use valetkey_reliability::error::Outcome;
use valetkey_reliability::report::{Scale, Setting, Tally};

/// What a test runs a scenario with.
pub(crate) fn setting() -> Setting {
    Setting {
        program: PathBuf::from(env!("CARGO_BIN_EXE_valetkey-reliability")),
        seed: 1,
        scale: Scale::Short,
    }
}

/// The promise was kept.
#[expect(clippy::expect_used, reason = "a scenario that cannot run has failed")]
#[track_caller]
pub(crate) fn kept(outcome: Outcome<Tally>) {
    let tally = outcome.expect("the scenario can be run");
    println!("tried {}; {}", tally.tried, tally.words());
    assert!(tally.tried > 0, "nothing was tried");
    assert!(tally.broken.is_empty(), "seed 1: {:#?}", tally.broken);
}
