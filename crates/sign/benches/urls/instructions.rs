//! Instructions, counted by valgrind: the same on every run, whatever else the machine does.

use std::process::Command;

/// Counted over so many more runs, so that what is done once falls out.
const TIMES: [u64; 2] = [100, 600];

/// How many instructions the contender of this name needs for each URL.
pub(crate) fn count(named: &str) -> u64 {
    let [few, many] = TIMES.map(|times| total(named, times));
    (many - few) / (TIMES[1] - TIMES[0])
}

fn total(named: &str, times: u64) -> u64 {
    let program = std::env::current_exe().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no"])
        .arg("--cachegrind-out-file=/dev/null")
        .arg(program)
        .args(["--run", named, &times.to_string()])
        .output()
        .unwrap_or_else(|error| panic!("valgrind counts instructions, and does not run: {error}"));
    let told = String::from_utf8(output.stderr).unwrap();
    let (_, rest) = told.split_once("refs:").unwrap_or_else(|| panic!("{told}"));
    let number = rest.lines().next().unwrap().trim().replace(',', "");
    number.parse().unwrap()
}
