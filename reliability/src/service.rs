//! The real server as a process: started, killed, stopped for a while, and started again on the same ports.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::catalog;
use crate::clock::Stopwatch;
use crate::error::{At, Failure, Outcome};
use crate::points::Traps;
use crate::token;

/// How long a start may take before it counts as failed.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What every service here signs receipts with: the example of RFC 8410 §10.3.
const RECEIPT_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

/// What a service is set up with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The binary of this package.
    pub program: PathBuf,
    /// Everything it keeps is here, but for a catalog that [`catalog::note`] put elsewhere.
    pub folder: PathBuf,
    /// Where clients reach it; its own address when empty.
    pub public_url: String,
    /// More lines for the configuration: of the bucket `files`, and below `[buckets.files.rules]`.
    pub bucket: String,
    /// More rules.
    pub rules: String,
    /// More tables.
    pub tables: String,
}

impl Setup {
    /// A service with the embedded store.
    pub fn new(program: &Path, folder: &Path) -> Self {
        Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            public_url: String::new(),
            bucket: String::new(),
            rules: String::new(),
            tables: String::new(),
        }
    }
}

/// A server process and its addresses, which stay the same for all its lives.
#[derive(Debug)]
pub struct Service {
    /// The URL of the API.
    pub api: String,
    /// The URL of its embedded store.
    pub store: String,
    /// The URL of its metrics.
    pub metrics: String,
    /// Everything it keeps is here.
    pub folder: PathBuf,
    program: PathBuf,
    config: PathBuf,
    wrapper: Vec<String>,
    child: Option<Child>,
}

impl Service {
    /// Writes its configuration; it does not run yet.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(setup: &Setup) -> Outcome<Self> {
        fs::create_dir_all(&setup.folder).at(setup.folder.display())?;
        let (api, store, metrics) = (free_port()?, free_port()?, free_port()?);
        let folder = setup.folder.display();
        let receipts = setup.folder.join("receipt-key.pem");
        fs::write(&receipts, RECEIPT_KEY)?;
        let text = format!(
            "listen = \"127.0.0.1:{api}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\n\
             public_url = \"{public_url}\"\n\
             catalog = \"{catalog}\"\n\
             [auth]\nsecret = \"{secret}\"\nissuer = \"{issuer}\"\naudience = \"{audience}\"\n\
             [receipts]\nkey_file = \"{receipts}\"\n\
             [embedded]\ndata_dir = \"{folder}\"\nlisten = \"127.0.0.1:{store}\"\n\
             [buckets.files]\n{bucket}\n\
             [buckets.files.rules]\nsingle_limit = 1048576\npart_size = 5242880\nmax_open_uploads = 100000\n{rules}\n\
             {tables}\n",
            public_url = setup.public_url,
            catalog = catalog::of(&setup.folder),
            receipts = receipts.display(),
            secret = token::SECRET,
            issuer = token::ISSUER,
            audience = token::AUDIENCE,
            bucket = setup.bucket,
            rules = setup.rules,
            tables = setup.tables,
        );
        let config = setup.folder.join("config.toml");
        fs::write(&config, text)?;
        Ok(Self {
            api: format!("http://127.0.0.1:{api}"),
            store: format!("http://127.0.0.1:{store}"),
            metrics: format!("http://127.0.0.1:{metrics}/metrics"),
            folder: setup.folder.clone(),
            program: setup.program.clone(),
            config,
            wrapper: Vec::new(),
            child: None,
        })
    }

    /// Runs it under another command from the next start on, such as `strace -f`, which must `exec` it or
    /// wait for it.
    pub fn under(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Starts it and waits until it is ready; gives how long that took.
    ///
    /// # Errors
    /// It ended, or is not ready in time.
    pub async fn start(&mut self, traps: &Traps) -> Outcome<Duration> {
        let watch = Stopwatch::start();
        self.spawn(traps)?;
        let client = reqwest::Client::new();
        let url = format!("{}/readyz", self.api);
        loop {
            if let Ok(answer) = client.get(&url).send().await
                && answer.status() == 200
            {
                return Ok(watch.elapsed());
            }
            if let Some(status) = self.child()?.try_wait()? {
                self.child = None;
                return Err(Failure::new(format!(
                    "it ended with {status}: {}",
                    self.log()
                )));
            }
            if watch.elapsed() > START_LIMIT {
                return Err(Failure::new(format!("it is not ready: {}", self.log())));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts it and does not wait.
    ///
    /// # Errors
    /// The process cannot be made.
    pub fn spawn(&mut self, traps: &Traps) -> Outcome<()> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.folder.join("log"))?;
        let mut words = self.wrapper.clone();
        words.push(self.program.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("serve").arg(&self.config);
        add_traps(&mut command, traps);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .at(&words[0])?;
        self.child = Some(child);
        Ok(())
    }

    /// Its process id.
    ///
    /// # Errors
    /// It does not run.
    pub fn pid(&self) -> Outcome<i32> {
        let id = self.child.as_ref().and_then(Child::id).at("the process")?;
        Ok(i32::try_from(id)?)
    }

    /// Kills it at once (SIGKILL).
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self) -> Outcome<()> {
        let mut child = self.child.take().at("the process")?;
        child.kill().await?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits; gives how long that took.
    ///
    /// # Errors
    /// It does not run, or ends badly.
    pub async fn stop(&mut self) -> Outcome<Duration> {
        let watch = Stopwatch::start();
        self.signal(Signal::TERM)?;
        let mut child = self.child.take().at("the process")?;
        let status = child.wait().await?;
        crate::ensure!(status.success(), "it ended with {status}: {}", self.log());
        Ok(watch.elapsed())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It does not run.
    pub fn signal(&self, signal: Signal) -> Outcome<()> {
        let pid = Pid::from_raw(self.pid()?).at("a process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Whether a trap killed it by now.
    ///
    /// # Errors
    /// It ended in another way.
    pub fn has_crashed(&mut self) -> Outcome<bool> {
        let Some(child) = &mut self.child else {
            return Ok(true);
        };
        let Some(status) = child.try_wait()? else {
            return Ok(false);
        };
        self.child = None;
        crate::ensure!(
            status.signal() == Some(9),
            "it ended with {status} instead of being killed: {}",
            self.log()
        );
        Ok(true)
    }

    /// Whether a trap stopped it (SIGSTOP), as the kernel says.
    ///
    /// # Errors
    /// It does not run.
    pub fn is_stopped(&self) -> Outcome<bool> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        let state = stat.rsplit(')').next().unwrap_or_default();
        Ok(state.trim_start().starts_with('T'))
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(6).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn child(&mut self) -> Outcome<&mut Child> {
        self.child.as_mut().at("the process")
    }
}

/// Hands traps to a process of this package.
pub fn add_traps(command: &mut Command, traps: &Traps) {
    for (flag, trap) in [("--crash-at", &traps.crash), ("--stop-at", &traps.stop)] {
        if let Some(trap) = trap {
            command.arg(flag).arg(trap.to_string());
        }
    }
    if let Some((trap, pid_file)) = &traps.fell {
        command.arg("--fell-at").arg(trap.to_string());
        command.arg("--fell").arg(pid_file);
    }
    if let Some(record) = &traps.record {
        command.arg("--record").arg(record);
    }
}

/// A port below those the kernel gives to anybody, so that it is still free at the next start.
fn free_port() -> Outcome<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 600)? * 20;
    for _ in 0..12_000 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (begin + number) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Failure::new("no port is free from 20000 to 31999"))
}
