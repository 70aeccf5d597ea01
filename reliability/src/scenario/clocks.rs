//! Clocks that differ: nothing is ended early, and what would not hold is not signed but said.

use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use valetkey_catalog::Whose;
use valetkey_engine::Error;
use valetkey_protocol::Code;
use valetkey_protocol::upload::{CompleteUpload, State};
use valetkey_server::clock::SystemClock;

use super::engine;
use super::script::ONE_PART;
use super::swaps::bucket_at;
use crate::clock::{self, Stopwatch};
use crate::dice::Dice;
use crate::driver::{Driver, Reply, wish};
use crate::ensure;
use crate::error::{At, Failure, Outcome};
use crate::host::Host;
use crate::machine::{Machine, Opening};
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};

/// From this many minutes on nothing is signed.
const TOO_FAR: u32 = 5;
/// How long a service may take to see that clocks differ, or agree again.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// The library behind `faketime`, where Debian has it. The command itself would stand between the service and its
/// signals.
const PRELOAD: &str = "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1";
/// Deadlines are not what is shifted.
const STEADY: &str = "FAKETIME_DONT_FAKE_MONOTONIC=1";

/// The clock of the store is moved by hand, and back.
///
/// # Errors
/// The machine cannot be run at all.
pub async fn moved(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    for minutes in [-16, -14, -6, -4, -1, 1, 4, 6, 14, 16_i32] {
        let mut dice = Dice::part(setting.seed, u64::from(minutes.unsigned_abs()));
        move_clock(minutes, &mut dice)
            .await
            .at(format!("{minutes} minutes"))?;
        let name = match minutes.unsigned_abs() < TOO_FAR {
            true => "clocks less than five minutes apart",
            false => "clocks too far apart, told as clock_skew, and healed",
        };
        tally.count(name, 1);
        tally.tried += 1;
    }
    Ok(tally)
}

async fn move_clock(minutes: i32, dice: &mut Dice) -> Outcome<()> {
    let folder = memory_folder()?;
    let opening = Opening {
        guarded: true,
        ..Opening::new(folder.path(), clock::now())
    };
    let machine = Machine::open(opening).await?;
    let before = engine::create(&machine, "alice", &dice.bytes(500)).await?;
    machine.store_clock.forward(i64::from(minutes) * 60);
    // One answer of storage tells the time there.
    let compared = machine.engine.compare_clocks().await;
    match minutes.unsigned_abs() < TOO_FAR {
        true => make_files(&machine, dice).await?,
        false => be_refused(&machine, compared, dice).await?,
    }
    machine.sweep().await?;
    machine.store_clock.forward(i64::from(minutes) * -60);
    machine.engine.compare_clocks().await?;
    let record = machine.catalog.find(before.id).await?;
    let open = record.is_some_and(|record| record.state == State::Pending);
    ensure!(open, "an open upload was ended early");
    make_files(&machine, dice).await?;
    machine.close().await;
    Ok(())
}

/// Uploads of both kinds become files.
async fn make_files(machine: &Machine, dice: &mut Dice) -> Outcome<()> {
    let alice = crate::machine::user("alice")?;
    for size in [700, ONE_PART] {
        let bytes = dice.bytes(size);
        let upload = engine::create(machine, "alice", &bytes).await?;
        engine::put(machine, &upload, &bytes).await?;
        let complete = CompleteUpload::default();
        let completed = machine.engine.complete_upload(&alice, upload.id, complete);
        completed.await.map_err(Failure::from)?;
    }
    Ok(())
}

/// Nothing is signed, nothing is remembered, and the answer says why.
async fn be_refused(
    machine: &Machine,
    compared: Result<(), Error>,
    dice: &mut Dice,
) -> Outcome<()> {
    let code = |error: Error| error.problem().code;
    ensure!(
        compared.map_err(code) == Err(Code::ClockSkew),
        "comparing clocks finds nothing"
    );
    let open = machine.catalog.usage(Whose::Everybody).await?;
    let alice = crate::machine::user("alice")?;
    for size in [700, ONE_PART] {
        let wish = serde_json::from_value(wish(&dice.bytes(size)))?;
        let created = machine.engine.create_upload(&alice, wish).await;
        let refused = created.map_err(code).err();
        ensure!(
            refused == Some(Code::ClockSkew),
            "a create of {size} bytes gives {refused:?}"
        );
    }
    let same = machine.catalog.usage(Whose::Everybody).await? == open;
    ensure!(same, "a refused create is remembered");
    Ok(())
}

