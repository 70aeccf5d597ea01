//! Random steps, taken by the store and by a model of it that is a `BTreeMap`; after each the two agree.
//!
//! `VALETKEY_MODEL_STEPS` sets another number of steps than 10,000. A failure is shrunk to the fewest steps
//! that still fail.

mod drive;
mod reference;
mod step;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::test_runner::{Config, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::support::wanted;
use drive::Driver;
use reference::Model;

/// Steps before the next store is started from nothing.
const CASE: usize = 250;

/// Counted over a run: every kind of expected answer, so that a step that stopped succeeding is noticed.
type Tally = BTreeMap<&'static str, usize>;

#[test]
fn the_store_does_what_the_model_does() {
    let steps = wanted("VALETKEY_MODEL_STEPS", 10_000);
    let config = Config {
        cases: u32::try_from(steps.div_ceil(CASE)).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let tally = Arc::new(Mutex::new(Tally::new()));
    let strategy = Model::sequential_strategy(CASE..=CASE);
    TestRunner::new(config.clone())
        .run(&strategy, |(model, transitions, seen)| {
            let mut counted = model.clone();
            Driver::test_sequential(config.clone(), model, transitions.clone(), seen);
            let mut tally = tally.lock().unwrap();
            for step in &transitions {
                counted = Model::apply(counted, step);
                *tally.entry(counted.outcome()).or_default() += 1;
            }
            Ok(())
        })
        .unwrap();
    let tally = tally.lock().unwrap();
    println!("{tally:#?}");
    assert!(tally.values().sum::<usize>() >= steps);
    for outcome in reference::OUTCOMES {
        assert!(tally.contains_key(outcome), "never happened: {outcome}");
    }
}
