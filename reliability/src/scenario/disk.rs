//! The disk is full: writes are refused as `storage_full`, reads go on, and all is well again when there is room,
//! without a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::clock::{self, Stopwatch};
use crate::dice::Dice;
use crate::driver::Driver;
use crate::ensure;
use crate::error::{At, Failure, Outcome};
use crate::journal::Step;
use crate::machine::{Machine, Opening};
use crate::oracle;
use crate::points::Traps;
use crate::report::{Setting, Tally};
use crate::service::{Service, Setup};

/// The size of the disk.
const DISK: &str = "size=32m";
/// What is put on it before, to be taken away again.
const FILLER: usize = 21 * 1024 * 1024;
/// At most so many uploads are tried before it must be full.
const TRIES: usize = 20_000;
/// How long it may take to heal.
const HEAL: Duration = Duration::from_secs(30);

/// Fills a disk of 32 MiB with bytes, and another with rows.
///
/// # Errors
/// A disk of its own cannot be had on this machine, or the service cannot be run.
pub async fn full(setting: &Setting) -> Outcome<Tally> {
    let allowed = Command::new("unshare").args(["-rm", "true"]).output();
    ensure!(
        allowed.is_ok_and(|output| output.status.success()),
        "a disk of its own needs `unshare -rm`, which this machine does not allow"
    );
    let mut tally = Tally::default();
    for round in 0..setting.choose(1, 3) {
        for with_bytes in [true, false] {
            let mut dice = Dice::part(setting.seed, 60 + round);
            fill(setting, with_bytes, &mut dice, &mut tally)
                .await
                .at(match with_bytes {
                    true => "full of bytes",
                    false => "full of rows",
                })?;
        }
    }
    Ok(tally)
}

/// A service whose folder is a small disk that only it can see.
struct Disk {
    service: Service,
    folder: TempDir,
}

impl Disk {
    async fn start(setting: &Setting) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let mut service = Service::new(&Setup::new(&setting.program, folder.path()))?;
        let path = folder.path().display();
        let script = format!(
            "cp -r '{path}' /dev/shm/$$ && mount -t tmpfs -o {DISK} none '{path}' && \
             cp /dev/shm/$$/* '{path}' && rm -r /dev/shm/$$ && exec \"$@\""
        );
        service.under(&["unshare", "-rm", "sh", "-c", &script, "sh"]);
        service.start(&Traps::default()).await?;
        Ok(Self { service, folder })
    }

    /// The disk, as this process can reach it.
    fn path(&self) -> Outcome<PathBuf> {
        let root = PathBuf::from(format!("/proc/{}/root", self.service.pid()?));
        Ok(root.join(self.folder.path().strip_prefix("/")?))
    }
}

async fn fill(
    setting: &Setting,
    with_bytes: bool,
    dice: &mut Dice,
    tally: &mut Tally,
) -> Outcome<()> {
    let disk = Disk::start(setting).await?;
    let filler = disk.path()?.join("filler");
    fs::write(&filler, vec![1; FILLER]).at("the filler")?;
    let driver = Driver::new(&disk.service.api, "alice")?;
    let kept = driver.upload(dice.bytes(5000)).await?;
    let doomed = driver.upload(dice.bytes(5000)).await?;
    let mut refused = None;
    for number in 0..TRIES {
        match one_more(&driver, with_bytes, dice).await {
            Ok(()) => {}
            Err(code) => {
                tally.count("writes before the disk was full", number as u64);
                refused = Some(code);
                break;
            }
        }
    }
    let code = refused.at("a refusal of a full disk")?;
    tally.tried += 1;
    if code != "storage_full" {
        tally.wrong(format!("a full disk is refused as {code}"));
    }
    for _ in 0..5 {
        driver.check_file(&kept).await.or_else(|error| {
            // A download is counted, and that is a write; looking is none.
            tally.wrong(format!("reading on a full disk: {error}"));
            Ok::<_, Failure>(())
        })?;
        let listed = driver.get("/v1/files").await?;
        let health = driver.get("/healthz").await?;
        if listed.status != 200 || health.status != 200 {
            tally.wrong(format!("list {}, health {}", listed.status, health.status));
        }
        tally.count("reads on a full disk", 3);
    }
    let deleted = driver.delete(&doomed).await?;
    tally.count(
        "deletions on a full disk that were taken",
        u64::from(deleted.status == 204),
    );
    tally.count(
        "deletions on a full disk that were refused",
        u64::from(deleted.status != 204),
    );
    fs::remove_file(&filler)?;
    let watch = Stopwatch::start();
    loop {
        let works = driver.upload(dice.bytes(3000)).await;
        match works {
            Ok(id) => break driver.check_file(&id).await?,
            Err(error) if watch.elapsed() > HEAL => return Err(error.at("it does not heal")),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    tally.longest("longest until writes were taken again", watch.millis());
    driver.check_acknowledged().await?;
    judge(disk, &driver, tally).await
}

/// One more write; the code of the problem when it is refused.
async fn one_more(driver: &Driver, with_bytes: bool, dice: &mut Dice) -> Result<(), String> {
    let size = match with_bytes {
        true => 500_000,
        false => 10,
    };
    let text = |error: Failure| error.to_string();
    let bytes = dice.bytes(size);
    let answer = driver
        .post("/v1/uploads", &crate::driver::wish(&bytes))
        .await;
    let answer = answer.map_err(text)?;
    if answer.status != 201 {
        return Err(answer.code());
    }
    let id = driver.remember(&answer.json(), bytes.into());
    if !with_bytes {
        return Ok(());
    }
    if driver.put(&id).await.is_err() {
        // Storage has said so itself; the API is asked what it says of it.
        return Err(match driver.complete(&id).await {
            Ok(answer) if answer.code() == "upload_incomplete" => storage_code(driver, &id).await,
            Ok(answer) => answer.code(),
            Err(error) => error.to_string(),
        });
    }
    let answer = driver.complete(&id).await.map_err(text)?;
    match answer.status {
        200 => Ok(()),
        _ => Err(answer.code()),
    }
}

/// What storage answers to a PUT on a full disk, in the words of the API.
async fn storage_code(driver: &Driver, id: &str) -> String {
    let Some(entry) = driver.journal.find(id) else {
        return "unknown".to_owned();
    };
    let (request, bytes) = entry.requests[&1].clone();
    match driver.send(&request, bytes).await {
        Ok(answer) if answer.status == 507 => "storage_full".to_owned(),
        Ok(answer) => format!(
            "{} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        ),
        Err(error) => error.to_string(),
    }
}

/// Copies the disk out, lets everything settle, and judges.
async fn judge(mut disk: Disk, driver: &Driver, tally: &mut Tally) -> Outcome<()> {
    let copy = TempDir::new()?;
    disk.service.signal(rustix::process::Signal::STOP)?;
    copy_all(&disk.path()?, copy.path())?;
    disk.service.signal(rustix::process::Signal::CONT)?;
    disk.service.stop().await?;
    let machine = Machine::open(Opening::new(copy.path(), clock::now())).await?;
    machine.settle().await?;
    let findings = oracle::inspect(&machine, &driver.journal).await?;
    let acknowledged = driver.journal.all();
    let acknowledged = acknowledged
        .iter()
        .filter(|one| one.completed == Step::Done);
    tally.count("completions acknowledged", acknowledged.count() as u64);
    findings.tell(tally);
    machine.close().await;
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Outcome<()> {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to)
        .status()?;
    ensure!(status.success(), "cp ended with {status}");
    Ok(())
}