/// The whole server process lives at another time than its storage (`faketime`), and then at the same again.
///
/// # Errors
/// The service cannot be run at all.
pub async fn shifted(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let found = Command::new("faketime").arg("--version").output();
    let found = found.await.is_ok_and(|output| output.status.success());
    ensure!(found, "faketime is needed: apt-get install faketime");
    let folder = memory_folder()?;
    let host = Host::open(&folder.path().join("apart"), Arc::new(SystemClock)).await?;
    let mut setup = Setup::new(&setting.program, folder.path());
    setup.bucket = bucket_at(&host.url, &host);
    let mut service = Service::new(&setup)?;
    let driver = Driver::new(&service.api, "alice")?;
    let mut dice = Dice::part(setting.seed, 31);
    for minutes in [15, -15, 2, -2_i32] {
        service.under(&[]);
        service.start(&Traps::default()).await?;
        let before = driver.create(dice.bytes(600)).await?;
        service.stop().await?;
        let time = format!("FAKETIME={minutes:+}m");
        service.under(&["env", PRELOAD, STEADY, &time]);
        service.spawn(&Traps::default())?;
        let seen = match minutes.unsigned_abs() < TOO_FAR {
            true => work(&driver, &mut dice).await,
            false => say_skew(&driver, &before, &mut dice).await,
        };
        let millis = seen.at(format!("{minutes} minutes"))?;
        tally.longest("longest until it was clear which", millis);
        service.stop().await?;
        service.under(&[]);
        service.start(&Traps::default()).await?;
        driver.put(&before).await?;
        driver.complete(&before).await?.expect(200)?;
        driver.check_file(&before).await?;
        service.stop().await?;
        tally.tried += 1;
    }
    host.close().await;
    Ok(tally)
}

/// Within five minutes all goes on.
async fn work(driver: &Driver, dice: &mut Dice) -> Outcome<f64> {
    let (_, millis) = ready(driver, 200).await?;
    for size in [700, ONE_PART] {
        let id = driver.upload(dice.bytes(size)).await?;
        driver.check_file(&id).await?;
    }
    Ok(millis)
}

/// Beyond them the service says so, lists and looks go on, and an open upload stays open.
async fn say_skew(driver: &Driver, before: &str, dice: &mut Dice) -> Outcome<f64> {
    let (unready, millis) = ready(driver, 503).await?;
    ensure!(
        unready.code() == "clock_skew",
        "not ready because of {}",
        unready.code()
    );
    for size in [700, ONE_PART] {
        let created = driver.post("/v1/uploads", &wish(&dice.bytes(size))).await?;
        ensure!(
            created.status == 503
                && created.code() == "clock_skew"
                && created.retry_after.is_some(),
            "a create is answered {} {}",
            created.status,
            created.code()
        );
    }
    driver.get("/v1/files").await?.expect(200)?;
    let open = driver.get(&format!("/v1/uploads/{before}")).await?;
    let state = open.expect(200)?["state"].clone();
    ensure!(state == "pending", "an open upload is {state}");
    Ok(millis)
}

/// Waits for an answer of `/readyz` with this status.
async fn ready(driver: &Driver, status: u16) -> Outcome<(Reply, f64)> {
    let watch = Stopwatch::start();
    loop {
        match driver.get("/readyz").await {
            Ok(reply) if reply.status == status => return Ok((reply, watch.millis())),
            Ok(reply) if watch.elapsed() > SEEN_WITHIN => {
                return Err(Failure::new(format!("/readyz says {}", reply.status)));
            }
            Err(error) if watch.elapsed() > SEEN_WITHIN => return Err(error.at("/readyz")),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
