//! What a presigned URL costs: here, in rusty-s3, in aws-sigv4, and in the bare cryptography.
//!
//! `cargo bench -p valetkey-sign` prints the table; with `-- --write FILE` it goes into a file too.
//! All contenders of a row sign the same request, and their signatures are compared before they are
//! measured. They are measured by turns, in one process; figures are medians of the rounds.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run should say so at once"
)]

mod measure;
mod others;
mod pairs;
mod parts;
mod single;

use std::fmt::Write as _;

use measure::{Row, machine};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut table = String::new();
    writeln!(table, "# What a presigned URL costs\n").unwrap();
    writeln!(
        table,
        "Written by `cargo bench -p valetkey-sign -- --write docs/bench-sign.md` on {}.",
        machine()
    )
    .unwrap();
    writeln!(table, "{}", NOTES).unwrap();
    for rows in [single::rows(), parts::rows(), pairs::rows()] {
        for row in rows {
            push(&mut table, &row);
        }
    }
    println!("{table}");
    if let Some(at) = arguments.iter().position(|argument| argument == "--write") {
        // Cargo runs benchmarks in the package's folder; files are named from the workspace's.
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        std::fs::write(format!("{root}/{}", arguments[at + 1]), table.trim_start()).unwrap();
    }
}

const NOTES: &str = "
Nanoseconds and allocations for each URL. *Times ours* is how many times our cost a contender needs.
*Bare cryptography* is the compression function of `sha2` on the very blocks that must be hashed for
each URL (or the bare RSA or ECDSA signature of `aws-lc-rs`): nobody can be faster than that without hashing less.
The others get what they can keep between URLs: bucket and credentials, parsed addresses, settings.
The allocator that counts adds a thread-local read to each allocation, for all alike.
";

fn push(table: &mut String, row: &Row) {
    writeln!(table, "\n## {}\n", row.title).unwrap();
    writeln!(table, "| | ns per URL | allocations | times ours |").unwrap();
    writeln!(table, "|---|---:|---:|---:|").unwrap();
    let ours = row.figures[0].nanoseconds;
    for figure in &row.figures {
        let ratio = figure.nanoseconds / ours;
        let digits = if ratio < 0.1 { 4 } else { 2 };
        writeln!(
            table,
            "| {} | {:.0} | {} | {ratio:.digits$} |",
            figure.name, figure.nanoseconds, figure.allocations
        )
        .unwrap();
    }
    for goal in &row.goals {
        writeln!(table, "\n{}", goal.told(&row.figures)).unwrap();
    }
}
