//! Several servers at the same uploads, one of them stopped while it holds leases, or all of them restarted in
//! turn: each thing happens once, and clients notice nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join, join_all};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::clock::Stopwatch;
use crate::dice::Dice;
use crate::driver::{Driver, Reply, wish};
use crate::error::{At, Outcome};
use crate::fleet::Fleet;
use crate::journal::Step;
use crate::points::{Trap, Traps};
use crate::postgres::Postgres;
use crate::report::{Setting, Tally};
use crate::scenario::steady::{Allowed, Steady};
use crate::scenario::swaps::wait_until_stopped;

/// How many uploads the server that is stopped is at.
const HELD: usize = 6;
/// How many there are to be told, so that the server that is stopped tells one of them.
const TOLD: usize = 40;
/// A webhook has answered, and the server that sent it has not yet written so down.
const DELIVERING: &str = "catalog.settle_delivery.before";
/// How often each server is asked to complete an upload.
const TIMES: usize = 3;
/// A verification that was lost is taken over within this: its lease, and a little.
const TAKEN_OVER: Duration = Duration::from_secs(30);
/// A server that is told to end has ended within this, in milliseconds.
const END_MILLIS: f64 = 10_000.0;

/// Two and four servers race, and one of them is stopped for longer than its leases.
///
/// # Errors
/// A server or PostgreSQL cannot be run at all.
pub async fn races(setting: &Setting) -> Outcome<Tally> {
    let postgres = Postgres::start().await?;
    let [verify, delete, deliver] = [17, 35, 65].map(Duration::from_secs);
    let short = [("store.copy.before", "catalog.finish.before", verify)];
    let long = [
        ("store.copy.before", "catalog.finish.before", delete),
        ("catalog.verify.after", "store.head.after", delete),
        ("store.delete.before", "catalog.deleted.before", delete),
        (DELIVERING, DELIVERING, deliver),
    ];
    let mut tally = Tally::default();
    for (two, four, pause) in setting.choose(&short[..], &long[..]) {
        let two = race(setting, &postgres, 2, (two, *pause));
        let four = race(setting, &postgres, 4, (four, *pause));
        let (two, four) = join(two, four).await;
        tally.add(two.at("two servers")?);
        tally.add(four.at("four servers")?);
    }
    Ok(tally)
}

async fn race(
    setting: &Setting,
    postgres: &Postgres,
    count: usize,
    (point, pause): (&str, Duration),
) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 80 + count as u64);
    let trap = Trap {
        point: point.to_owned(),
        nth: 1,
    };
    let traps = Traps {
        stop: Some(trap),
        ..Traps::default()
    };
    let fleet = Fleet::start(setting, postgres, count, &traps).await?;
    let drivers = fleet.drivers();
    let held = hold(&drivers, point, &mut dice).await?;
    wait_until_stopped(&fleet.services[0]).await.at(point)?;
    let watch = Stopwatch::start();
    for id in &held.ids {
        take_over(&drivers[1], id, &watch, &mut tally).await?;
    }
    let mut number = 0;
    while watch.elapsed() < pause {
        let key = format!("{count}-asleep-{number}");
        round(&drivers[1..], &key, &mut dice, &mut tally).await?;
        number += 1;
    }
    fleet.services[0].signal(Signal::CONT)?;
    held.wake(&mut tally).await?;
    for number in 0..setting.choose(15, 100) {
        let key = format!("{count}-awake-{number}");
        round(&drivers, &key, &mut dice, &mut tally).await?;
    }
    fleet.judge(&mut tally).await?;
    Ok(tally)
}

/// What the server is at that is stopped.
struct Held {
    ids: Vec<String>,
    deletes: bool,
    answers: Vec<JoinHandle<Outcome<Reply>>>,
}

/// Gives the first server something to do that brings it to its trap.
async fn hold(drivers: &[Driver], point: &str, dice: &mut Dice) -> Outcome<Held> {
    let deletes = point.contains("delete");
    let mut held = Held {
        ids: Vec::new(),
        deletes,
        answers: Vec::new(),
    };
    for _ in 0..if point == DELIVERING { TOLD } else { HELD } {
        let id = drivers[1].create(dice.bytes(3000)).await?;
        drivers[1].put(&id).await?;
        if deletes {
            drivers[1].complete(&id).await?.expect(200)?;
        }
        held.ids.push(id);
    }
    if point == DELIVERING {
        // Whoever is told of them first sends them; the server that is stopped has no request of a client then.
        for id in &held.ids {
            drivers[1].complete(id).await?.expect(200)?;
        }
        return Ok(held);
    }
    for id in held.ids.clone() {
        let driver = drivers[0].clone();
        held.answers.push(tokio::spawn(async move {
            match deletes {
                true => driver.delete(&id).await,
                false => driver.complete(&id).await,
            }
        }));
    }
    Ok(held)
}

impl Held {
    /// What was asked before it was stopped has an answer now: a right one, or that it is to be asked again.
    async fn wake(self, tally: &mut Tally) -> Outcome<()> {
        for (id, answer) in self.ids.iter().zip(self.answers) {
            let answer = answer.await?.at("an answer after a pause")?;
            let right = match answer.status {
                200 => !self.deletes,
                202 => !self.deletes,
                204 => self.deletes,
                503 => answer.retry_after.is_some(),
                _ => false,
            };
            if !right {
                let (status, code) = (answer.status, answer.code());
                tally.wrong(format!("{id}: {status} {code} after a pause"));
            }
            tally.count("requests that a stopped server had begun", 1);
        }
        Ok(())
    }
}

