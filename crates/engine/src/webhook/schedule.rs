//! How often a delivery is tried, and when.

use jiff::SignedDuration;

/// The pauses between ten attempts, in seconds, as Standard Webhooks 1.0 proposes them: 75 hours and 35 minutes.
const PAUSES: [i64; 9] = [
    5,
    5 * 60,
    30 * 60,
    2 * 3600,
    5 * 3600,
    10 * 3600,
    14 * 3600,
    20 * 3600,
    24 * 3600,
];

/// The longest pause that an endpoint may ask for with `Retry-After`, in seconds.
const LONGEST_WISH: u64 = 24 * 3600;

/// How long to wait after so many attempts that came to nothing; `None` when it was tried often enough. `chance` spreads
/// the pauses by a tenth to either side, so that what failed together does not come back together. An endpoint may ask
/// for a longer one.
pub(super) fn pause(attempts: u64, chance: u64, wish: Option<u64>) -> Option<SignedDuration> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let seconds = *PAUSES.get(index)?;
    let share = i64::try_from(scramble(chance.wrapping_add(attempts)) % 201).unwrap_or(100);
    // 900 to 1,100 thousandths of it.
    let pause = SignedDuration::from_millis(seconds * (900 + share));
    let wish = wish.unwrap_or(0).min(LONGEST_WISH);
    let wish = SignedDuration::from_secs(i64::try_from(wish).unwrap_or(0));
    Some(pause.max(wish))
}

/// What is different for each delivery.
pub(super) fn chance(endpoint: &str, position: u64) -> u64 {
    let mix = |sum: u64, byte: u8| scramble(sum ^ u64::from(byte));
    endpoint.bytes().fold(position, mix)
}

/// The finaliser of SplitMix64: every bit of the input reaches every bit of the output.
fn scramble(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_attempts_over_three_days() {
        let pauses: Vec<_> = (1..)
            .map_while(|attempts| pause(attempts, 7, None))
            .collect();
        assert_eq!(pauses.len(), 9);
        let whole = pauses.iter().map(SignedDuration::as_secs).sum::<i64>();
        let planned = 75 * 3600 + 35 * 60 + 5;
        assert!((whole - planned).abs() <= planned / 10, "{whole}");
        assert_eq!(pause(0, 7, None), None);
        assert_eq!(pause(10, 7, None), None);
    }

    #[test]
    fn pauses_are_spread_by_a_tenth() {
        let pauses: Vec<_> = (0..1000)
            .map(|position| pause(2, chance("a", position), None).unwrap().as_millis())
            .collect();
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!((270_000..275_000).contains(least), "{least}");
        assert!((325_000..=330_000).contains(most), "{most}");
    }

    #[test]
    fn an_endpoint_may_ask_for_a_longer_pause_of_a_day_at_most() {
        let seconds = |wish| pause(1, 7, Some(wish)).unwrap().as_secs();
        assert!(seconds(0) < 6);
        assert_eq!(seconds(120), 120);
        assert_eq!(seconds(u64::MAX), 24 * 3600);
    }
}
