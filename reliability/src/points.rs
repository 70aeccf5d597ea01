//! Fail points: which there are, and what happens when one is reached.
//!
//! Their names are read from the sources, so that a new one takes part without being added anywhere.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

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
    for trap in [&traps.crash, &traps.stop].into_iter().flatten() {
        crate::ensure!(
            names.contains(&trap.point),
            "there is no fail point {}",
            trap.point
        );
    }
    for name in names {
        let is_here = |trap: &Option<Trap>| trap.clone().filter(|trap| trap.point == name);
        let (crash, stop) = (is_here(&traps.crash), is_here(&traps.stop));
        let record = match &traps.record {
            Some(path) => Some(
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path)
                    .at(path.display())?,
            ),
            None => None,
        };
        let (line, reached) = (format!("{name}\n"), AtomicU64::new(0));
        let act = move || {
            let nth = reached.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(mut record) = record.as_ref() {
                // One write of a short line to a file that is appended to is never torn.
                let _ = record.write_all(line.as_bytes());
            }
            let strikes = |trap: &Option<Trap>| trap.as_ref().is_some_and(|trap| trap.nth == nth);
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

/// Every name of a fail point in the sources of the service.
///
/// # Errors
/// The sources cannot be read, or name none.
pub fn names() -> Outcome<BTreeSet<String>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut texts = Vec::new();
    let mut waiting = vec![crates];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).at(folder.display())? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                texts.push(fs::read_to_string(&path).at(path.display())?);
            }
        }
    }
    let names: BTreeSet<String> = texts.iter().flat_map(|text| names_in(text)).collect();
    crate::ensure!(!names.is_empty(), "the sources have no fail points");
    Ok(names)
}

/// Every text literal that looks like the name of a fail point, and every name that a macro of the same file puts
/// together, as in `concat!("store.", $text, ".before")`.
fn names_in(text: &str) -> BTreeSet<String> {
    let literals: Vec<_> = text.split('"').collect();
    let whole = literals.iter().filter(|part| is_name(part));
    let mut names: BTreeSet<String> = whole.map(|name| (*name).to_owned()).collect();
    let words = literals.iter().filter(|part| is_plain(part));
    let words: BTreeSet<_> = words.collect();
    for window in literals.windows(3) {
        let [room, between, end] = window else {
            continue;
        };
        let is_room = room.strip_suffix('.').is_some_and(|room| ROOMS.contains(&room));
        if is_room && between.contains('$') && end.strip_prefix('.').is_some_and(is_plain) {
            names.extend(words.iter().map(|word| format!("{room}{word}{end}")));
        }
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
        assert!(names().unwrap().contains("embedded.put.synced"));
    }

    #[test]
    fn a_trap_is_read_and_written() {
        let trap: Trap = "store.copy.after=3".parse().unwrap();
        assert_eq!(trap.to_string(), "store.copy.after=3");
        assert!("store.copy.after=0".parse::<Trap>().is_err());
        assert!("store.copy.after".parse::<Trap>().is_err());
    }
}
