//! The results so far, kept after every piece, and the page made of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{At, Outcome};
use crate::report::{Tally, thousands};
use crate::scenario::PROMISES;

/// Results by promise and piece.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Book {
    rows: BTreeMap<String, Row>,
    #[serde(skip)]
    path: PathBuf,
}

/// One piece.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    promise: String,
    seed: u64,
    piece: u64,
    long: bool,
    seconds: f64,
    tally: Tally,
}

impl Book {
    /// Reads what was done before.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Outcome<Self> {
        let mut book = match path.exists() {
            true => serde_json::from_slice(&fs::read(path)?).at(path.display())?,
            false => Self::default(),
        };
        path.clone_into(&mut book.path);
        Ok(book)
    }

    /// Whether a piece was done before.
    pub fn has(&self, piece: &str) -> bool {
        self.rows.contains_key(piece)
    }

    /// Writes a piece down.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(
        &mut self,
        name: &str,
        (promise, seed, piece, long): (&str, u64, u64, bool),
        seconds: f64,
        tally: Tally,
    ) -> Outcome<()> {
        let row = Row {
            promise: promise.to_owned(),
            seed,
            piece,
            long,
            seconds,
            tally,
        };
        self.rows.insert(name.to_owned(), row);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.path, serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    /// Whether every promise was kept.
    pub fn is_kept(&self) -> bool {
        self.rows.values().all(|row| row.tally.broken.is_empty())
    }

    /// The page.
    pub fn page(&self) -> String {
        let mut page = INTRODUCTION.to_owned();
        let mut broken = String::new();
        for promise in PROMISES {
            let rows = self.rows.values().filter(|row| row.promise == promise.name);
            let rows: Vec<&Row> = rows.collect();
            let mut all = Tally::default();
            let mut seconds = 0.0;
            for row in &rows {
                all.add(row.tally.clone());
                seconds += row.seconds;
            }
            let verdict = match (rows.len(), all.broken.len()) {
                (0, _) => "not tried".to_owned(),
                (_, 0) => "kept".to_owned(),
                (_, times) => format!("**broken {times} times**"),
            };
            page.push_str(&format!(
                "| `{}` | {} | {} {} | {} | {verdict} | {} | {} |\n",
                promise.name,
                promise.text,
                thousands(all.tried as f64),
                promise.tries,
                all.words(),
                pieces(&rows, promise.pieces),
                thousands(seconds.ceil()),
            ));
            for wrong in all.broken.iter().take(20) {
                broken.push_str(&format!("- `{}`: {wrong}\n", promise.name));
            }
        }
        if !broken.is_empty() {
            page.push_str("\n## Not kept\n\n");
            page.push_str(&broken);
        }
        page.push_str(CLOSING);
        page
    }
}

/// Which pieces were run, with which seed.
fn pieces(rows: &[&Row], planned: u64) -> String {
    let mut seeds: Vec<u64> = rows.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
    let scale = match rows.iter().all(|row| row.long) {
        true => String::new(),
        false => " (short)".to_owned(),
    };
    format!(
        "{} of {planned}{scale}, seed {}",
        rows.len(),
        seeds.join(", ")
    )
}

const INTRODUCTION: &str = "\
# Reliability

What is promised when things go wrong, how often each promise was put to the test, and what was measured. Written by
`scripts/long`; every row is what ran, and nothing is counted that did not. A smaller run of each is part of the tests
(`cargo test --release -p valetkey-reliability`).

After nearly every scenario everything is left to settle on a clock moved by hand past every session, URL and grace;
then a judge looks at all of it: each acknowledged file is there and hashes to its record; deleted and aborted ones
stay away; the audit log of each record replays to legal transitions only, each with its one event; the accounts are
what counting the rows gives; storage holds the objects of the files and nothing else, and the service's own survey
finds nothing more to do.

| scenario | promise | tried | measured | | pieces | seconds |
|---|---|---|---|---|---|---|
";

const CLOSING: &str = "
## To see it for yourself

```sh
cargo build --release -p valetkey-reliability
target/release/valetkey-reliability all                              # all of it, at the scale of a test
target/release/valetkey-reliability all --long --seed 1              # at length; stopped, it goes on where it was
target/release/valetkey-reliability all --long --only kills --seed 7 # one scenario with other dice
```

Every choice comes from the seed: the same seed makes the same histories, the same kills and the same swaps (what
threads and the kernel make of it differs from run to run). The fail points are read from the sources, so a new one is
killed at without being listed anywhere. A history that goes another way than the model is told with its seed and all
its steps. Clocks are moved by hand where time has to pass; the processes that are killed run on the real one.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_on_the_page() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.json");
        let mut book = Book::open(&path).unwrap();
        let mut tally = Tally {
            tried: 3,
            ..Tally::default()
        };
        book.add("one", ("kills", 1, 1, true), 2.0, tally.clone())
            .unwrap();
        assert!(book.is_kept() && !book.page().contains("Not kept"));
        tally.wrong("lost");
        book.add("two", ("kills", 1, 2, true), 2.0, tally).unwrap();
        let again = Book::open(&path).unwrap();
        assert!(!again.is_kept() && again.has("two"));
        assert!(again.page().contains("**broken 1 times**"));
        assert!(again.page().contains("- `kills`: lost"));
        assert!(again.page().contains("6 kills"));
    }
}