/// Another server brings it to its end: a file, or none any more.
async fn take_over(driver: &Driver, id: &str, watch: &Stopwatch, tally: &mut Tally) -> Outcome<()> {
    let deleted = driver.journal.find(id).at("the upload")?.deleted != Step::Never;
    loop {
        let done = match deleted {
            true => driver.delete(id).await?.status == 204,
            false => driver.complete(id).await?.status == 200,
        };
        if done {
            break;
        }
        crate::ensure!(watch.elapsed() < TAKEN_OVER, "{id} is not taken over");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tally.tried += 1;
    tally.longest("longest until another server took over", watch.millis());
    Ok(())
}

/// One file that everybody creates, completes and perhaps deletes at once, one that is completed and aborted at
/// once, and two that are left to the sweeps.
async fn round(drivers: &[Driver], key: &str, dice: &mut Dice, tally: &mut Tally) -> Outcome<()> {
    let id = create_everywhere(drivers, key, dice, tally).await?;
    drivers[0].put(&id).await?;
    complete_everywhere(drivers, &id, tally).await?;
    if dice.percent(40) {
        let deletes = drivers.iter().map(|driver| driver.delete(&id));
        for answer in join_all(deletes).await {
            let status = answer?.status;
            if status != 204 {
                tally.wrong(format!("{id}: delete: {status}"));
            }
        }
    }
    contend(drivers, dice, tally).await?;
    drivers[0].create(dice.bytes(200)).await?;
    let whole = drivers[0].create(dice.bytes(300)).await?;
    drivers[0].put(&whole).await?;
    tally.tried += 1;
    Ok(())
}

/// The same key everywhere makes one upload. Some of their files are kept for a few seconds only.
async fn create_everywhere(
    drivers: &[Driver],
    key: &str,
    dice: &mut Dice,
    tally: &mut Tally,
) -> Outcome<String> {
    let bytes = Bytes::from(dice.bytes(1 + dice.clone().below(5000)));
    let mut wish = wish(&bytes);
    let short_lived = dice.percent(20);
    if short_lived {
        wish["retain_for"] = json!(3);
    }
    let twice = drivers.iter().chain(drivers);
    let answers = join_all(twice.map(|driver| driver.post_once(key, &wish))).await;
    let mut ids = BTreeSet::new();
    for answer in answers {
        let upload = answer?.expect(201).at("create everywhere")?;
        ids.insert(drivers[0].remember(&upload, bytes.clone()));
    }
    if ids.len() != 1 {
        tally.wrong(format!("one key made {} uploads", ids.len()));
    }
    let id = ids.pop_first().at("an upload")?;
    if short_lived {
        let journal = &drivers[0].journal;
        journal.note(&id, |entry| entry.deleted = Step::Asked);
    }
    Ok(id)
}

/// Everybody completes at once; all get one answer.
async fn complete_everywhere(drivers: &[Driver], id: &str, tally: &mut Tally) -> Outcome<()> {
    let everybody = (0..TIMES).flat_map(|_| drivers);
    let answers = join_all(everybody.map(|driver| driver.complete(id))).await;
    let mut bodies = BTreeSet::new();
    tally.count("answers compared", answers.len() as u64);
    for answer in answers {
        let answer = answer?;
        if answer.status != 200 {
            tally.wrong(format!("{id}: complete: {}", answer.status));
        }
        bodies.insert(answer.body);
    }
    if bodies.len() != 1 {
        tally.wrong(format!("{id}: {} different answers", bodies.len()));
    }
    Ok(())
}

/// Half of them complete, half of them abort: one side wins.
async fn contend(drivers: &[Driver], dice: &mut Dice, tally: &mut Tally) -> Outcome<()> {
    let id = drivers[0].create(dice.bytes(1000)).await?;
    drivers[0].put(&id).await?;
    let answers = drivers.iter().chain(drivers).enumerate();
    let answers = answers.map(|(number, driver)| {
        let (id, pause) = (&id, Duration::from_micros(dice.below(6000) as u64));
        async move {
            tokio::time::sleep(pause).await;
            match number % 2 {
                0 => driver.complete(id).await,
                _ => driver.abort(id).await,
            }
        }
    });
    let mut statuses = BTreeSet::new();
    for answer in join_all(answers).await {
        statuses.insert(answer?.status);
    }
    if statuses.contains(&200) == statuses.contains(&204) {
        tally.wrong(format!("{id}: complete and abort: {statuses:?}"));
    }
    let winner = match statuses.contains(&200) {
        true => "won by complete",
        false => "won by abort",
    };
    tally.count(winner, 1);
    Ok(())
}

/// Two servers are restarted in turn (SIGTERM) under load.
///
/// # Errors
/// A server or PostgreSQL cannot be run at all.
pub async fn rolling(setting: &Setting) -> Outcome<Tally> {
    let postgres = Postgres::start().await?;
    let mut fleet = Fleet::start(setting, &postgres, 2, &Traps::default()).await?;
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 90);
    let load = Steady::start(&fleet.driver, Allowed::Nothing, 6, setting.seed);
    for round in 0..setting.choose(8, 80) {
        tokio::time::sleep(Duration::from_millis(200 + dice.below(300) as u64)).await;
        let service = &mut fleet.services[round % 2];
        let drained = service.stop().await?.as_secs_f64() * 1000.0;
        tally.longest("longest drain", drained);
        if drained > END_MILLIS {
            tally.wrong(format!("it ended only after {drained:.0} ms"));
        }
        tokio::time::sleep(Duration::from_millis(dice.below(200) as u64)).await;
        service.start(&Traps::default()).await?;
        tally.count("restarts", 1);
    }
    load.end(&mut tally).await?;
    let refused = fleet.driver.refused();
    crate::ensure!(refused > 0, "nobody was refused: nothing was tried");
    tally.count("connections refused, and asked for at the other", refused);
    fleet.judge(&mut tally).await?;
    Ok(tally)
}
