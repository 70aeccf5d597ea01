//! The times as a picture: three bars for each load, as long as the slowest takes.

use std::fmt::Write as _;

use super::report::{Report, Row};
use super::table::{ratio, seconds};

const WIDTH: u32 = 760;
/// Where bars begin, and how long the longest is.
const LEFT: u32 = 170;
const LONGEST: f64 = 420.0;
const BAR: u32 = 18;
const ROW: u32 = 98;
const HEAD: u32 = 44;

/// Colours that are told apart on light and dark ground, also without red and green.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}.m{fill:#59636e}\
.b0{fill:#c2410c}.b1{fill:#6b7280}.b2{fill:#0969da}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.m{fill:#9198a1}.b0{fill:#fb923c}.b1{fill:#9ca3af}.b2{fill:#4493f8}}";

/// An SVG document without fonts, scripts or anything else from elsewhere.
pub(super) fn svg(report: &Report) -> String {
    let height = HEAD + ROW * report.rows.len() as u32;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <text class=\"m\" x=\"0\" y=\"20\">Time to upload, shorter is better; × is against the direct way.</text>\n",
        "Uploads through a server and directly"
    );
    for (number, row) in report.rows.iter().enumerate() {
        draw(&mut svg, row, HEAD + ROW * number as u32);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, row: &Row, top: u32) {
    writeln!(
        svg,
        "<text class=\"t\" x=\"0\" y=\"{}\">{}</text>",
        top + 14,
        row.title()
    )
    .ok();
    let slowest = row.ways.iter().map(|way| way.seconds).fold(0.0, f64::max);
    for (number, way) in row.ways.iter().enumerate() {
        let y = top + 22 + (BAR + 4) * number as u32;
        let length = (way.seconds / slowest * LONGEST).max(1.0);
        let (label, base) = (way.label, y + 14);
        let after = f64::from(LEFT) + length + 8.0;
        let told = format!("{} · {}", seconds(way.seconds), ratio(way.times_direct));
        writeln!(
            svg,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"b{number}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text class=\"m\" x=\"{after:.1}\" y=\"{base}\">{told}</text>",
            LEFT - 8
        )
        .ok();
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn the_slowest_bar_is_the_longest_and_all_are_there() {
        let drawn = svg(&report());
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(
            drawn.contains("class=\"b0\" x=\"170\" y=\"66\" width=\"420.0\""),
            "{drawn}"
        );
        assert!(drawn.contains("width=\"157.5\""), "{drawn}");
        assert!(drawn.contains("1.00 s · 0.80×"), "{drawn}");
        assert!(drawn.contains("prefers-color-scheme:dark"));
        // Nothing of it comes from elsewhere.
        assert_eq!(drawn.matches("http").count(), 1);
    }
}
