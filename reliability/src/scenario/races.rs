//! Many at once: one of them wins, the others get to know what it came to.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join, join_all, join3};
use tokio::sync::Barrier;
use valetkey_catalog::Edge;
use valetkey_engine::{Completion, Error};
use valetkey_protocol::upload::{CompleteUpload, State};
use valetkey_protocol::{Clock, FileId};

use crate::clock;
use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::{At, Outcome};
use crate::machine::{HORIZON_SECONDS, Machine, Opening, user};
use crate::oracle;
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};

/// How many complete at once.
const CROWD: usize = 50;

/// Fifty clients complete one upload at the same time.
///
/// # Errors
/// The service cannot be run at all.
pub async fn crowds(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    service.start(&Traps::default()).await?;
    let driver = Driver::new(&service.api, "alice")?;
    let mut dice = Dice::part(setting.seed, 6);
    let mut tally = Tally::default();
    let mut ids = Vec::new();
    for round in 0..setting.choose(4, 50) {
        let size = match round % 4 {
            3 => super::script::ONE_PART,
            _ => 1 + dice.below(9000),
        };
        let id = driver.create(dice.bytes(size)).await?;
        driver.put(&id).await?;
        let answers = join_all((0..CROWD).map(|_| driver.complete(&id))).await;
        let mut bodies = BTreeSet::new();
        for answer in answers {
            let answer = answer?;
            if answer.status != 200 {
                tally.wrong(format!("{id}: one of fifty got {}", answer.status));
            }
            bodies.insert(answer.body);
        }
        if bodies.len() != 1 {
            tally.wrong(format!(
                "{id}: fifty got {} different answers",
                bodies.len()
            ));
        }
        tally.tried += 1;
        tally.count("answers compared", CROWD as u64);
        ids.push(id);
    }
    service.stop().await?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    for id in ids {
        one_completion(&machine, id.parse()?, &mut tally).await?;
    }
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &driver.journal).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

/// An upload that went straight from its creation to being a file, once.
async fn one_completion(machine: &Machine, id: FileId, tally: &mut Tally) -> Outcome<()> {
    let record = machine.catalog.find(id).await?.at("the record")?;
    if record.epoch != 2 {
        tally.wrong(format!("{id}: {} edges instead of 2", record.epoch));
    }
    Ok(())
}

/// Complete, expire and delete set off at the same moment, on one upload or file.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn complete_expire_delete(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let mut tally = Tally::default();
    for round in 0..setting.choose(40, 200) {
        let mut dice = Dice::part(setting.seed, round);
        race(&machine, &mut dice, &mut tally)
            .await
            .at(format!("round {round}"))?;
        tally.tried += 1;
    }
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &crate::journal::Journal::default()).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

/// What came of one race.
struct Race {
    completed: Result<Completion, Error>,
    expired: bool,
    aborted: Result<(), Error>,
    deleted: Result<(), Error>,
}

async fn race(machine: &Machine, dice: &mut Dice, tally: &mut Tally) -> Outcome<()> {
    let bytes = dice.bytes(1 + dice.clone().below(3000));
    let upload = super::engine::create(machine, "alice", &bytes).await?;
    super::engine::put(machine, &upload, &bytes).await?;
    let id = upload.id;
    let race = run(machine, id, dice).await?;
    let state = machine.catalog.find(id).await?.at("the record")?.state;
    let aborted = race.aborted.is_ok() && !race.expired && state == State::Aborted;
    let won = [
        matches!(race.completed, Ok(Completion::File(_))),
        race.expired,
        aborted,
    ];
    for (name, won) in ["won by complete", "won by expire", "won by abort"]
        .iter()
        .zip(won)
    {
        tally.count(name, u64::from(won));
    }
    let right = match state {
        State::Available => won[0] && matches!(race.deleted, Err(Error::NotFound)),
        State::Deleting | State::Deleted => won[0] && race.deleted.is_ok(),
        State::Expired => won[1],
        State::Aborted => won[2],
        State::Pending | State::Verifying | State::Failed => false,
    };
    if !right || won.iter().filter(|won| **won).count() != 1 {
        let Race {
            completed, deleted, ..
        } = race;
        let state = state.as_str();
        tally.wrong(format!(
            "{id}: {state}, won by {won:?}: {completed:?}, {deleted:?}"
        ));
        return Ok(());
    }
    tally.count("deleted at once", u64::from(won[0] && race.deleted.is_ok()));
    Ok(())
}

/// Sets them off a few milliseconds apart at most, so that each is first at times.
async fn run(machine: &Machine, id: FileId, dice: &mut Dice) -> Outcome<Race> {
    let alice = user("alice")?;
    let epoch = machine.catalog.find(id).await?.at("the record")?.epoch;
    let start = Barrier::new(3);
    let mut pause = |most: usize| {
        let (start, micros) = (&start, dice.below(most) as u64);
        async move {
            start.wait().await;
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    };
    let (first, second, third) = (pause(3000), pause(9000), pause(9000));
    let complete = async {
        first.await;
        let complete = machine
            .engine
            .complete_upload(&alice, id, CompleteUpload::default());
        complete.await
    };
    let expire = async {
        second.await;
        let step = valetkey_catalog::Step {
            id,
            epoch,
            edge: Edge::Expire,
            at: machine.now(),
            by: None,
        };
        machine.catalog.advance(step).await
    };
    let delete = async {
        third.await;
        let abort = machine.engine.abort_upload(&alice, id);
        join(abort, machine.engine.delete_file(&alice, id)).await
    };
    let (completed, expired, (aborted, deleted)) = join3(complete, expire, delete).await;
    Ok(Race {
        completed,
        expired: expired?.is_some(),
        aborted,
        deleted,
    })
}

/// The sweep of an ended session, complete and delete at the same moment.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn sweeps_against_clients(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    let alice = user("alice")?;
    let mut tally = Tally::default();
    for round in 0..setting.choose(5, 50) {
        let mut dice = Dice::part(setting.seed, 9000 + round);
        let mut uploads = Vec::new();
        for _ in 0..8 {
            let bytes = dice.bytes(1 + dice.clone().below(3000));
            let upload = super::engine::create(&machine, "alice", &bytes).await?;
            let sent = dice.percent(70);
            if sent {
                super::engine::put(&machine, &upload, &bytes).await?;
            }
            uploads.push((upload.id, sent));
        }
        machine.forward(HORIZON_SECONDS);
        let completes = uploads.iter().map(|(id, _)| async {
            let complete = machine
                .engine
                .complete_upload(&alice, *id, CompleteUpload::default());
            (
                complete.await,
                machine.engine.delete_file(&alice, *id).await,
            )
        });
        let (swept, answers) = join(
            join(machine.engine.sweep_due(), machine.engine.sweep_due()),
            join_all(completes),
        )
        .await;
        swept.0.at("a sweep")?;
        swept.1.at("a sweep")?;
        machine.sweep().await?;
        for ((id, sent), (completed, deleted)) in uploads.iter().zip(answers) {
            let state = machine.catalog.find(*id).await?.at("the record")?.state;
            let right = match (sent, deleted.is_ok()) {
                (true, true) => state == State::Deleted,
                (true, false) => state == State::Available,
                (false, _) => state == State::Expired && completed.is_err(),
            };
            if !right {
                tally.wrong(format!(
                    "{id}: {} after {completed:?}, {deleted:?}",
                    state.as_str()
                ));
            }
            tally.tried += 1;
        }
    }
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &crate::journal::Journal::default()).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}
