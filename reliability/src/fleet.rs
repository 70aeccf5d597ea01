//! Several servers on one catalog in PostgreSQL and one store.

use std::sync::Arc;

use futures_util::future::join_all;
use tempfile::TempDir;
use valetkey_engine::Engine;
use valetkey_server::clock::SystemClock;

use crate::catalog;
use crate::clock;
use crate::driver::Driver;
use crate::error::{Failure, Outcome};
use crate::host::Host;
use crate::machine::{HORIZON_SECONDS, Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::postgres::Postgres;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::scenario::swaps::bucket_at;
use crate::service::{Service, Setup};
use crate::sink::{Manner, Sink};

/// After so many sweeps of all there must be nothing left to do.
const SWEEPS: usize = 200;

/// Servers that share everything.
pub struct Fleet {
    /// The servers; the first one is started with traps.
    pub services: Vec<Service>,
    /// A user of all of them.
    pub driver: Driver,
    host: Host,
    folder: TempDir,
    catalog: String,
    sink: Sink,
}

impl Fleet {
    /// Starts so many servers, the first one with traps; all sweep and survey every second,
    /// and tell one webhook.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub async fn start(
        setting: &Setting,
        postgres: &Postgres,
        count: usize,
        traps: &Traps,
    ) -> Outcome<Self> {
        let folder = memory_folder()?;
        let host = Host::open(&folder.path().join("apart"), Arc::new(SystemClock)).await?;
        let catalog = postgres.database(None).await?;
        let sink = Sink::open("sink", Manner::Good).await?;
        let mut services = Vec::new();
        for number in 0..count {
            let home = folder.path().join(format!("server-{number}"));
            catalog::note(&home, &catalog)?;
            let mut setup = Setup::new(&setting.program, &home);
            setup.public_url = "http://valetkey.test".to_owned();
            setup.bucket = bucket_at(&host.url, &host);
            setup.tables = format!(
                "[sweep]\nevery_seconds = 1\nsurvey_every_seconds = 1\n{}",
                Sink::config(&[&sink])
            );
            services.push(Service::new(&setup)?);
        }
        // All at once, on an empty database.
        let quiet = Traps::default();
        let starts = services.iter_mut().enumerate().map(|(number, service)| {
            let traps = if number == 0 { traps } else { &quiet };
            service.start(traps)
        });
        for started in join_all(starts).await {
            started?;
        }
        let apis = services.iter().map(|service| service.api.clone());
        Ok(Self {
            driver: Driver::among(apis.collect(), "alice")?,
            services,
            host,
            folder,
            catalog,
            sink,
        })
    }

    /// The same user at each of them, with one journal.
    pub fn drivers(&self) -> Vec<Driver> {
        let services = self.services.iter();
        services.map(|one| self.driver.at(&one.api)).collect()
    }

    /// Asks for everything that was acknowledged, waits until the webhook was told everything, ends all, lets as many servers sweep at the same time until
    /// nothing is due any more, and judges what is left.
    ///
    /// # Errors
    /// Something could not be looked at.
    pub async fn judge(mut self, tally: &mut Tally) -> Outcome<()> {
        match self.driver.check_acknowledged().await {
            Ok(checked) => tally.count("acknowledged files asked for after all", checked),
            Err(error) => tally.wrong(error.to_string()),
        }
        self.sink.judge(&self.driver, tally).await?;
        for service in &mut self.services {
            service.stop().await?;
        }
        self.host.close().await;
        let opening = Opening {
            catalog: self.catalog,
            ..Opening::new(&self.folder.path().join("apart"), clock::now())
        };
        let machine = Machine::open(opening.clone()).await?;
        let mut engines = vec![machine.engine.clone()];
        while engines.len() < self.services.len() {
            engines.push(machine.replica(&opening).await?);
        }
        for _ in 0..2 {
            machine.forward(HORIZON_SECONDS);
            sweep_together(&engines).await?;
        }
        machine.settle().await?;
        let findings = oracle::inspect(&machine, &self.driver.journal).await?;
        findings.tell(tally);
        drop(engines);
        machine.close().await;
        Ok(())
    }
}

/// All of them sweep at once until nobody finds anything.
async fn sweep_together(engines: &[Arc<Engine>]) -> Outcome<()> {
    for _ in 0..SWEEPS {
        let mut found = 0;
        for swept in join_all(engines.iter().map(|engine| engine.sweep_due())).await {
            found += swept?.len();
        }
        if found == 0 {
            return Ok(());
        }
    }
    Err(Failure::new("sweeping together does not come to an end"))
}
