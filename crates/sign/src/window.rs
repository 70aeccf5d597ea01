//! URLs that stay the same for a while, so that they can be cached.

use jiff::Timestamp;

use crate::SignError;

/// When a request is signed, and for how long, so that all who ask within a window get the same URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The start of the window: sign with this instant.
    pub signed_at: Timestamp,
    /// The lifetime from there, in seconds: what was asked for, and the window once more.
    pub expires_in_seconds: u32,
}

impl Window {
    /// When requests of this window expire.
    pub fn expires_at(&self) -> Timestamp {
        let seconds = i64::from(self.expires_in_seconds);
        let end = self.signed_at.as_second().saturating_add(seconds);
        Timestamp::from_second(end).unwrap_or(Timestamp::MAX)
    }
}

/// Rounds the time of signing down to a whole window, counted from the epoch.
///
/// Signed afresh, every presigned URL differs from the one before, and browsers and CDNs never find it
/// in their caches. Within a window every replica makes the identical URL, without talking to any other;
/// whoever asks last still gets at least `expires_in_seconds`.
///
/// # Errors
/// [`SignError::Window`] for a window of 0 seconds, and [`SignError::ExpiryOutOfRange`] when lifetime and
/// window together exceed the seven days that storage accepts.
pub fn stable_window(
    now: Timestamp,
    window_seconds: u32,
    expires_in_seconds: u32,
) -> Result<Window, SignError> {
    if window_seconds == 0 {
        return Err(SignError::Window);
    }
    let total = expires_in_seconds.saturating_add(window_seconds);
    if !(1..=crate::v4::MAX_EXPIRES_IN_SECONDS).contains(&expires_in_seconds)
        || total > crate::v4::MAX_EXPIRES_IN_SECONDS
    {
        return Err(SignError::ExpiryOutOfRange { seconds: total });
    }
    let second = now.as_second();
    let start = second - second.rem_euclid(i64::from(window_seconds));
    Ok(Window {
        // Only the first window of all times could start before there is time.
        signed_at: Timestamp::from_second(start).unwrap_or(Timestamp::MIN),
        expires_in_seconds: total,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_instants_of_a_window_are_one_and_the_asked_lifetime_is_left() {
        let at = |text: &str| stable_window(text.parse().unwrap(), 3_600, 900).unwrap();
        let first = at("2026-11-23T20:00:00Z");
        assert_eq!(first, at("2026-11-23T20:59:59.999Z"));
        assert_ne!(first, at("2026-11-23T21:00:00Z"));
        assert_eq!(first.signed_at, "2026-11-23T20:00:00Z".parse().unwrap());
        assert_eq!(first.expires_at(), "2026-11-23T21:15:00Z".parse().unwrap());
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        let now = "2026-11-23T20:00:00Z".parse().unwrap();
        assert_eq!(stable_window(now, 0, 900), Err(SignError::Window));
        let seconds = 604_801;
        let refused = Err(SignError::ExpiryOutOfRange { seconds });
        assert_eq!(stable_window(now, 86_400, 518_401), refused);
        assert!(stable_window(now, 86_400, 518_400).is_ok());
        assert!(stable_window(now, 86_400, 0).is_err());
    }
}
