//! Killed at random times under load, again and again; and ready again at once, however much is open.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use crate::clock;
use crate::dice::Dice;
use crate::driver::{Driver, wish};
use crate::error::{At, Outcome};
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};

/// How many clients work at the same time.
const CLIENTS: u64 = 6;
/// A restart must be ready within this, in milliseconds.
const READY_MILLIS: f64 = 2000.0;

/// Kills a busy service at random moments.
///
/// # Errors
/// The service cannot be run at all.
pub async fn random_kills(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    let driver = Driver::new(&service.api, "alice")?;
    let mut dice = Dice::part(setting.seed, 5);
    let mut tally = Tally::default();
    service.start(&Traps::default()).await?;
    for life in 0..setting.choose(6, 100) {
        let clients = (0..CLIENTS).map(|number| {
            let dice = Dice::part(setting.seed, 1000 * life + number);
            tokio::spawn(work(driver.clone(), dice))
        });
        let clients: Vec<_> = clients.collect();
        tokio::time::sleep(Duration::from_millis(20 + dice.below(300) as u64)).await;
        service.kill().await?;
        for client in join_all(clients).await {
            tally.count("requests answered before a kill", client?);
        }
        let ready = service.start(&Traps::default()).await.at("the restart")?;
        let millis = ready.as_secs_f64() * 1000.0;
        tally.tried += 1;
        tally.longest("longest restart", millis);
        if millis > READY_MILLIS {
            tally.wrong(format!("life {life}: ready only after {millis:.0} ms"));
        }
    }
    match driver.check_acknowledged().await {
        Ok(checked) => tally.count("acknowledged files asked for after all", checked),
        Err(error) => tally.wrong(error.to_string()),
    }
    service.kill().await?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &driver.journal).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

/// Uses the service until it is gone; gives how many rounds it went.
async fn work(driver: Driver, mut dice: Dice) -> u64 {
    for round in 0.. {
        if once(&driver, &mut dice).await.is_err() {
            return round;
        }
    }
    0
}

async fn once(driver: &Driver, dice: &mut Dice) -> Outcome<()> {
    let size = match dice.percent(2) {
        true => super::script::ONE_PART,
        false => 1 + dice.below(50_000),
    };
    let id = driver.create(dice.bytes(size)).await?;
    if dice.percent(10) {
        driver.abort(&id).await?;
        return Ok(());
    }
    driver.put(&id).await?;
    if dice.percent(10) {
        return Ok(());
    }
    driver.complete(&id).await?.expect(200)?;
    if dice.percent(30) {
        driver.delete(&id).await?;
    }
    Ok(())
}

/// Measures a restart with many open uploads.
///
/// # Errors
/// The service cannot be run at all.
pub async fn many_open_uploads(setting: &Setting) -> Outcome<Tally> {
    let folder = TempDir::new()?;
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    service.start(&Traps::default()).await?;
    let users = setting.choose(10, 100);
    let mut tally = Tally::default();
    let wishes: Arc<Vec<_>> = Arc::new(vec![wish(b"ten bytes."); 100]);
    for user in 0..users {
        // Each user has a limit of open uploads.
        let driver = Driver::new(&service.api, &format!("user-{user}"))?;
        let body = json!({ "uploads": *wishes });
        let made = driver.post("/v1/uploads/batch", &body).await?.expect(200)?;
        let results = made["results"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let good = results.iter().filter(|one| one["status"] == 201).count();
        crate::ensure!(
            good == 100,
            "only {good} of a batch were created: {}",
            made["results"][0]
        );
        tally.count("open uploads", 100);
    }
    for _ in 0..setting.choose(2, 10) {
        service.kill().await?;
        let ready = service.start(&Traps::default()).await?;
        let millis = ready.as_secs_f64() * 1000.0;
        tally.tried += 1;
        tally.longest("longest restart", millis);
        if millis > READY_MILLIS {
            tally.wrong(format!("ready only after {millis:.0} ms"));
        }
    }
    service.kill().await?;
    Ok(tally)
}
