//! PostgreSQL that crashes, again and again or at every fail point, or for good: every answer is right or says so,
//! nothing acknowledged is lost, and all goes on.

use std::time::Duration;

use tempfile::TempDir;

use crate::catalog::{self, Catalogs};
use crate::clock::Stopwatch;
use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::{At, Failure, Outcome};
use crate::points::{Trap, Traps};
use crate::postgres::Postgres;
use crate::report::{Scale, Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::scenario::steady::{Allowed, Steady};
use crate::scenario::{kills, script};
use crate::service::{Service, Setup};
use crate::sink::Sink;

/// How many clients work at the same time.
const CLIENTS: u64 = 6;
/// All is well again within this after the database is.
const HEALED: Duration = Duration::from_secs(10);

/// `pg_ctl restart -m immediate` under load, again and again.
///
/// # Errors
/// The service or PostgreSQL cannot be run at all.
pub async fn restarts(setting: &Setting) -> Outcome<Tally> {
    let postgres = Postgres::start().await?;
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 40);
    let town = Town::start(setting, &postgres.url).await?;
    let load = Steady::start(&town.driver, Allowed::Outages, CLIENTS, setting.seed);
    for _ in 0..setting.choose(3, 40) {
        tokio::time::sleep(Duration::from_millis(300 + dice.below(900) as u64)).await;
        postgres.restart().await?;
        heal(&town.driver, &mut tally).await?;
        tally.count("restarts", 1);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    load.end(&mut tally).await?;
    town.end(&mut tally).await?;
    Ok(tally)
}

/// The primary is killed, and its synchronous standby takes over.
///
/// # Errors
/// The service or PostgreSQL cannot be run at all.
pub async fn takeovers(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    for round in 0..setting.choose(1, 5) {
        let mut dice = Dice::part(setting.seed, 50 + round);
        let primary = Postgres::start().await?;
        let standby = primary.standby().await?;
        let town = Town::start(setting, &primary.with_standby(&standby)?).await?;
        let seed = setting.seed + round;
        let load = Steady::start(&town.driver, Allowed::Outages, CLIENTS, seed);
        tokio::time::sleep(Duration::from_millis(1000 + dice.below(1000) as u64)).await;
        let watch = Stopwatch::start();
        primary.kill().await?;
        standby.promote().await?;
        tally.longest("longest promotion", watch.millis());
        heal(&town.driver, &mut tally).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        load.end(&mut tally).await?;
        tally.count("takeovers", 1);
        town.end(&mut tally).await?;
    }
    Ok(tally)
}

/// PostgreSQL is killed (-9) at the fail points of the server that uses it.
///
/// # Errors
/// The service or PostgreSQL cannot be run at all.
pub async fn falls(setting: &Setting) -> Outcome<Tally> {
    let catalogs = Catalogs::In(Postgres::start().await?);
    let reached = kills::reached_serving(setting, &catalogs).await?;
    let mut dice = Dice::part(setting.seed, 60);
    let mut points: Vec<_> = reached.into_iter().collect();
    if setting.scale == Scale::Short {
        points.retain(|(point, _)| !kills::is_about_deliveries(point));
    }
    let mut tally = Tally::default();
    while points.len() > setting.choose(3, usize::MAX) {
        points.swap_remove(dice.below(points.len()));
    }
    for (point, hits) in points {
        let nth = 1 + dice.below(usize::try_from(hits)?) as u64;
        let trap = Trap { point, nth };
        let place = trap.to_string();
        fall(setting, &catalogs, trap, &mut tally).await.at(place)?;
    }
    Ok(tally)
}

async fn fall(
    setting: &Setting,
    catalogs: &Catalogs,
    trap: Trap,
    tally: &mut Tally,
) -> Outcome<()> {
    let Catalogs::In(postgres) = catalogs else {
        return Err(Failure::new("SQLite does not fall"));
    };
    let folder = catalogs.home().await?;
    let (mut service, sink) = Sink::beside(&setting.program, folder.path()).await?;
    let driver = Driver::new(&service.api, "alice")?;
    let traps = Traps {
        fell: Some((trap.clone(), postgres.pid_file())),
        ..Traps::default()
    };
    let begun = tally.broken.len();
    // A server that starts on a database that falls may end, and says why.
    let started = service.start(&traps).await;
    if started.is_ok() {
        // It stops at the first outage.
        let _ = script::run(&driver, &mut Dice::new(setting.seed)).await;
    }
    postgres.again().await?;
    match started {
        Ok(_) => heal(&driver, tally).await?,
        Err(_) => service.start(&Traps::default()).await.map(drop)?,
    }
    tally.tried += 1;
    match driver.check_acknowledged().await {
        Ok(checked) => tally.count("acknowledged files asked for afterwards", checked),
        Err(error) => tally.wrong(error.to_string()),
    }
    if kills::is_about_deliveries(&trap.point) {
        sink.judge(&driver, tally).await?;
    }
    service.stop().await?;
    kills::judge(folder.path(), &driver.journal, tally).await?;
    for wrong in &mut tally.broken[begun..] {
        *wrong = format!("{trap}: {wrong}");
    }
    catalogs.forget(folder).await
}

/// Waits until a file can be made again; how long that took after the database was back.
async fn heal(driver: &Driver, tally: &mut Tally) -> Outcome<()> {
    let watch = Stopwatch::start();
    loop {
        let ready = driver.get("/readyz").await?;
        if ready.status == 200 && driver.upload(vec![9; 100]).await.is_ok() {
            break;
        }
        crate::ensure!(
            watch.elapsed() < HEALED * 3,
            "not healed after {:.0} ms: readyz {}",
            watch.millis(),
            ready.status
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tally.longest("longest until all was well again", watch.millis());
    if watch.elapsed() > HEALED {
        tally.wrong(format!("healed only after {:.0} ms", watch.millis()));
    }
    Ok(())
}

/// A service with its catalog in PostgreSQL, and somebody who uses it.
struct Town {
    service: Service,
    driver: Driver,
    folder: TempDir,
}

impl Town {
    async fn start(setting: &Setting, url: &str) -> Outcome<Self> {
        let folder = memory_folder()?;
        catalog::note(folder.path(), url)?;
        let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
        service.start(&Traps::default()).await?;
        Ok(Self {
            driver: Driver::new(&service.api, "alice")?,
            service,
            folder,
        })
    }

    /// Asks for everything that was acknowledged, ends it, and judges what is left.
    async fn end(mut self, tally: &mut Tally) -> Outcome<()> {
        match self.driver.check_acknowledged().await {
            Ok(checked) => tally.count("acknowledged files asked for after all", checked),
            Err(error) => tally.wrong(error.to_string()),
        }
        self.service.stop().await?;
        kills::judge(self.folder.path(), &self.driver.journal, tally).await
    }
}
