//! What a presigned URL costs: here, in rusty-s3, in aws-sigv4, and in the bare cryptography.
//!
//! `cargo bench -p valetkey-sign` prints the table; with `-- --write FOLDER` it goes there too, into the file for machines
//! with SHA instructions or the one for others; with `-- --instructions` instructions are counted (by valgrind, which
//! must be there).
//!
//! All contenders of a row sign the same request, and their signatures are compared before they are measured.
//! They take turns, in one process, in many short rounds, and the best round of each counts: what else the machine
//! does makes rounds longer and never shorter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot run should say so at once"
)]

mod instructions;
mod measure;
mod others;
mod pairs;
mod parts;
mod single;

use std::fmt::Write as _;

use measure::{Machine, Mode, Row};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |option: &str| arguments.iter().position(|argument| argument == option);
    if let Some(at) = after("--run") {
        let named = arguments[at + 1].clone();
        let times = arguments[at + 2].parse().unwrap();
        rows(&Mode::Run { named, times });
        return;
    }
    let instructions = after("--instructions").is_some();
    let mut table = String::new();
    writeln!(table, "# What a presigned URL costs\n").unwrap();
    let written = "cargo bench -p valetkey-sign -- --instructions --write docs";
    let machine = Machine::here();
    writeln!(table, "Written by `{written}` on {machine}.").unwrap();
    writeln!(table, "{NOTES}").unwrap();
    for row in rows(&Mode::Measure { instructions }) {
        push(&mut table, &row);
    }
    println!("{table}");
    if let Some(at) = after("--write") {
        // Cargo runs benchmarks in the package's folder; files are named from the workspace's.
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let name = if machine.has_sha {
            "bench-sign.md"
        } else {
            "bench-sign-without-sha.md"
        };
        let path = format!("{root}/{}/{name}", arguments[at + 1]);
        std::fs::write(path, table.trim_start()).unwrap();
    }
}

fn rows(mode: &Mode) -> Vec<Row> {
    let all = [single::rows(mode), parts::rows(mode), pairs::rows(mode)];
    all.into_iter().flatten().collect()
}

const NOTES: &str = "
All for one URL. *Times ours* is how many times our nanoseconds a contender needs: the best of 500 short rounds, by turns.
*Bare cryptography* is the compression function of `sha2` on the very blocks that must be hashed for
each URL (or the bare RSA or ECDSA signature of `aws-lc-rs`): nobody can be faster than that without hashing less.
A processor with SHA instructions hashes about ten times faster than one without: then what is done around the hashing
counts most, and without them next to nothing. There is a table for each: [with](bench-sign.md) and
[without](bench-sign-without-sha.md).
The others get what they can keep between URLs: bucket and credentials, parsed addresses, settings.
The allocator that counts adds a thread-local read to each allocation, for all alike. *Instructions* are counted by
valgrind, which has no SHA instructions, so that all hash in software there; what ours has more than the bare
cryptography is what is done around it, on any machine.
";

fn push(table: &mut String, row: &Row) {
    writeln!(table, "\n## {}\n", row.title).unwrap();
    writeln!(
        table,
        "| | ns per URL | times ours | allocations | instructions |"
    )
    .unwrap();
    writeln!(table, "|---|---:|---:|---:|---:|").unwrap();
    let ours = row.figures[0].nanoseconds;
    for figure in &row.figures {
        let ratio = figure.nanoseconds / ours;
        let digits = if ratio < 0.1 { 4 } else { 2 };
        let counted = figure.instructions.map(|count| count.to_string());
        writeln!(
            table,
            "| {} | {:.0} | {ratio:.digits$} | {} | {} |",
            figure.name,
            figure.nanoseconds,
            figure.allocations,
            counted.unwrap_or_default(),
        )
        .unwrap();
    }
    for goal in &row.goals {
        writeln!(table, "\n{}", goal.told(&row.figures)).unwrap();
    }
}
