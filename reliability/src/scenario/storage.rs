//! Storage that loses answers, fails, stalls or is not there at all: the API answers in time, nothing is lost, and
//! everything goes on when storage is back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use valetkey_embedded::{Fault, FaultRule};
use valetkey_server::clock::SystemClock;

use super::script::ONE_PART;
use super::swaps::bucket_at;
use crate::clock::{self, Stopwatch};
use crate::dice::Dice;
use crate::driver::{Driver, Reply};
use crate::error::{At, Outcome};
use crate::host::Host;
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::proxy::{Mode, Proxy};
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};

/// The API answers within this, in milliseconds: five seconds, and a little for a busy machine.
const ANSWER_MILLIS: f64 = 5500.0;
/// After trouble everything has come to its end within this.
const CONVERGE: Duration = Duration::from_secs(30);

/// A service whose storage is apart, behind a proxy.
struct Apart {
    service: Service,
    host: Host,
    proxy: Proxy,
    driver: Driver,
    folder: TempDir,
}

impl Apart {
    async fn start(setting: &Setting) -> Outcome<Self> {
        let folder = memory_folder()?;
        let host = Host::open(&folder.path().join("apart"), Arc::new(SystemClock)).await?;
        let address = host.url.trim_start_matches("http://").parse()?;
        let proxy = Proxy::start(address, setting.seed).await?;
        let mut setup = Setup::new(&setting.program, folder.path());
        setup.bucket = bucket_at(&proxy.url, &host);
        let mut service = Service::new(&setup)?;
        service.start(&Traps::default()).await?;
        let driver = Driver::new(&service.api, "alice")?;
        Ok(Self {
            service,
            host,
            proxy,
            driver,
            folder,
        })
    }

    /// Ends it and judges what is left.
    async fn judge(mut self, tally: &mut Tally) -> Outcome<()> {
        self.service.stop().await?;
        let catalog = self.folder.path().join("catalog.sqlite");
        let apart = self.folder.path().join("apart");
        self.host.close().await;
        for end in ["", "-wal", "-shm"] {
            let from = format!("{}{end}", catalog.display());
            if std::path::Path::new(&from).exists() {
                std::fs::copy(&from, apart.join(format!("catalog.sqlite{end}")))?;
            }
        }
        let machine = Machine::open(Opening::new(&apart, clock::now())).await?;
        machine.settle().await?;
        let findings = oracle::inspect(&machine, &self.driver.journal).await?;
        findings.tell(tally);
        machine.close().await;
        Ok(())
    }
}

/// Every call to storage is done, and its answer is lost: once, twice, as often as it is tried again.
///
/// # Errors
/// The service cannot be run at all.
pub async fn lost_answers(setting: &Setting) -> Outcome<Tally> {
    let apart = Apart::start(setting).await?;
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 21);
    let operations = [
        ("CopyObject", 500),
        ("HeadObject", 500),
        ("GetObject", 500),
        ("CreateMultipartUpload", ONE_PART),
        ("ListParts", ONE_PART),
        ("CompleteMultipartUpload", ONE_PART),
    ];
    for round in 0..setting.choose(1, 10) {
        for (operation, size) in operations {
            let times = 1 + (round + dice.below(3) as u64) % 4;
            lost(
                &apart,
                (operation, times),
                dice.bytes(size).into(),
                &mut tally,
            )
            .await
            .at(format!("{operation}, {times} times"))?;
        }
    }
    apart.judge(&mut tally).await?;
    Ok(tally)
}

async fn lost(
    apart: &Apart,
    (operation, times): (&str, u64),
    bytes: Bytes,
    tally: &mut Tally,
) -> Outcome<()> {
    let driver = &apart.driver;
    let rule = FaultRule {
        operation: Some(operation.to_owned()),
        times: Some(times),
        ..FaultRule::from(Fault::AppliedThenReset)
    };
    apart.host.fault(vec![rule])?;
    let watch = Stopwatch::start();
    let id = until(CONVERGE, async || driver.create(bytes.clone()).await).await?;
    driver.put(&id).await?;
    until(CONVERGE, async || {
        driver.complete(&id).await?.expect(200).map(drop)
    })
    .await?;
    tally.tried += 1;
    tally.longest("longest until it was a file", watch.millis());
    tally.count("answers lost", apart.host.plan()?.struck().iter().sum());
    apart.host.fault(Vec::new())?;
    driver.check_file(&id).await
}

