//! Killed at every fail point and at random times: nothing acknowledged is lost, and it is ready again at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures_util::stream::{self, StreamExt};
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::process::Command;

use crate::catalog::Catalogs;
use crate::clock;
use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::{At, Failure, Outcome};
use crate::journal::{Journal, Step};
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::{Trap, Traps};
use crate::postgres::Postgres;
use crate::report::{Scale, Setting, Tally};
use crate::scenario::script;
use crate::service::{Service, Setup, add_traps};
use crate::sink::Sink;

/// How many cases run at the same time.
const AT_ONCE: usize = 3;
/// A restart must be ready within this, in milliseconds.
const READY_MILLIS: f64 = 2000.0;

/// Where a case is killed.
#[derive(Debug, Clone)]
enum Case {
    /// While it serves.
    Serving(Trap),
    /// While it sweeps what was left.
    Sweeping(Trap),
}

/// Kills at every fail point that the script reaches: once each, or so many times at chosen hits.
///
/// # Errors
/// The service cannot be run at all.
pub async fn at_every_point(setting: &Setting) -> Outcome<Tally> {
    matrix(setting, &Catalogs::InFolders).await
}

/// The same, with the catalogs in PostgreSQL.
///
/// # Errors
/// The service or PostgreSQL cannot be run at all.
pub async fn on_postgres(setting: &Setting) -> Outcome<Tally> {
    matrix(setting, &Catalogs::In(Postgres::start().await?)).await
}

async fn matrix(setting: &Setting, catalogs: &Catalogs) -> Outcome<Tally> {
    let left = Leftovers::make(setting, catalogs).await;
    let left = left.at("before any kill")?;
    let serving = reached_serving(setting, catalogs).await;
    let mut serving = serving.at("the script without kills")?;
    let sweeping = left.reached(setting).await;
    let mut sweeping = sweeping.at("the sweep without kills")?;
    if setting.scale == Scale::Short && matches!(catalogs, Catalogs::In(_)) {
        // At the others nothing is different for another catalog, but the next try to use it.
        for reached in [&mut serving, &mut sweeping] {
            reached.retain(|point, _| point.starts_with("catalog.") && !is_about_deliveries(point));
        }
    }
    let rounds = setting.choose(1, 4);
    let mut cases = Vec::new();
    for round in 0..rounds {
        let mut dice = Dice::part(setting.seed, round);
        cases.extend(choose(&serving, round, &mut dice).map(Case::Serving));
        cases.extend(choose(&sweeping, round, &mut dice).map(Case::Sweeping));
    }
    let mut tally = Tally::default();
    let points: std::collections::BTreeSet<_> = serving.keys().chain(sweeping.keys()).collect();
    crate::ensure!(
        points.len() > 20,
        "only {} fail points are reached",
        points.len()
    );
    tally.most("fail points reached", points.len() as f64);
    let left = &left;
    let mut runs = stream::iter(cases)
        .map(|case| async move {
            let outcome = match &case {
                Case::Serving(trap) => kill_serving(setting, catalogs, trap).await,
                Case::Sweeping(trap) => left.kill(setting, trap).await,
            };
            (case, outcome)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((case, outcome)) = runs.next().await {
        match outcome {
            Ok(mut one) => {
                for wrong in &mut one.broken {
                    *wrong = format!("{case:?}: {wrong}");
                }
                tally.add(one);
            }
            Err(error) => tally.wrong(format!("{case:?}: {error}")),
        }
    }
    Ok(tally)
}

/// Whether a kill here is one between an event and its webhook. On PostgreSQL, where no start ends the leases of others,
/// what was under way is sent again only when its lease is over, so that is waited for after these alone.
pub(super) fn is_about_deliveries(point: &str) -> bool {
    ["deliver", "endpoint", "fan_out"]
        .iter()
        .any(|part| point.contains(part))
}

/// The first hit of each point in the first round, then any.
fn choose<'a>(
    reached: &'a BTreeMap<String, u64>,
    round: u64,
    dice: &'a mut Dice,
) -> impl Iterator<Item = Trap> + 'a {
    reached.iter().map(move |(point, hits)| Trap {
        point: point.clone(),
        nth: match round {
            0 => 1,
            _ => 1 + dice.below(usize::try_from(*hits).unwrap_or(1)) as u64,
        },
    })
}

