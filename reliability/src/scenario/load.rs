//! Told to end while it is busy, it loses no acknowledgement; and those who hold on to connections keep nobody
//! else waiting.

use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock::{self, Stopwatch};
use crate::dice::Dice;
use crate::driver::Driver;
use crate::ensure;
use crate::error::{At, Outcome};
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::report::{Scale, Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::service::{Service, Setup};

/// It ends within this, in milliseconds.
const END_MILLIS: f64 = 10_000.0;
/// Health answers within this, in milliseconds, on a machine that does nothing else.
const HEALTH_MILLIS: f64 = 100.0;
/// How many clients work at the same time.
const CLIENTS: u64 = 8;
/// How few files a service may have open.
const FILES: usize = 512;
/// What it may hold beside two thousand connections or more, in MiB.
const RSS_MIB: f64 = 256.0;
/// Longer than a head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(11);

/// SIGTERM under load, again and again.
///
/// # Errors
/// The service cannot be run at all.
pub async fn ends(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    let driver = Driver::new(&service.api, "alice")?;
    let mut tally = Tally::default();
    let mut dice = Dice::part(setting.seed, 30);
    for life in 0..setting.choose(3, 50) {
        service.start(&Traps::default()).await?;
        let clients = (0..CLIENTS).map(|number| {
            let dice = Dice::part(setting.seed, 100_000 + 1000 * life + number);
            tokio::spawn(work(driver.clone(), dice))
        });
        let clients: Vec<_> = clients.collect();
        tokio::time::sleep(Duration::from_millis(50 + dice.below(200) as u64)).await;
        let took = service.stop().await?.as_secs_f64() * 1000.0;
        tally.tried += 1;
        tally.longest("longest end", took);
        if took > END_MILLIS {
            tally.wrong(format!("it ended only after {took:.0} ms"));
        }
        for client in join_all(clients).await {
            let (done, cut) = client?;
            tally.count("verbs acknowledged", done);
            if let Some(status) = cut {
                tally.wrong(format!("a client was answered {status}"));
            }
        }
    }
    service.start(&Traps::default()).await?;
    match driver.check_acknowledged().await {
        Ok(checked) => tally.count("acknowledged files asked for", checked),
        Err(error) => tally.wrong(error.to_string()),
    }
    service.stop().await?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &driver.journal).await?;
    findings.tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

/// Uploads until the service takes no more; how many verbs were acknowledged, and an answer that was none of a
/// service that ends.
async fn work(driver: Driver, mut dice: Dice) -> (u64, Option<u16>) {
    let mut done = 0;
    loop {
        let size = 1 + dice.below(20_000);
        let Ok(id) = driver.create(dice.bytes(size)).await else {
            return (done, None);
        };
        done += 1;
        if driver.put(&id).await.is_err() {
            return (done, None);
        }
        done += 1;
        match driver.complete(&id).await {
            Ok(answer) if answer.status == 200 => done += 1,
            // It may not get to the end of it, and says so.
            Ok(answer) if matches!(answer.status, 202 | 503) => return (done, None),
            Ok(answer) => return (done, Some(answer.status)),
            Err(_) => return (done, None),
        }
    }
}

/// Clients that open connections and say nothing, or a byte now and then: to a service that may open few files, and
/// to one that may open as many as there are connections.
///
/// # Errors
/// The service cannot be run at all.
pub async fn idlers(setting: &Setting) -> Outcome<Tally> {
    let mut tally = Tally::default();
    let many = setting.choose(2000, 10_000);
    raise_files(many + 1000)?;
    crowd(setting, FILES, many, "with 512 files", &mut tally).await?;
    crowd(setting, many + 4000, many, "with files enough", &mut tally).await?;
    Ok(tally)
}

async fn crowd(
    setting: &Setting,
    files: usize,
    idlers: usize,
    name: &str,
    tally: &mut Tally,
) -> Outcome<()> {
    let folder = memory_folder()?;
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    let script = format!("ulimit -n {files} && exec \"$@\"");
    service.under(&["sh", "-c", &script, "sh"]);
    service.start(&Traps::default()).await?;
    let driver = Driver::new(&service.api, "alice")?;
    let address = service.api.trim_start_matches("http://").to_owned();
    let mut open = idle(&address, idlers).await?;
    tally.count("idle and slow connections", idlers as u64);
    let health = format!("longest health beside them {name}");
    measure(&driver, &health, tally).await?;
    let slowest = tally.figures.iter().find(|figure| figure.name == health);
    let slowest = slowest.map_or(0.0, |figure| figure.value);
    if setting.scale == Scale::Long && slowest > HEALTH_MILLIS {
        tally.wrong(format!("{name}: health took {slowest:.0} ms"));
    }
    let uploaded = driver.upload(vec![7; 100]).await;
    ensure!(
        uploaded.is_ok(),
        "{name}: no upload beside idle connections"
    );
    let rss = resident_mib(service.pid()?)?;
    tally.most(&format!("resident MiB beside them {name}"), rss);
    if rss > RSS_MIB {
        tally.wrong(format!("{name}: {rss:.0} MiB resident"));
    }
    tokio::time::sleep(HEAD_TIMEOUT).await;
    let mut left = 0;
    for stream in &mut open {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut byte));
        left += u64::from(read.await.is_err());
    }
    if left > 0 {
        tally.wrong(format!("{name}: {left} idle connections are still open"));
    }
    driver.upload(vec![8; 100]).await?;
    service.stop().await?;
    Ok(())
}

/// Lets this process open so many files.
pub(crate) fn raise_files(wanted: usize) -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(wanted)?;
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    setrlimit(Resource::Nofile, raised).at("this scenario needs more open files")
}

/// How much memory a process holds, in MiB.
pub(crate) fn resident_mib(pid: i32) -> Outcome<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.at("VmRSS")?.parse::<f64>()? / 1024.0)
}

async fn measure(driver: &Driver, name: &str, tally: &mut Tally) -> Outcome<()> {
    for _ in 0..50 {
        let watch = Stopwatch::start();
        let health = driver.get("/healthz").await?;
        ensure!(health.status == 200, "health: {}", health.status);
        tally.tried += 1;
        tally.longest(name, watch.millis());
    }
    Ok(())
}

/// Opens connections: every other one sends the beginning of a request.
async fn idle(address: &str, count: usize) -> Outcome<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        if number % 2 == 0 {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nx-slow: ")
                .await?;
        }
        open.push(stream);
    }
    Ok(open)
}
