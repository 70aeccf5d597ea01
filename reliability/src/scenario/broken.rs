//! A disk that fails: what cannot be written is not acknowledged, what only needs the catalog's memory is answered,
//! and all is well again when the disk is, without a restart.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::{self, Stopwatch};
use crate::dice::Dice;
use crate::driver::{Driver, wish};
use crate::ensure;
use crate::error::{At, Outcome};
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::scenario::histories::memory_folder;
use crate::scenario::script::ONE_PART;
use crate::service::{Service, Setup};

/// The ways in which the disk fails, in the words of `strace`: which calls, and which of them.
const FAILURES: [&str; 4] = [
    "inject=fsync,fdatasync:error=EIO",
    "inject=pwrite64:error=EIO",
    "inject=fsync,fdatasync:error=EIO:when=2+3",
    "inject=pwrite64:error=EIO:when=3+7",
];
/// How many rounds of verbs are tried while it fails.
const ROUNDS: usize = 6;
/// How long it may take until all is well again.
const HEAL: Duration = Duration::from_secs(30);

/// Lets the disk of a running service fail in every way, one after the other.
///
/// # Errors
/// `strace` is not there or may not trace, or the service cannot be run.
pub async fn disk(setting: &Setting) -> Outcome<Tally> {
    let folder = memory_folder()?;
    let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
    service.start(&Traps::default()).await?;
    let driver = Driver::new(&service.api, "alice")?;
    let mut dice = Dice::part(setting.seed, 41);
    let mut tally = Tally::default();
    for _ in 0..setting.choose(1, 10) {
        for failure in FAILURES {
            fail(&service, &driver, failure, &mut dice, &mut tally)
                .await
                .at(failure)?;
            tally.tried += 1;
        }
    }
    driver.check_acknowledged().await?;
    service.stop().await?;
    let machine = Machine::open(Opening::new(folder.path(), clock::now())).await?;
    machine.settle().await?;
    oracle::inspect(&machine, &driver.journal)
        .await?
        .tell(&mut tally);
    machine.close().await;
    Ok(tally)
}

async fn fail(
    service: &Service,
    driver: &Driver,
    failure: &str,
    dice: &mut Dice,
    tally: &mut Tally,
) -> Outcome<()> {
    let kept = driver.upload(dice.bytes(800)).await?;
    let open = driver.create(dice.bytes(900)).await?;
    let strace = Strace::attach(service.pid()?, failure).await?;
    for _ in 0..ROUNDS {
        for size in [700, ONE_PART] {
            attempt(driver, dice.bytes(size), tally).await?;
        }
        // These write nothing.
        for path in ["/v1/files", &format!("/v1/files/{kept}"), "/healthz"] {
            let answer = driver.get(path).await?;
            if answer.status != 200 {
                tally.wrong(format!("{failure}: GET {path}: {}", answer.status));
            }
            tally.count("reads on a failing disk", 1);
        }
    }
    strace.detach()?;
    let watch = Stopwatch::start();
    loop {
        match driver.upload(dice.bytes(400)).await {
            Ok(id) => break driver.check_file(&id).await?,
            Err(error) if watch.elapsed() > HEAL => return Err(error.at("it does not heal")),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    tally.longest("longest until writes were taken again", watch.millis());
    driver.put(&open).await?;
    driver.complete(&open).await?.expect(200)?;
    driver.check_file(&open).await?;
    driver.check_file(&kept).await
}

/// One upload as far as it goes. What is acknowledged is in the journal; everything else must be said to be an outage.
async fn attempt(driver: &Driver, bytes: Vec<u8>, tally: &mut Tally) -> Outcome<()> {
    let created = driver.post("/v1/uploads", &wish(&bytes)).await?;
    if created.status != 201 {
        judge("create", created.status, &created.code(), tally);
        return Ok(());
    }
    tally.count("verbs acknowledged on a failing disk", 1);
    let id = driver.remember(&created.json(), bytes.into());
    if driver.put(&id).await.is_err() {
        tally.count("PUTs refused by the store", 1);
        return Ok(());
    }
    let completed = driver.complete(&id).await?;
    match completed.status {
        200 => tally.count("verbs acknowledged on a failing disk", 1),
        status => judge("complete", status, &completed.code(), tally),
    }
    Ok(())
}

fn judge(verb: &str, status: u16, code: &str, tally: &mut Tally) {
    let outage = ["catalog_unavailable", "storage_unavailable", "storage_full"].contains(&code);
    // A verification may go on after its answer.
    if outage || status == 202 {
        tally.count("verbs refused as an outage", 1);
    } else {
        tally.wrong(format!("{verb} on a failing disk: {status} {code}"));
    }
}

/// A tracer that makes calls fail for as long as it is attached.
struct Strace(Child);

impl Strace {
    async fn attach(pid: i32, failure: &str) -> Outcome<Self> {
        let child = Command::new("strace")
            .args([
                "-f",
                "-q",
                "-o",
                "/dev/null",
                "-e",
                "trace=fsync,fdatasync,pwrite64",
                "-e",
                failure,
            ])
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .at("strace is needed: apt-get install strace")?;
        let attached = Self(child);
        let watch = Stopwatch::start();
        while !traced(pid)? {
            ensure!(watch.elapsed() < HEAL, "strace may not trace the service");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(attached)
    }

    fn detach(mut self) -> Outcome<()> {
        let pid = Pid::from_raw(i32::try_from(self.0.id())?).at("a process id")?;
        kill_process(pid, Signal::INT)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Strace {
    /// A scenario that ends early must not leave it behind.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether every thread of a process is traced, as the kernel says.
fn traced(pid: i32) -> Outcome<bool> {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(thread?.path().join("status"))?;
        if status.contains("TracerPid:\t0\n") {
            return Ok(false);
        }
    }
    Ok(true)
}