/// The fail points that a whole script reaches, and how often.
pub(super) async fn reached_serving(
    setting: &Setting,
    catalogs: &Catalogs,
) -> Outcome<BTreeMap<String, u64>> {
    let folder = catalogs.home().await?;
    let record = folder.path().join("points");
    let (mut service, sink) = Sink::beside(&setting.program, folder.path()).await?;
    let traps = Traps {
        record: Some(record.clone()),
        ..Traps::default()
    };
    service.start(&traps).await?;
    let driver = Driver::new(&service.api, "alice")?;
    script::run(&driver, &mut Dice::new(setting.seed)).await?;
    sink.judge(&driver, &mut Tally::default()).await?;
    service.stop().await?;
    let reached = count_lines(&record);
    catalogs.forget(folder).await?;
    reached
}

fn count_lines(path: &Path) -> Outcome<BTreeMap<String, u64>> {
    let mut reached = BTreeMap::new();
    for line in fs::read_to_string(path)?.lines() {
        *reached.entry(line.to_owned()).or_default() += 1;
    }
    Ok(reached)
}

/// One life that ends at a trap, a second one that must remember, and the judgement.
async fn kill_serving(setting: &Setting, catalogs: &Catalogs, trap: &Trap) -> Outcome<Tally> {
    let folder = catalogs.home().await?;
    let (mut service, sink) = Sink::beside(&setting.program, folder.path()).await?;
    let traps = Traps {
        crash: Some(trap.clone()),
        ..Traps::default()
    };
    let driver = Driver::new(&service.api, "alice")?;
    let script = match service.start(&traps).await {
        Ok(_) => script::run(&driver, &mut Dice::new(setting.seed)).await,
        Err(error) => Err(error),
    };
    let mut tally = Tally {
        tried: 1,
        ..Tally::default()
    };
    match script {
        // Background work may come to a point only after the script.
        Ok(()) if !died(&mut service).await? => {
            tally.count("kills whose point was not reached again", 1);
            service.kill().await?;
        }
        Err(error) if !died(&mut service).await? => {
            return Err(error.at("it was not killed, but"));
        }
        _ => tally.count("kills while serving", 1),
    }
    let limit = match catalogs {
        Catalogs::InFolders => READY_MILLIS,
        // As long as PostgreSQL may take to let anybody in on a machine that is busy with it.
        Catalogs::In(_) => setting.choose(5.0 * READY_MILLIS, READY_MILLIS),
    };
    live_again(&mut service, &driver, limit, &mut tally).await?;
    if matches!(catalogs, Catalogs::InFolders) || is_about_deliveries(&trap.point) {
        sink.judge(&driver, &mut tally).await?;
    }
    service.kill().await?;
    judge(folder.path(), &driver.journal, &mut tally).await?;
    catalogs.forget(folder).await?;
    Ok(tally)
}

