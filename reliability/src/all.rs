//! Every scenario, one after the other, in pieces that are done once.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::book::Book;
use crate::clock::Stopwatch;
use crate::error::{At, Failure, Outcome};
use crate::report::{Scale, Setting, Tally};
use crate::scenario::{PROMISES, Promise};

/// Put every promise to the test
#[derive(Debug, Args)]
pub struct All {
    /// At length, in pieces of a few minutes
    #[arg(long)]
    long: bool,
    /// Decides every choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this scenario; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// At most so many pieces of each scenario
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    pieces: u64,
    /// Forget earlier results and start over
    #[arg(long)]
    again: bool,
    /// Where results are kept, so that a run that was stopped goes on
    #[arg(long, default_value = "target/reliability.json")]
    results: PathBuf,
    /// Write the page here
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs what was not run before.
///
/// # Errors
/// A promise was not kept, or a file cannot be written.
pub async fn run(options: All) -> Outcome<()> {
    for name in &options.only {
        let known = PROMISES.iter().any(|promise| promise.name == name);
        crate::ensure!(known, "there is no scenario {name}");
    }
    if options.again && options.results.exists() {
        fs::remove_file(&options.results)?;
    }
    let mut book = Book::open(&options.results)?;
    for promise in PROMISES {
        if !options.only.is_empty() && !options.only.iter().any(|name| name == promise.name) {
            continue;
        }
        let pieces = match options.long {
            true => promise.pieces.min(options.pieces),
            false => 1,
        };
        for piece in 1..=pieces {
            one(&options, promise, piece, &mut book).await?;
        }
    }
    match book.is_kept() {
        true => Ok(()),
        false => Err(Failure::new("a promise was not kept")),
    }
}

async fn one(options: &All, promise: &Promise, piece: u64, book: &mut Book) -> Outcome<()> {
    let scale = if options.long { "long" } else { "short" };
    let name = format!(
        "{}, {scale}, seed {}, piece {piece}",
        promise.name, options.seed
    );
    if book.has(&name) {
        println!("{name}: done before");
        return Ok(());
    }
    let setting = Setting {
        program: program()?,
        // Pieces of one seed never share choices.
        seed: options.seed * 1000 + piece,
        scale: match options.long {
            true => Scale::Long,
            false => Scale::Short,
        },
    };
    let watch = Stopwatch::start();
    let outcome = (promise.run)(&setting).await;
    let seconds = watch.elapsed().as_secs_f64();
    // What cannot be run has not kept anything.
    let tally = outcome.unwrap_or_else(|error| Tally {
        broken: vec![format!("could not be run: {error}")],
        ..Tally::default()
    });
    let verdict = match tally.broken.len() {
        0 if tally.tried > 0 => "kept".to_owned(),
        0 => "NOTHING TRIED".to_owned(),
        times => format!("BROKEN {times} times: {:#?}", tally.broken),
    };
    println!(
        "{name}: {verdict} after {seconds:.0} s: {} {}; {}",
        tally.tried,
        promise.tries,
        tally.words()
    );
    let what = (promise.name, options.seed, piece, options.long);
    book.add(&name, what, seconds, tally)?;
    if let Some(path) = &options.report {
        fs::write(path, book.page()).at(path.display())?;
    }
    Ok(())
}

fn program() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?)
}
