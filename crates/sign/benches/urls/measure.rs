//! Rounds by turns, the best of each contender's, and counted allocations and instructions.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::instructions;

/// One way to make the URL of a row.
pub(crate) struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u32) -> usize + 'a>,
}

impl<'a> Contender<'a> {
    /// `run` makes the URL of a number, and gives something that depends on it.
    pub(crate) fn new(name: &'static str, run: impl FnMut(u32) -> usize + 'a) -> Self {
        let run = Box::new(run);
        Self { name, run }
    }
}

/// The contender nobody can beat.
pub(crate) const BARE: &str = "bare cryptography";

/// What one contender needs for each URL.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: u64,
    /// Where they were counted.
    pub(crate) instructions: Option<u64>,
}

/// One comparison; the first figure is ours.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) figures: Vec<Figure>,
    pub(crate) goals: Vec<Goal>,
}

/// What a row must show.
pub(crate) enum Goal {
    /// Ours is at least so many times faster than the contender of this name.
    Faster(&'static str, f64),
    /// Ours needs at most so many times what the contender of this name needs.
    AtMost(&'static str, f64),
    /// Ours allocates nothing.
    NoAllocations,
}

/// What is done with a row.
pub(crate) enum Mode {
    /// Its contenders are measured, and their instructions counted too.
    Measure { instructions: bool },
    /// One of its contenders runs so many times, and nothing else does: for whoever counts instructions.
    Run { named: String, times: u32 },
}

/// Many short rounds: what else the machine does disturbs some of them, and hardly all of one contender.
const ROUNDS: usize = 500;
const ROUND: Duration = Duration::from_millis(1);

/// How long a contender runs between two looks at the clock, about: a look costs some hundredths of that.
const BETWEEN: Duration = Duration::from_micros(20);

impl Mode {
    /// Measures the contenders by turns, or runs the one that is asked for.
    pub(crate) fn row(
        &self,
        title: &'static str,
        mut contenders: Vec<Contender<'_>>,
        goals: Vec<Goal>,
    ) -> Row {
        let figures = match self {
            Self::Run { named, times } => {
                for contender in &mut contenders {
                    if *named == full_name(title, contender.name) {
                        (1..=*times).for_each(|number| {
                            black_box((contender.run)(number % 10_000 + 1));
                        });
                    }
                }
                Vec::new()
            }
            Self::Measure { instructions } => measure(title, &mut contenders, *instructions),
        };
        Row {
            title,
            figures,
            goals,
        }
    }
}

/// By which a contender is asked for.
fn full_name(title: &str, name: &str) -> String {
    format!("{title}: {name}")
}

fn measure(title: &str, contenders: &mut [Contender<'_>], instructions: bool) -> Vec<Figure> {
    let mut best = vec![f64::INFINITY; contenders.len()];
    let batches: Vec<u32> = contenders.iter_mut().map(|c| batch(&mut c.run)).collect();
    for _ in 0..ROUNDS {
        for ((contender, best), batch) in contenders.iter_mut().zip(&mut best).zip(&batches) {
            *best = best.min(round(&mut contender.run, *batch));
        }
    }
    let figures = contenders
        .iter_mut()
        .zip(best)
        .map(|(contender, nanoseconds)| Figure {
            name: contender.name,
            nanoseconds,
            allocations: allocations(&mut contender.run),
            instructions: instructions
                .then(|| instructions::count(&full_name(title, contender.name))),
        });
    figures.collect()
}

impl Goal {
    pub(crate) fn told(&self, figures: &[Figure]) -> String {
        let ours = &figures[0];
        let of = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap();
        let (wanted, measured, met) = match self {
            Self::Faster(name, times) => {
                let measured = of(name).nanoseconds / ours.nanoseconds;
                let most = of(name).nanoseconds / of(BARE).nanoseconds;
                (
                    format!("at least {times}× {name}"),
                    format!("{measured:.1}× (the {BARE} alone: {most:.1}×)"),
                    measured >= *times,
                )
            }
            Self::AtMost(name, times) => {
                let measured = ours.nanoseconds / of(name).nanoseconds;
                (
                    format!("at most {times}× {name}"),
                    format!("{measured:.2}×"),
                    measured <= *times,
                )
            }
            Self::NoAllocations => {
                let measured = ours.allocations;
                (
                    "no allocation".to_owned(),
                    format!("{measured}"),
                    measured == 0,
                )
            }
        };
        format!(
            "Goal: {wanted}; measured: {measured}; {}.",
            if met { "met" } else { "**not met**" }
        )
    }
}

/// How many runs there are between two looks at the clock: one, where a URL is a signature of RSA.
fn batch(run: &mut dyn FnMut(u32) -> usize) -> u32 {
    (0..9)
        .map(|exponent| 1 << exponent)
        .find(|count| time(run, 0, *count) >= BETWEEN)
        .unwrap_or(512)
}

/// The time of a URL, in nanoseconds.
fn round(run: &mut dyn FnMut(u32) -> usize, batch: u32) -> f64 {
    let (mut count, mut elapsed) = (0, Duration::ZERO);
    while elapsed < ROUND {
        elapsed += time(run, count, batch);
        count += batch;
    }
    elapsed.as_nanos() as f64 / f64::from(count)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn time(run: &mut dyn FnMut(u32) -> usize, from: u32, count: u32) -> Duration {
    let started = Instant::now();
    for number in from..from + count {
        black_box(run(number % 10_000 + 1));
    }
    started.elapsed()
}

/// Of one URL, after the buffers have grown.
fn allocations(run: &mut dyn FnMut(u32) -> usize) -> u64 {
    run(10_000);
    allocation_counter::measure(|| {
        black_box(run(9_999));
    })
    .count_total
}

/// Where figures come from.
pub(crate) struct Machine {
    processor: String,
    /// Whether it has instructions for SHA-256.
    pub(crate) has_sha: bool,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let value = |name: &str| {
            let line = information.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": "))
                .map(|(_, value)| value)
        };
        let flags = value("flags").or(value("Features")).unwrap_or_default();
        let processor = value("model name").unwrap_or("an unnamed processor");
        Self {
            processor: processor.to_owned(),
            has_sha: flags
                .split(' ')
                .any(|flag| matches!(flag, "sha_ni" | "sha2")),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let with = if self.has_sha { "with" } else { "without" };
        write!(
            f,
            "{cores} × {}, {with} SHA instructions, {}",
            self.processor,
            today()
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark says when it was run"
)]
fn today() -> String {
    jiff::Timestamp::now().to_string()[..10].to_owned()
}
