//! Random histories beside an executable model: whatever clients do, whatever storage does to them, and however
//! the clock jumps, both say the same.

mod model;
mod play;
mod step;

use std::path::Path;

use tempfile::TempDir;

use crate::clock;
use crate::dice::Dice;
use crate::error::{At, Failure, Outcome};
use crate::journal::Journal;
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::report::{Setting, Tally};
use play::Play;
use step::Step;

/// How many histories one machine lives through.
const PER_MACHINE: u64 = 16;
/// How many steps one history has.
const STEPS: usize = 40;
/// How many machines run at the same time.
const MACHINES: u64 = 2;

/// Plays histories, each from a seed of its own.
///
/// # Errors
/// A machine cannot be run at all.
pub async fn beside_a_model(setting: &Setting) -> Outcome<Tally> {
    let count: u64 = setting.choose(256, 1000);
    let machines = count.div_ceil(PER_MACHINE);
    let workers = (0..MACHINES).map(|worker| {
        let seed = setting.seed;
        tokio::spawn(async move {
            let mut tally = Tally::default();
            for number in (worker..machines).step_by(usize::try_from(MACHINES)?) {
                let first = number * PER_MACHINE;
                let seeds = first..(first + PER_MACHINE).min(count);
                tally.add(one_machine(seeds.map(|one| seed * 1_000_000 + one)).await?);
            }
            Ok::<_, Failure>(tally)
        })
    });
    let workers: Vec<_> = workers.collect();
    let mut tally = Tally::default();
    for worker in workers {
        tally.add(worker.await??);
    }
    Ok(tally)
}

async fn one_machine(seeds: impl Iterator<Item = u64> + Send) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let mut tally = Tally::default();
    for seed in seeds {
        tally.tried += 1;
        if let Err(error) = one_history(&machine, seed, &mut tally).await {
            tally.wrong(error.to_string());
            // What comes after a wrong turn says nothing.
            return Ok(tally);
        }
    }
    let findings = oracle::inspect(&machine, &Journal::default()).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

/// Plays one history to its end and lets it settle. A failure tells the seed and every step up to it.
async fn one_history(machine: &Machine, seed: u64, tally: &mut Tally) -> Outcome<()> {
    let mut dice = Dice::new(seed);
    let mut play = Play::new(machine, seed)?;
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..STEPS {
        let step = step::throw(&mut dice, play.uploads());
        steps.push(step.clone());
        play.step(&step, &mut dice)
            .await
            .at(format!("history {seed}, the last of {steps:?}"))?;
    }
    play.settle()
        .await
        .at(format!("history {seed}, settled after {steps:?}"))?;
    tally.count("steps", STEPS as u64);
    for (name, count) in play.counts() {
        tally.count(name, count);
    }
    Ok(())
}

/// Durability is not the subject here, so memory will do when there is a place for files in it.
pub fn memory_folder() -> Outcome<TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(match memory.is_dir() {
        true => TempDir::new_in(memory)?,
        false => TempDir::new()?,
    })
}
