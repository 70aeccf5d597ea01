//! Every promise at the scale of a test; `scripts/long` tries them at length.

use std::path::PathBuf;

use valetkey_reliability::error::Outcome;
use valetkey_reliability::report::{Scale, Setting, Tally};
use valetkey_reliability::scenario::kills;

fn setting() -> Setting {
    Setting {
        program: PathBuf::from(env!("CARGO_BIN_EXE_valetkey-reliability")),
        seed: 1,
        scale: Scale::Short,
    }
}

#[expect(clippy::expect_used, reason = "a scenario that cannot run has failed")]
#[track_caller]
fn kept(outcome: Outcome<Tally>) {
    let tally = outcome.expect("the scenario can be run");
    println!("tried {}; {}", tally.tried, tally.words());
    assert!(tally.tried > 0, "nothing was tried");
    assert!(tally.broken.is_empty(), "seed 1: {:#?}", tally.broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_fail_point_it_forgets_nothing_that_was_acknowledged() {
    kept(kills::at_every_point(&setting()).await);
}
