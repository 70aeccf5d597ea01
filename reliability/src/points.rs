//! Fail points: which there are, and what happens when one is reached.
//!
//! Their names are read from the sources, so that a new one takes part without being added anywhere.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::error::{At, Failure, Outcome};

/// The rooms whose names fail points begin with.
const ROOMS: [&str; 5] = ["catalog", "embedded", "engine", "server", "store"];

/// What happens at the n-th time that a fail point is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// Which fail point.
    pub point: String,
    /// Which time, from 1.
    pub nth: u64,
}

impl FromStr for Trap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=');
        let trap = parts.and_then(|(point, nth)| {
            Some(Self {
                point: point.to_owned(),
                nth: nth.parse().ok().filter(|nth| *nth > 0)?,
            })
        });
        trap.ok_or_else(|| "write it like store.copy.after=3".to_owned())
    }
}

impl std::fmt::Display for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.point, self.nth)
    }
}

/// What a process does at its fail points.
#[derive(Debug, Clone, Default)]
pub struct Traps {
    /// Where it dies, at once and without a word.
    pub crash: Option<Trap>,
    /// Where it stops (SIGSTOP) until it is told to go on.
    pub stop: Option<Trap>,
    /// Where it kills another process, whose id is the first line of this file.
    pub fell: Option<(Trap, PathBuf)>,
    /// Where it writes down every fail point it reaches, one a line.
    pub record: Option<PathBuf>,
}

/// Sets the traps of this process.
///
/// # Errors
/// The sources or the record cannot be opened, or fail points are not compiled in.
pub fn set(traps: &Traps) -> Outcome<()> {
    if !fail::has_failpoints() {
        return Err(Failure::new("this binary was built without fail points"));
    }
    let names = names()?;
    let fell = traps.fell.as_ref().map(|(trap, _)| trap);
    for trap in [traps.crash.as_ref(), traps.stop.as_ref(), fell]
        .into_iter()
        .flatten()
    {
        crate::ensure!(
            names.contains(&trap.point),
            "there is no fail point {}",
            trap.point
        );
    }
    let record = match &traps.record {
        Some(path) => Some(Arc::new(
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .at(path.display())?,
        )),
        None => None,
    };
    for name in names {
        let is_here = |trap: &Option<Trap>| trap.clone().filter(|trap| trap.point == name);
        let (crash, stop) = (is_here(&traps.crash), is_here(&traps.stop));
        let fell = traps.fell.clone().filter(|(trap, _)| trap.point == name);
        let record = record.clone();
        let (line, reached) = (format!("{name}\n"), AtomicU64::new(0));
        let act = move || {
            let nth = reached.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(mut record) = record.as_deref() {
                // One write of a short line to a file that is appended to is never torn.
                let _ = record.write_all(line.as_bytes());
            }
            let strikes = |trap: &Option<Trap>| trap.as_ref().is_some_and(|trap| trap.nth == nth);
            if let Some((trap, pid_file)) = &fell
                && trap.nth == nth
            {
                kill_other(pid_file);
            }
            if strikes(&crash) {
                strike(Signal::KILL);
            }
            if strikes(&stop) {
                strike(Signal::STOP);
            }
        };
        fail::cfg_callback(name, act).map_err(Failure::new)?;
    }
    Ok(())
}

/// Sends this process a signal. The kernel may hand it to another thread first, so this one waits for it: nothing
/// behind the fail point is done any more, or before the process goes on.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread must not go on, whatever waits for it"
)]
fn strike(signal: Signal) {
    let _ = kill_process(getpid(), signal);
    std::thread::sleep(Duration::from_millis(100));
}

/// Kills the process whose id is the first line of a file, if there is one.
fn kill_other(pid_file: &Path) {
    let text = fs::read_to_string(pid_file).unwrap_or_default();
    let id = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok());
    if let Some(pid) = id.and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Every name of a fail point in the sources of the service, and perhaps some that none has.
///
/// # Errors
/// The sources cannot be read, or name none.
pub fn names() -> Outcome<BTreeSet<String>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&crates).at(crates.display())? {
        names.extend(names_in(&sources(entry?.path().join("src"))?));
    }
    crate::ensure!(!names.is_empty(), "the sources have no fail points");
    Ok(names)
}

/// All sources of one crate, one after the other.
fn sources(folder: PathBuf) -> Outcome<String> {
    let mut text = String::new();
    let mut waiting = vec![folder];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).at(folder.display())? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&fs::read_to_string(&path).at(path.display())?);
            }
        }
    }
    Ok(text)
}

/// Every text literal that looks like the name of a fail point, and every name that can be put together from the
/// other literals where it is made with `concat!("store.", $text, ".before")` or `format!("store.{text}.before")`.
fn names_in(text: &str) -> BTreeSet<String> {
    let literals: Vec<_> = text.split('"').collect();
    let is_room = |text: &str| ROOMS.contains(&text);
    let mut frames: BTreeSet<(&str, &str)> = BTreeSet::new();
    for window in literals.windows(3) {
        if let [room, between, end] = window
            && let Some(room) = room.strip_suffix('.').filter(|room| is_room(room))
            && let Some(end) = end.strip_prefix('.').filter(|end| is_plain(end))
            && between.contains('$')
        {
            frames.insert((room, end));
        }
    }
    for literal in &literals {
        if let Some((room, rest)) = literal.split_once(".{")
            && let Some((variable, end)) = rest.split_once("}.")
            && [room, variable, end].into_iter().all(is_plain)
            && is_room(room)
        {
            frames.insert((room, end));
        }
    }
    let whole = literals.iter().filter(|part| is_name(part));
    let mut names: BTreeSet<String> = whole.map(|name| (*name).to_owned()).collect();
    let words: BTreeSet<_> = literals.iter().filter(|part| is_plain(part)).collect();
    for (room, end) in frames {
        names.extend(words.iter().map(|word| format!("{room}.{word}.{end}")));
    }
    names
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

fn is_name(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.next().is_some_and(|room| ROOMS.contains(&room))
        && text.len() < 64
        && text.contains('.')
        && parts.all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_sources() {
        let text = r#"fail_point!("store.copy.after"); x("catalog.sqlite/"); y("server.reply")"#;
        let found: Vec<_> = names_in(text).into_iter().collect();
        assert_eq!(found, ["server.reply", "store.copy.after"]);
        let text = r#"concat!("store.", $text, ".before") Head = "head", Copy = "copy", "#;
        let found: Vec<_> = names_in(text).into_iter().collect();
        assert_eq!(found, ["store.copy.before", "store.head.before"]);
        let text = r#"format!("store.{name}.before") Head = "head""#;
        let found: Vec<_> = names_in(text).into_iter().collect();
        assert_eq!(found, ["store.head.before"]);
        let names = names().unwrap();
        for name in [
            "embedded.put.synced",
            "store.copy.after",
            "catalog.finish.before",
        ] {
            assert!(names.contains(name), "{name}");
        }
    }

    #[test]
    fn a_trap_is_read_and_written() {
        let trap: Trap = "store.copy.after=3".parse().unwrap();
        assert_eq!(trap.to_string(), "store.copy.after=3");
        assert!("store.copy.after=0".parse::<Trap>().is_err());
        assert!("store.copy.after".parse::<Trap>().is_err());
    }
}
