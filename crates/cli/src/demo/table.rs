//! The report for people.

use std::fmt::Write as _;

use super::report::{Report, Result, Row};

const HEAD: [&str; 5] = [
    "",
    "time",
    "times direct",
    "server CPU s/GB",
    "server memory",
];
const NOT_MEASURED: &str = "not measured";

/// A table for each load, and what the numbers are.
pub(super) fn table(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.rows {
        write_row(&mut text, row);
    }
    let rounds = match report.rounds {
        1 => "measured once".to_owned(),
        rounds => format!("the medians of {rounds} rounds, the ways in turn in each"),
    };
    write!(
        text,
        "Times are {rounds}. \"times direct\" above 1 means that the direct way was faster. CPU and memory are those of \
         the\nserver between clients and store alone: the store, which all ways share, and the clients do not count."
    )
    .ok();
    text
}

fn write_row(text: &mut String, row: &Row) {
    writeln!(text, "{}", row.title()).ok();
    let lines = [HEAD.map(str::to_owned)];
    for cells in lines.into_iter().chain(row.ways.iter().map(cells)) {
        let [label, time, ratio, cpu, memory] = cells;
        writeln!(
            text,
            "  {label:<20}{time:>10}{ratio:>15}{cpu:>18}{memory:>16}"
        )
        .ok();
    }
    text.push('\n');
}

fn cells(way: &Result) -> [String; 5] {
    [
        way.label.to_owned(),
        seconds(way.seconds),
        ratio(way.times_direct),
        way.server_cpu_seconds_per_gb
            .map_or_else(|| NOT_MEASURED.to_owned(), |cpu| format!("{cpu:.3}")),
        way.server_peak_bytes
            .map_or_else(|| NOT_MEASURED.to_owned(), crate::text::size),
    ]
}

/// A time to three places.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 100.0 => format!("{seconds:.0} s"),
        _ if seconds >= 10.0 => format!("{seconds:.1} s"),
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ => format!("{:.0} ms", seconds * 1000.0),
    }
}

/// A ratio to two or three places.
pub(super) fn ratio(ratio: f64) -> String {
    match ratio >= 10.0 {
        true => format!("{ratio:.1}×"),
        false => format!("{ratio:.2}×"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn the_table_has_every_way_also_where_another_one_wins() {
        let told = table(&report());
        let line = |label: &str| {
            let line = told.lines().find(|line| line.contains(label));
            line.unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            line("receive, then"),
            "receive, then send 4.00 s 3.00× 3.000 40.0 MiB"
        );
        assert_eq!(
            line("streaming"),
            "streaming proxy 1.00 s 0.80× 1.000 9.0 MiB"
        );
        assert_eq!(
            line("direct ("),
            "direct (Valetkey) 1.50 s 1.00× 0.050 21.0 MiB"
        );
        assert!(told.contains("medians of 3 rounds"), "{told}");
    }

    #[test]
    fn times_have_three_places() {
        let told = [0.0123, 1.234, 12.34, 123.4].map(seconds);
        assert_eq!(told, ["12 ms", "1.23 s", "12.3 s", "123 s"]);
    }
}