/// Tries again until it works.
async fn until<T>(limit: Duration, mut attempt: impl AsyncFnMut() -> Outcome<T>) -> Outcome<T> {
    let watch = Stopwatch::start();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if watch.elapsed() > limit => return Err(error.at("not in time")),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// What storage, or the way to it, does for a while.
#[derive(Debug, Clone)]
enum Trouble {
    Store(Fault),
    Way(Mode),
}

/// Storage fails in every way there is; meanwhile the API is asked, and afterwards everything goes on.
///
/// # Errors
/// The service cannot be run at all.
pub async fn outages(setting: &Setting) -> Outcome<Tally> {
    let apart = Apart::start(setting).await?;
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 22);
    let mut troubles: Vec<_> = [
        Fault::SlowDown,
        Fault::InternalError,
        Fault::ResetRequest { after: 0 },
        Fault::ErrorInOk,
        Fault::TruncatedXml,
    ]
    .map(Trouble::Store)
    .to_vec();
    let ways = [
        Mode::Blackhole,
        Mode::Reset,
        Mode::CutAfter { bytes: 40 },
        Mode::HalfClose,
        Mode::Limit {
            bytes_per_second: 60,
        },
        Mode::Chance,
    ];
    troubles.extend(ways.map(Trouble::Way));
    for _ in 0..setting.choose(1, 3) {
        for trouble in &troubles {
            outage(&apart, trouble, &mut dice, &mut tally)
                .await
                .at(format!("{trouble:?}"))?;
        }
    }
    tally.count(
        "connections of the proxy that did not go well",
        apart.proxy.struck(),
    );
    apart.judge(&mut tally).await?;
    Ok(tally)
}

async fn outage(
    apart: &Apart,
    trouble: &Trouble,
    dice: &mut Dice,
    tally: &mut Tally,
) -> Outcome<()> {
    let driver = &apart.driver;
    // What was there before, and what is on its way.
    let before = until(CONVERGE, async || driver.upload(dice.bytes(300)).await).await?;
    let small = driver.create(dice.bytes(400)).await?;
    driver.put(&small).await?;
    let large = until(CONVERGE, async || driver.create(dice.bytes(ONE_PART)).await).await?;
    driver.put(&large).await?;
    let gone = until(CONVERGE, async || driver.upload(dice.bytes(200)).await).await?;
    match trouble {
        Trouble::Store(fault) => apart.host.fault(vec![fault.clone().into()])?,
        Trouble::Way(mode) => apart.proxy.set(*mode),
    }
    // All at once, so that a test does not wait for each of them.
    let wish = crate::driver::wish(&dice.bytes(ONE_PART));
    let (one, two, three, four, five) = tokio::join!(
        timed(driver.complete(&small)),
        timed(driver.complete(&large)),
        timed(driver.post("/v1/uploads", &wish)),
        timed(driver.delete(&gone)),
        timed(driver.get("/v1/files")),
    );
    let calls = [
        ("complete", one),
        ("complete of parts", two),
        ("create", three),
        ("delete", four),
        ("list", five),
    ];
    for (verb, (answer, millis)) in calls {
        tally.tried += 1;
        tally.longest("longest answer during an outage", millis);
        let answer = answer.at(verb)?;
        if let Some(wrong) = judge_answer(verb, &answer, millis) {
            tally.wrong(format!("{trouble:?}: {verb}: {wrong}"));
        }
        tally.count("answers 503", u64::from(answer.status == 503));
    }
    apart.host.fault(Vec::new())?;
    apart.proxy.set(Mode::Pass);
    let watch = Stopwatch::start();
    for id in [&small, &large] {
        let complete = async || driver.complete(id).await?.expect(200).map(drop);
        until(Duration::from_secs(90), complete)
            .await
            .at("afterwards")?;
    }
    tally.longest("longest until all was well again", watch.millis());
    driver.check_file(&before).await?;
    driver.check_file(&small).await?;
    driver.check_file(&large).await
}

async fn timed(call: impl Future<Output = Outcome<Reply>>) -> (Outcome<Reply>, f64) {
    let watch = Stopwatch::start();
    (call.await, watch.millis())
}

/// What is wrong with an answer during an outage.
fn judge_answer(verb: &str, answer: &Reply, millis: f64) -> Option<String> {
    if millis > ANSWER_MILLIS {
        return Some(format!(
            "answered {} only after {millis:.0} ms",
            answer.status
        ));
    }
    let good = match answer.status {
        200 | 201 | 202 | 204 => true,
        503 => answer.retry_after.is_some(),
        // What was asked twice may be over.
        404 => verb == "delete",
        _ => false,
    };
    (!good).then(|| format!("answered {} {}", answer.status, answer.code()))
}