/// Whether the process dies within a moment.
async fn died(service: &mut Service) -> Outcome<bool> {
    for _ in 0..50 {
        if service.has_crashed()? {
            return Ok(true);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(false)
}

/// Starts it again, asks for everything acknowledged, and goes on with what was interrupted.
async fn live_again(
    service: &mut Service,
    driver: &Driver,
    limit: f64,
    tally: &mut Tally,
) -> Outcome<()> {
    let ready = service.start(&Traps::default()).await.at("the restart")?;
    let millis = ready.as_secs_f64() * 1000.0;
    tally.longest("longest restart", millis);
    if millis > limit {
        tally.wrong(format!("ready only after {millis:.0} ms"));
    }
    match driver.check_acknowledged().await {
        Ok(checked) => tally.count("acknowledged files asked for after a restart", checked),
        Err(error) => tally.wrong(error.to_string()),
    }
    if let Err(error) = resume(driver).await {
        tally.wrong(format!("going on: {error}"));
    }
    Ok(())
}

/// A client that comes back completes what it had sent.
pub(super) async fn resume(driver: &Driver) -> Outcome<()> {
    for entry in driver.journal.all() {
        let over = entry.aborted != Step::Never || entry.spoiled;
        if !entry.is_whole() || over || entry.completed == Step::Done {
            continue;
        }
        let path = format!("/v1/uploads/{}", entry.id);
        let state = driver.get(&path).await?.expect(200)?["state"].clone();
        if state == "pending" && entry.completed == Step::Asked {
            let answer = driver.complete(&entry.id).await?;
            answer.expect(200).at("complete after a restart")?;
        }
    }
    Ok(())
}

/// Opens what the process left, lets everything settle, and judges.
pub(super) async fn judge(folder: &Path, journal: &Journal, tally: &mut Tally) -> Outcome<()> {
    // Leases of a sweep that was killed at the end of its time are over as well.
    let later = clock::now() + SignedDuration::from_hours(24);
    let machine = Machine::open(Opening::new(folder, later)).await?;
    machine.settle().await?;
    let findings = oracle::inspect(&machine, journal).await?;
    findings.tell(tally);
    machine.close().await;
    Ok(())
}

/// What a service leaves to the sweep in every way there is: open uploads, lost verifications, lost deletions.
struct Leftovers<'a> {
    catalogs: &'a Catalogs,
    folder: TempDir,
    journal: std::sync::Arc<Journal>,
}

impl<'a> Leftovers<'a> {
    async fn make(setting: &Setting, catalogs: &'a Catalogs) -> Outcome<Self> {
        let folder = catalogs.home().await?;
        let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
        let driver = Driver::new(&service.api, "alice")?;
        let mut dice = Dice::part(setting.seed, 77);
        service.start(&Traps::default()).await?;
        script::run(&driver, &mut dice).await?;
        let doomed = driver.upload(dice.bytes(5000)).await?;
        service.kill().await?;
        for (point, size) in [
            ("embedded.copy.before", 6000),
            ("embedded.copy.after", 7000),
            ("embedded.complete.before", script::ONE_PART),
            ("embedded.complete.after", script::ONE_PART),
        ] {
            service.start(&Traps::default()).await?;
            let upload = driver.create(dice.bytes(size)).await?;
            driver.put(&upload).await?;
            service.kill().await?;
            // What was left before may run into the trap first, so only the death counts.
            if service.start(&crash_at(point)).await.is_ok() {
                let _ = driver.complete(&upload).await;
            }
            crate::ensure!(died(&mut service).await?, "{point} is not reached");
        }
        if service
            .start(&crash_at("embedded.delete.before"))
            .await
            .is_ok()
        {
            let _ = driver.delete(&doomed).await;
        }
        crate::ensure!(died(&mut service).await?, "a delete was not killed");
        Ok(Self {
            catalogs,
            folder,
            journal: driver.journal,
        })
    }

    async fn reached(&self, setting: &Setting) -> Outcome<BTreeMap<String, u64>> {
        let copy = self.catalogs.copy(self.folder.path()).await?;
        let record = copy.path().join("points");
        let traps = Traps {
            record: Some(record.clone()),
            ..Traps::default()
        };
        let status = sweep(&setting.program, copy.path(), &traps).await?;
        crate::ensure!(status.success(), "the sweep ended with {status}");
        let reached = count_lines(&record);
        self.catalogs.forget(copy).await?;
        reached
    }

    async fn kill(&self, setting: &Setting, trap: &Trap) -> Outcome<Tally> {
        let copy = self.catalogs.copy(self.folder.path()).await?;
        let traps = Traps {
            crash: Some(trap.clone()),
            ..Traps::default()
        };
        let status = sweep(&setting.program, copy.path(), &traps).await?;
        let mut tally = Tally {
            tried: 1,
            ..Tally::default()
        };
        match status.success() {
            true => tally.count("kills whose point was not reached again", 1),
            false => tally.count("kills while sweeping", 1),
        }
        judge(copy.path(), &self.journal, &mut tally).await?;
        self.catalogs.forget(copy).await?;
        Ok(tally)
    }
}

fn crash_at(point: &str) -> Traps {
    Traps {
        crash: Some(Trap {
            point: point.to_owned(),
            nth: 1,
        }),
        ..Traps::default()
    }
}

/// Sweeps a folder in a process of its own, when everything is due.
async fn sweep(program: &Path, folder: &Path, traps: &Traps) -> Outcome<std::process::ExitStatus> {
    let mut command = Command::new(program);
    command.arg("sweep").arg(folder);
    add_traps(&mut command, traps);
    let output = command.kill_on_drop(true).output().await?;
    let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
    if output.status.success() || killed {
        return Ok(output.status);
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::new(format!(
        "a sweep ended with {}: {text}",
        output.status
    )))
}
