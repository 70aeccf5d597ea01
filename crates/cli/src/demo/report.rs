//! What was measured, and what it comes to.

use serde::Serialize;

use super::options::Load;
use super::world::Way;

const GB: f64 = 1e9;

/// One run of one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// How long it took.
    pub(super) seconds: f64,
    /// The processor time of the server.
    pub(super) cpu_seconds: Option<f64>,
    /// The most memory the server had, in bytes.
    pub(super) peak_bytes: Option<u64>,
}

/// All that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// How often.
    pub(super) rounds: u16,
    /// One for each load.
    pub(super) rows: Vec<Row>,
}

/// What one load came to.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// How many clients sent it.
    pub(super) clients: u16,
    /// How many files each sent.
    pub(super) files: u32,
    /// The bytes of each.
    pub(super) bytes_each: u64,
    /// The server's link, in bits per second; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<u64>,
    /// The three ways.
    pub(super) ways: Vec<Result>,
}

/// What one way came to.
#[derive(Debug, Serialize)]
pub(super) struct Result {
    /// Which way.
    pub(super) way: &'static str,
    /// What it is called in the table.
    #[serde(skip)]
    pub(super) label: &'static str,
    /// The median time.
    pub(super) seconds: f64,
    /// How many times as long as the direct way of the same round, in the median: above 1 the direct way is faster.
    pub(super) times_direct: f64,
    /// The processor time of the server, all rounds together; null where the system does not tell.
    pub(super) server_cpu_seconds_per_gb: Option<f64>,
    /// The most memory of the server in any round; null where the system does not tell.
    pub(super) server_peak_bytes: Option<u64>,
}

impl Row {
    /// What the rounds come to; each has one run for each way, in the order of [`Way::ALL`].
    pub(super) fn new(load: &Load, rounds: &[[Run; 3]]) -> Self {
        let direct = |round: &[Run; 3]| round[Way::Direct as usize].seconds;
        let ways = Way::ALL.into_iter().map(|way| {
            let runs: Vec<Run> = rounds.iter().map(|round| round[way as usize]).collect();
            let ratios = rounds.iter().map(|round| {
                let seconds = round[way as usize].seconds;
                seconds / direct(round)
            });
            let cpu: Option<f64> = runs.iter().map(|run| run.cpu_seconds).sum();
            let sent = load.bytes() as f64 * runs.len() as f64;
            Result {
                way: way.word(),
                label: way.label(),
                seconds: median(runs.iter().map(|run| run.seconds)),
                times_direct: median(ratios),
                server_cpu_seconds_per_gb: cpu.map(|cpu| cpu / sent * GB),
                server_peak_bytes: runs.iter().filter_map(|run| run.peak_bytes).max(),
            }
        });
        Self {
            clients: load.clients,
            files: load.files,
            bytes_each: load.size,
            link: load.link,
            ways: ways.collect(),
        }
    }

    /// What was sent, in words.
    pub(super) fn title(&self) -> String {
        let files = match self.files {
            1 => format!("1 file of {}", size(self.bytes_each)),
            files => format!("{files} photos of {}", size(self.bytes_each)),
        };
        let clients = match self.clients {
            1 => "1 client".to_owned(),
            clients => format!("{clients} clients, each"),
        };
        let link = self
            .link
            .map(|link| format!(", over {} at the server", rate(link)));
        format!("{clients}: {files}{}", link.unwrap_or_default())
    }
}

/// The middle one, or the mean of the middle two.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

/// Bytes with a decimal unit, as the options take them.
fn size(bytes: u64) -> String {
    with_unit(
        bytes as f64,
        &[(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1.0, " B")],
    )
}

fn rate(bits: u64) -> String {
    with_unit(
        bits as f64,
        &[
            (1e9, " Gbit/s"),
            (1e6, " Mbit/s"),
            (1e3, " kbit/s"),
            (1.0, " bit/s"),
        ],
    )
}

fn with_unit(value: f64, units: &[(f64, &str)]) -> String {
    let fits = units.iter().find(|(unit, _)| value >= *unit);
    let (unit, name) = fits.copied().unwrap_or((1.0, ""));
    let tenths = (value / unit * 10.0).round() / 10.0;
    format!("{tenths}{name}")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn run(seconds: f64, cpu: f64, peak: u64) -> Run {
        Run {
            seconds,
            cpu_seconds: Some(cpu),
            peak_bytes: Some(peak),
        }
    }

    /// Three rounds of 2 GB: the direct way is slower than the streaming proxy.
    pub(in super::super) fn report() -> Report {
        let load = Load {
            clients: 2,
            files: 10,
            size: 100_000_000,
            link: Some(100_000_000),
        };
        let rounds = [
            [
                run(4.0, 6.0, 30 << 20),
                run(1.0, 2.0, 9 << 20),
                run(2.0, 0.1, 20 << 20),
            ],
            [
                run(9.0, 6.0, 40 << 20),
                run(1.2, 2.0, 8 << 20),
                run(1.5, 0.1, 21 << 20),
            ],
            [
                run(3.0, 6.0, 35 << 20),
                run(0.9, 2.0, 8 << 20),
                run(1.0, 0.1, 20 << 20),
            ],
        ];
        Report {
            rounds: 3,
            rows: vec![Row::new(&load, &rounds)],
        }
    }

    #[test]
    fn ratios_are_those_of_one_round_and_the_middle_one_counts() {
        let row = &report().rows[0];
        let [receive, stream, direct] = &row.ways[..] else {
            panic!("{row:?}");
        };
        assert_eq!(
            (receive.seconds, stream.seconds, direct.seconds),
            (4.0, 1.0, 1.5)
        );
        // Of 2, 6 and 3; the medians of the times would make it 2.7.
        assert_eq!(receive.times_direct, 3.0);
        assert_eq!(direct.times_direct, 1.0);
        assert_eq!(receive.server_cpu_seconds_per_gb, Some(3.0));
        assert_eq!(receive.server_peak_bytes, Some(40 << 20));
    }

    #[test]
    fn what_was_not_measured_is_not_told() {
        let mut silent = run(1.0, 1.0, 1);
        (silent.cpu_seconds, silent.peak_bytes) = (None, None);
        let load = Load {
            clients: 1,
            files: 1,
            size: 1,
            link: None,
        };
        let row = Row::new(&load, &[[silent; 3]]);
        assert_eq!(row.ways[0].server_cpu_seconds_per_gb, None);
        assert_eq!(row.ways[0].server_peak_bytes, None);
    }

    #[test]
    fn a_title_says_who_sends_what() {
        let title = report().rows[0].title();
        assert_eq!(
            title,
            "2 clients, each: 10 photos of 100 MB, over 100 Mbit/s at the server"
        );
        assert_eq!(size(1_500_000), "1.5 MB");
    }
}
