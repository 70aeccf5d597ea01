//! Text for people: safe to print, short to read.

use std::borrow::Cow;
use std::io::Write;

use crate::error::Error;

/// Text that cannot command a terminal or turn its own direction: such characters are shown as `\u{…}`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_unsafe(c) {
            true => safe.extend(c.escape_unicode()),
            false => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Controls, line separators and the bidirectional controls of UAX #9.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number of bytes as people say it: `0 B`, `1.5 KiB`, `4.0 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // A tenth of the next unit is as exact as it gets; integers keep it free of rounding surprises.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Prints a line on stdout.
///
/// # Errors
/// Nobody reads it any more, or the disk it goes to is full.
pub(crate) fn print(line: &str) -> Result<(), Error> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(Error::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_commands_a_terminal_passes() {
        assert_eq!(plain("été 😀 \"x\".jpg"), "été 😀 \"x\".jpg");
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(plain("a\u{202e}gpj.exe"), "a\\u{202e}gpj.exe");
        assert_eq!(plain("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn sizes_are_short() {
        let sizes = [
            0,
            1023,
            1024,
            1536,
            4 << 20,
            (1 << 30) - 1,
            1 << 30,
            u64::MAX,
        ];
        assert_eq!(
            sizes.map(size),
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "1.5 KiB",
                "4.0 MiB",
                "1023.9 MiB",
                "1.0 GiB",
                "15.9 EiB"
            ]
        );
    }
}
