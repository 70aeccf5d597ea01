//! A PostgreSQL of one's own, by `scripts/postgres`: databases in it, a standby behind it, and its end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio_postgres::{Client, NoTls};

use crate::clock::Stopwatch;
use crate::error::{At, Failure, Outcome};
use crate::scenario::histories::memory_folder;

/// What starts and stops it.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
/// How long it may take to start once more, or to follow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of PostgreSQL, until it is dropped.
#[derive(Debug)]
pub struct Postgres {
    /// The URL of the database it is made with.
    pub url: String,
    folder: TempDir,
    made: AtomicU32,
}

impl Postgres {
    /// Makes one and starts it. What was committed survives its crashes, and not those of the machine.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub async fn start() -> Outcome<Self> {
        let folder = memory_folder()?;
        let url = script("start", folder.path(), &[]).await?;
        Ok(Self {
            url,
            folder,
            made: AtomicU32::new(0),
        })
    }

    /// Makes a standby of it without which nothing is committed from then on.
    ///
    /// # Errors
    /// It does not start, or does not follow.
    pub async fn standby(&self) -> Outcome<Self> {
        let folder = memory_folder()?;
        let primary = self.folder.path().display().to_string();
        let url = script("standby", folder.path(), &[&primary]).await?;
        let standby = Self {
            url,
            folder,
            made: AtomicU32::new(0),
        };
        let admin = connect(&self.url).await?;
        for sql in [
            "ALTER SYSTEM SET synchronous_standby_names = 'standby'",
            "ALTER SYSTEM SET synchronous_commit = 'on'",
            "SELECT pg_reload_conf()",
        ] {
            admin.batch_execute(sql).await?;
        }
        let sql = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        let watch = Stopwatch::start();
        while admin.query(sql, &[]).await?.is_empty() {
            crate::ensure!(watch.elapsed() < PATIENCE, "the standby does not follow");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(standby)
    }

    /// The URL of both, of which one takes writes.
    ///
    /// # Errors
    /// A URL has no port.
    pub fn with_standby(&self, standby: &Self) -> Outcome<String> {
        let (before, here) = self.url.split_once("127.0.0.1").at("the address")?;
        let (_, there) = standby.url.split_once("127.0.0.1").at("the address")?;
        let (port, _) = here.split_once('/').at("the database")?;
        let parameter = "target_session_attrs=read-write";
        Ok(format!(
            "{before}127.0.0.1{port},127.0.0.1{there}?{parameter}"
        ))
    }

    /// Lets a standby take writes.
    ///
    /// # Errors
    /// It is none.
    pub async fn promote(&self) -> Outcome<()> {
        script("promote", self.folder.path(), &[]).await.map(drop)
    }

    /// Makes a database in it, empty or as another one is; gives its URL.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn database(&self, like: Option<&str>) -> Outcome<String> {
        let name = format!("case_{}", self.made.fetch_add(1, Ordering::Relaxed));
        let template = like.map_or("template0", name_of);
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        let admin = connect(&self.url).await?;
        let watch = Stopwatch::start();
        // Whoever had the other one open may not be quite gone.
        while let Err(error) = admin.batch_execute(&sql).await {
            let patient = like.is_some() && watch.elapsed() < PATIENCE;
            crate::ensure!(patient, "{sql}: {}", Failure::from(error));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (server, _) = self.url.rsplit_once('/').at("the database")?;
        Ok(format!("{server}/{name}"))
    }

    /// Forgets a database, whoever still has it open.
    ///
    /// # Errors
    /// It is not there.
    pub async fn forget(&self, url: &str) -> Outcome<()> {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", name_of(url));
        Ok(connect(&self.url).await?.batch_execute(&sql).await?)
    }

    /// Restarts it at once, as after a crash: `pg_ctl restart -m immediate`.
    ///
    /// # Errors
    /// It does not start again.
    pub async fn restart(&self) -> Outcome<()> {
        script("restart", self.folder.path(), &["immediate"])
            .await
            .map(drop)
    }

    /// Kills its first process (SIGKILL).
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&self) -> Outcome<()> {
        script("kill", self.folder.path(), &[]).await.map(drop)
    }

    /// Starts it again after it was killed; what its first process left behind ends a moment later.
    ///
    /// # Errors
    /// It does not start.
    pub async fn again(&self) -> Outcome<()> {
        let watch = Stopwatch::start();
        loop {
            match script("start", self.folder.path(), &[]).await {
                Ok(_) => return Ok(()),
                Err(error) if watch.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The file whose first line is the id of its first process.
    pub fn pid_file(&self) -> PathBuf {
        self.folder.path().join("data/postmaster.pid")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may be down already.
        let _ = std::process::Command::new(PROGRAM)
            .arg("stop")
            .arg(self.folder.path())
            .arg("immediate")
            .output();
    }
}

/// A connection for whoever looks after the database.
async fn connect(url: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

async fn script(command: &str, folder: &Path, words: &[&str]) -> Outcome<String> {
    let output = Command::new(PROGRAM)
        .arg(command)
        .arg(folder)
        .args(words)
        .output()
        .await
        .at(PROGRAM)?;
    let said = String::from_utf8_lossy(&output.stderr);
    crate::ensure!(output.status.success(), "PostgreSQL, {command}: {said}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
