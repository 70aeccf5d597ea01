//! Instants as signatures write them: always UTC, whole seconds, fractions cut off.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// `20130524T000000Z`: ISO 8601 without separators.
pub(crate) fn compact(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Reads exactly what [`compact`] writes.
pub(crate) fn parse_compact(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let form_fits = bytes.len() == 16
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !form_fits {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i16>().ok();
    let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    let civil = DateTime::new(
        number(0, 4)?,
        small(4)?,
        small(6)?,
        small(9)?,
        small(11)?,
        small(13)?,
        0,
    );
    Offset::UTC.to_timestamp(civil.ok()?).ok()
}

/// The day of a [`compact`] instant: `20130524`.
pub(crate) fn day_of(compact: &str) -> &str {
    compact.split_once('T').map_or(compact, |(day, _)| day)
}

/// `2013-05-24T00:00:00Z`: RFC 3339.
pub(crate) fn extended(at: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_utc_and_cut_to_the_second() {
        let at: Timestamp = "2026-01-02T03:04:05.999999999+09:00".parse().unwrap();
        assert_eq!(compact(at), "20260101T180405Z");
        assert_eq!(day_of(&compact(at)), "20260101");
        assert_eq!(extended(at), "2026-01-01T18:04:05Z");
        assert_eq!(
            parse_compact(&compact(at)),
            "2026-01-01T18:04:05Z".parse().ok()
        );
    }

    #[test]
    fn only_the_compact_form_is_read() {
        for wrong in [
            "",
            "20260101",
            "20260101T180405",
            "20260101T180405z",
            "2026-01-01T18:04Z",
            "20261301T180405Z",
            "20260101T250405Z",
            "+0260101T180405Z",
            "20260101T18040éZ",
        ] {
            assert_eq!(parse_compact(wrong), None, "{wrong}");
        }
    }
}
