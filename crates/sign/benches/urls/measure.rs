//! Rounds, medians and counted allocations.

use std::hint::black_box;
use std::time::{Duration, Instant};

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

/// What one contender needs.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: u64,
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

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(60);

impl Row {
    /// Measures the contenders by turns.
    pub(crate) fn measure(
        title: &'static str,
        mut contenders: Vec<Contender<'_>>,
        goals: Vec<Goal>,
    ) -> Self {
        let mut times = vec![Vec::new(); contenders.len()];
        for _ in 0..ROUNDS {
            for (contender, times) in contenders.iter_mut().zip(&mut times) {
                times.push(round(&mut contender.run));
            }
        }
        let figures = contenders
            .iter_mut()
            .zip(times)
            .map(|(contender, mut times)| {
                times.sort_by(f64::total_cmp);
                Figure {
                    name: contender.name,
                    nanoseconds: times[times.len() / 2],
                    allocations: allocations(&mut contender.run),
                }
            });
        Self {
            title,
            figures: figures.collect(),
            goals,
        }
    }
}

impl Goal {
    pub(crate) fn told(&self, figures: &[Figure]) -> String {
        let ours = &figures[0];
        let of = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap();
        let (wanted, measured, met) = match self {
            Self::Faster(name, times) => {
                let measured = of(name).nanoseconds / ours.nanoseconds;
                (
                    format!("at least {times}× {name}"),
                    format!("{measured:.1}×"),
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

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn round(run: &mut dyn FnMut(u32) -> usize) -> f64 {
    let (mut count, started) = (0_u32, Instant::now());
    loop {
        for _ in 0..64 {
            count += 1;
            black_box(run(count % 10_000 + 1));
        }
        let elapsed = started.elapsed();
        if elapsed >= ROUND {
            return elapsed.as_nanos() as f64 / f64::from(count);
        }
    }
}

/// Of one URL, after the buffers have grown.
fn allocations(run: &mut dyn FnMut(u32) -> usize) -> u64 {
    run(10_000);
    allocation_counter::measure(|| {
        black_box(run(9_999));
    })
    .count_total
}

/// The machine's processor, and the day.
pub(crate) fn machine() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = information
        .lines()
        .find(|line| line.starts_with("model name"));
    let name = line
        .and_then(|line| line.split_once(": "))
        .map_or("an unnamed processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} × {name}, {}", today())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark says when it was run"
)]
fn today() -> String {
    jiff::Timestamp::now().to_string()[..10].to_owned()
}
