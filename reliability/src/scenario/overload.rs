//! More than can be done: first it is measured how much can, then ten times as much is asked for, whatever comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use tokio::task::JoinHandle;

use crate::clock::{self, Stopwatch};
use crate::driver::{Driver, wish};
use crate::error::{At, Outcome};
use crate::flood::{Answered, Came, Flood};
use crate::journal::{Entry, Step};
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::report::{Scale, Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::scenario::load::{raise_files, resident_mib};
use crate::scenario::steady::{Allowed, Steady};
use crate::service::{Service, Setup};
use crate::token;

/// How many requests are served at a time, and how many more wait for at most a second.
const CONCURRENCY: usize = 64;
const QUEUE: usize = 512;
const QUEUE_MILLIS: f64 = 1000.0;
/// How long serving one of so many may take beside that, in milliseconds, on a machine that floods itself.
const SERVICE_MILLIS: f64 = 1000.0;
/// Connections of the flood: more than are served and wait together.
const SOCKETS: usize = 2000;
/// How much more is asked for than can be done.
const TIMES: f64 = 10.0;
/// What it may hold, in MiB.
const RSS_MIB: f64 = 256.0;
/// What machines ask is answered within this, in milliseconds: what Kubernetes waits for a probe.
const PROBE_MILLIS: f64 = 1000.0;
/// It is as before within this, in milliseconds.
const RECOVERY_MILLIS: f64 = 2000.0;
/// Longer than any recovery.
const GIVE_UP: Duration = Duration::from_secs(30);
/// As before: so many answers in a row, each within this, in milliseconds.
const IN_A_ROW: usize = 20;
const AS_BEFORE_MILLIS: f64 = 100.0;

/// The flood.
///
/// # Errors
/// The service cannot be run at all.
pub async fn flooded(setting: &Setting) -> Outcome<Tally> {
    raise_files(3 * SOCKETS)?;
    let folder = memory_folder()?;
    let mut setup = Setup::new(&setting.program, folder.path());
    setup.tables = format!(
        "[limits]\nconcurrency = {CONCURRENCY}\nqueue = {QUEUE}\nqueue_seconds = {}\n",
        QUEUE_MILLIS / 1000.0
    );
    let mut service = Service::new(&setup)?;
    service.start(&Traps::default()).await?;
    let driver = Driver::new(&service.api, "alice")?;
    let users = Driver::new(&service.api, "bob")?;
    let mut tally = Tally::default();
    for _ in 0..20 {
        driver.upload(vec![7; 100]).await?;
    }
    let bytes = Bytes::from_static(b"one of very many");
    let flood = flood(&service, &bytes)?;
    let sustained = measure(setting, &flood, &driver, &bytes, &mut tally).await?;
    let steady = Steady::start(&users, Allowed::Outages, 2, setting.seed);
    let watch = Watch::start(&service)?;
    let came = Flood {
        rate: TIMES * sustained,
        lasts: Duration::from_secs(setting.choose(5, 30)),
        sockets: SOCKETS,
        ..flood
    };
    let came = came.run().await?;
    recover(setting, &driver, &mut tally).await?;
    watch.end(setting, &mut tally).await?;
    steady.end(&mut tally).await?;
    judge(setting, &came, sustained, &mut tally);
    remember(&driver, &came.answers, &bytes);
    service.stop().await?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    machine.settle().await?;
    for journal in [&driver.journal, &users.journal] {
        oracle::inspect(&machine, journal).await?.tell(&mut tally);
    }
    machine.close().await;
    Ok(tally)
}

/// One create, which is a row on disk before it is answered, and three lists of twenty files, by turns.
fn flood(service: &Service, bytes: &Bytes) -> Outcome<Flood> {
    let address = service.api.trim_start_matches("http://").to_owned();
    let token = token::make("alice")?;
    let head = |line: &str| {
        format!("{line} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n")
    };
    let body = wish(bytes).to_string();
    let create = format!(
        "{}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        head("POST /v1/uploads"),
        body.len()
    );
    let list = format!("{}\r\n", head("GET /v1/files?limit=20"));
    let requests = [&create, &list, &list, &list];
    Ok(Flood {
        requests: requests.map(|text| text.clone().into_bytes()).to_vec(),
        address,
        sockets: CONCURRENCY,
        rate: 0.0,
        lasts: Duration::from_secs(1),
    })
}

/// How many requests are answered each second when as many are under way as are served at a time.
async fn measure(
    setting: &Setting,
    flood: &Flood,
    driver: &Driver,
    bytes: &Bytes,
    tally: &mut Tally,
) -> Outcome<f64> {
    let warm = flood.clone().run().await?;
    let mut flood = flood.clone();
    flood.lasts = Duration::from_secs(setting.choose(2, 10));
    let came = flood.run().await?;
    for one in warm.answers.iter().chain(&came.answers) {
        crate::ensure!(is_good(one.status), "{} before the flood", one.status);
    }
    remember(driver, &warm.answers, bytes);
    remember(driver, &came.answers, bytes);
    let sustained = came.rate_of(is_good);
    tally.most("sustained, requests a second", sustained);
    tally.longest("p99 then", came.millis(is_good, 0.99));
    Ok(sustained)
}

fn judge(setting: &Setting, came: &Came, sustained: f64, tally: &mut Tally) {
    tally.tried += came.answers.len() as u64 + came.unsent;
    let offered = came.answers.len() as f64 / came.seconds;
    let good = came.rate_of(is_good);
    tally.most("sent, requests a second", offered);
    tally.count("due and not sent, for no connection was free", came.unsent);
    tally.most("let in, requests a second", good);
    tally.count("let in", (good * came.seconds).round() as u64);
    let busy = came.rate_of(|status| status == 503);
    tally.count("told to come back", (busy * came.seconds).round() as u64);
    let p99 = came.millis(is_good, 0.99);
    tally.longest("p50 of those let in", came.millis(is_good, 0.5));
    tally.longest("p99 of those let in", p99);
    tally.longest(
        "p99 of the others",
        came.millis(|status| status == 503, 0.99),
    );
    let cores = came.cpu_seconds / came.seconds;
    tally.most(
        "percent of a core that the flood itself took",
        100.0 * cores,
    );
    for one in &came.answers {
        match one.status {
            status if is_good(status) => {}
            503 if one.retry_after => {}
            status => tally.wrong(format!("request {} of the flood: {status}", one.request)),
        }
    }
    if busy == 0.0 {
        tally.wrong("nobody was told to come back: there was no overload".to_owned());
    }
    if setting.scale == Scale::Long && p99 > QUEUE_MILLIS + SERVICE_MILLIS {
        tally.wrong(format!("p99 of those let in is {p99:.0} ms"));
    }
    if setting.scale == Scale::Long && good < 0.1 * sustained {
        tally.wrong(format!("{good:.0} a second of {sustained:.0} are let in"));
    }
}

fn is_good(status: u16) -> bool {
    matches!(status, 200 | 201)
}

/// Writes down what the flood created.
fn remember(driver: &Driver, answers: &[Answered], bytes: &Bytes) {
    for one in answers.iter().filter(|one| one.status == 201) {
        driver.journal.created(Entry {
            // One that was acknowledged without an id is one that nobody finds again.
            id: one.id.clone().unwrap_or_default(),
            bytes: bytes.clone(),
            requests: BTreeMap::new(),
            stored: BTreeSet::new(),
            parts: 1,
            spoiled: false,
            completed: Step::Never,
            aborted: Step::Never,
            deleted: Step::Never,
            file: None,
        });
    }
}

/// Waits until the service is as before, and says how long that took.
async fn recover(setting: &Setting, driver: &Driver, tally: &mut Tally) -> Outcome<()> {
    let watch = Stopwatch::start();
    let (mut in_a_row, mut since) = (0, 0.0);
    while in_a_row < IN_A_ROW {
        let asked = Stopwatch::start();
        let answer = driver.get("/v1/files?limit=20").await?;
        match answer.status == 200 && asked.millis() < AS_BEFORE_MILLIS {
            true => in_a_row += 1,
            false => (in_a_row, since) = (0, watch.millis()),
        }
        crate::ensure!(watch.elapsed() < GIVE_UP, "it does not recover");
    }
    tally.longest("until it was as before", since);
    if setting.scale == Scale::Long && since > RECOVERY_MILLIS {
        tally.wrong(format!("it was as before only after {since:.0} ms"));
    }
    Ok(())
}

/// What machines see meanwhile.
struct Watch {
    stop: Arc<AtomicBool>,
    probes: Vec<JoinHandle<Outcome<Probed>>>,
    memory: JoinHandle<Outcome<f64>>,
}

struct Probed {
    name: &'static str,
    asked: u64,
    longest: f64,
    wrong: Vec<String>,
}

impl Watch {
    fn start(service: &Service) -> Outcome<Self> {
        let stop = Arc::new(AtomicBool::default());
        let probes = [
            ("health", format!("{}/healthz", service.api)),
            ("readiness", format!("{}/readyz", service.api)),
            ("metrics", service.metrics.clone()),
        ];
        let probes = probes.map(|(name, url)| tokio::spawn(probe(name, url, stop.clone())));
        let memory = tokio::spawn(peak(service.pid()?, stop.clone()));
        Ok(Self {
            stop,
            probes: probes.into(),
            memory,
        })
    }

    async fn end(self, setting: &Setting, tally: &mut Tally) -> Outcome<()> {
        self.stop.store(true, Ordering::Relaxed);
        for probe in self.probes {
            let Probed {
                name,
                asked,
                longest,
                wrong,
            } = probe.await??;
            tally.count(&format!("asked for {name}"), asked);
            tally.longest(&format!("longest {name}"), longest);
            tally.broken.extend(wrong);
            if setting.scale == Scale::Long && longest > PROBE_MILLIS {
                tally.wrong(format!("{name} took {longest:.0} ms"));
            }
        }
        let rss = self.memory.await??;
        tally.most("resident MiB at most", rss);
        if rss > RSS_MIB {
            tally.wrong(format!("{rss:.0} MiB resident"));
        }
        Ok(())
    }
}

/// Asks ten times a second, over a new connection each time, as probes do.
async fn probe(name: &'static str, url: String, stop: Arc<AtomicBool>) -> Outcome<Probed> {
    let client = Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(10))
        .build()?;
    let mut probed = Probed {
        name,
        asked: 0,
        longest: 0.0,
        wrong: Vec::new(),
    };
    while !stop.load(Ordering::Relaxed) {
        let watch = Stopwatch::start();
        let answer = client.get(&url).send().await.at(name)?;
        let status = answer.status();
        let _read = answer.bytes().await.at(name)?;
        probed.asked += 1;
        probed.longest = probed.longest.max(watch.millis());
        if status != 200 {
            probed.wrong.push(format!("{name} answers {status}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(probed)
}

/// How much memory a process held at most, in MiB.
async fn peak(pid: i32, stop: Arc<AtomicBool>) -> Outcome<f64> {
    let mut peak = 0.0_f64;
    while !stop.load(Ordering::Relaxed) {
        peak = peak.max(resident_mib(pid)?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(peak)
}
