//! Webhooks to sinks that do not hear: nothing is lost, and nobody else waits.

use std::time::Duration;

use futures_util::future::join_all;

use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::{At, Outcome};
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};
use crate::sink::{Manner, Sink};

/// How many files are made at the same time.
const AT_ONCE: usize = 4;
/// A good sink hears of nearly everything within this, in milliseconds, whoever else there is.
const LAG_MILLIS: f64 = 1000.0;

/// A service that tells, and its one good sink.
struct House {
    service: Service,
    driver: Driver,
    good: Sink,
    /// They are there as long as the service is.
    bad: Vec<Sink>,
}

/// Two services with a good sink each, one of which has bad ones besides, make files by turns.
///
/// # Errors
/// A service cannot be run at all.
pub async fn unharmed(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let manners = [
        ("failing", Manner::Failing),
        ("hanging", Manner::Hanging),
        ("resetting", Manner::Resetting),
        ("slow", Manner::Slow(Duration::from_secs(1))),
    ];
    let mut alone = House::open(setting, &folder.path().join("alone"), &[]).await?;
    let mut beside = House::open(setting, &folder.path().join("beside"), &manners).await?;
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 95);
    for _ in 0..setting.choose(15, 250) {
        for house in [&alone, &beside] {
            let files = (0..AT_ONCE).map(|_| house.driver.upload(dice.bytes(500)));
            for file in join_all(files).await {
                file.at("a file")?;
                tally.tried += 1;
            }
        }
    }
    for (house, name) in [(&mut alone, "alone"), (&mut beside, "beside four bad ones")] {
        house.judge(name, &mut tally).await?;
    }
    let slow = beside.bad.iter().map(Sink::count).max();
    crate::ensure!(
        slow > Some(0),
        "the slow sink heard nothing: nothing was tried"
    );
    Ok(tally)
}

impl House {
    async fn open(
        setting: &Setting,
        folder: &std::path::Path,
        manners: &[(&str, Manner)],
    ) -> Outcome<Self> {
        let good = Sink::open("good", Manner::Good).await?;
        let bad = join_all(
            manners
                .iter()
                .map(|(name, manner)| Sink::open(name, *manner)),
        )
        .await;
        let bad = bad.into_iter().collect::<Outcome<Vec<_>>>()?;
        let mut setup = Setup::new(&setting.program, folder);
        let sinks: Vec<&Sink> = bad.iter().chain([&good]).collect();
        setup.tables = Sink::config(&sinks);
        let mut service = Service::new(&setup)?;
        service.start(&Traps::default()).await?;
        Ok(Self {
            driver: Driver::new(&service.api, "alice")?,
            service,
            good,
            bad,
        })
    }

    async fn judge(&mut self, name: &str, tally: &mut Tally) -> Outcome<()> {
        self.good.judge(&self.driver, tally).await?;
        let lags = self.good.lags();
        for (share, part) in [("p50", 0.5), ("p99", 0.99)] {
            let lag = lags[((lags.len() - 1) as f64 * part) as usize];
            tally.longest(&format!("{share} until a good sink was told, {name}"), lag);
            if lag > LAG_MILLIS {
                tally.wrong(format!("{name}: {share} until it was told is {lag:.0} ms"));
            }
        }
        self.service.stop().await?;
        Ok(())
    }
}
