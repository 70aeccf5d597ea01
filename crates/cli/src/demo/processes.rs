//! Servers as processes: started, looked at, and ended with whoever started them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::error::DemoError;

/// What would lead a server elsewhere than its arguments say.
const MISLEADING: [&str; 5] = [
    "VALETKEY_SECRET",
    "VALETKEY_CATALOG",
    "VALETKEY_LOG",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "RUST_LOG",
];

/// A server in a process of its own, which ends when this is dropped, or when this process ends however it does.
pub(super) struct Process {
    child: Child,
    /// Where it listens.
    pub(super) url: String,
}

impl Process {
    /// Starts this binary as one of the servers; its temporary files and what it logs are in `folder`.
    pub(super) async fn start(
        name: &'static str,
        arguments: Vec<String>,
        folder: &Path,
    ) -> Result<Self, DemoError> {
        let log = folder.join(format!("{}.log", name.replace(' ', "-")));
        let stderr = File::create(&log).map_err(DemoError::folder("write", &log))?;
        let start = |source: std::io::Error| DemoError::Start {
            name,
            said: source.to_string(),
        };
        let mut command = Command::new(std::env::current_exe().map_err(start)?);
        for variable in MISLEADING {
            command.env_remove(variable);
        }
        let child = command
            .arg("demo-server")
            .args(arguments)
            .env("TMPDIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(start)?;
        let mut process = Self {
            child,
            url: String::new(),
        };
        process.url = process.first_line().await.ok_or_else(|| DemoError::Start {
            name,
            said: last_line(&log),
        })?;
        Ok(process)
    }

    /// What it prints first: its address.
    async fn first_line(&mut self) -> Option<String> {
        let stdout = self.child.stdout.take()?;
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).ok()?;
            Some(line)
        });
        let line = read.await.ok()??.trim().to_owned();
        line.starts_with("http://").then_some(line)
    }

    /// The processor time it used so far; none where the system does not tell.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        let folder = format!("/proc/{}", self.child.id());
        let ticks = ticks(&std::fs::read_to_string(format!("{folder}/stat")).ok()?)?;
        // Ticks are rounded down; the scheduler's own count is exact, but forgets threads that ended. Neither says
        // too much, so the larger is nearer.
        let exact = std::fs::read_dir(format!("{folder}/task")).map(|tasks| {
            let times = tasks.flatten().filter_map(|task| {
                let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
                text.split_whitespace().next()?.parse::<u64>().ok()
            });
            Duration::from_nanos(times.sum())
        });
        Some(ticks.max(exact.unwrap_or_default()))
    }

    /// Forgets the most memory it had.
    pub(super) fn forget_peak(&self) {
        // Where it may not be forgotten, the peak is that of all runs so far.
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").ok();
    }

    /// The most memory it had since, in bytes; none where the system does not tell.
    pub(super) fn peak(&self) -> Option<u64> {
        peak(&std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// User and system time of `/proc/PID/stat`, fields 14 and 15 (proc_pid_stat(5)). A tick is a hundredth of a second
/// on every platform Linux has kept (`USER_HZ`).
fn ticks(stat: &str) -> Option<Duration> {
    // The second field is the name, in parentheses, and may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

/// `VmHWM` of `/proc/PID/status`, which is told in kibibytes (proc_pid_status(5)).
fn peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 12 3 0 0 20 0 5 0 100 1 2";
        assert_eq!(ticks(stat), Some(Duration::from_millis(150)));
        assert_eq!(ticks("7"), None);
        let status = "Name:\tvaletkey\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak(status), Some(2 << 20));
        assert_eq!(peak("Name:\tvaletkey\n"), None);
    }
}
