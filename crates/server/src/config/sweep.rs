//! How often the service looks after what clients left behind.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use super::{ConfigError, invalid};

/// How often the service looks after what clients left behind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepConfig {
    /// How long from one sweep of what is due to the next, in seconds.
    pub every_seconds: u64,
    /// How long from one page of the survey to the next, in seconds; there is none when 0.
    pub survey_every_seconds: u64,
    /// For how many days uploads without a file, deleted files and events are remembered; for ever when 0.
    pub history_days: u32,
}

impl Default for SweepConfig {
    fn default() -> Self {
        Self {
            every_seconds: 10,
            survey_every_seconds: 60,
            history_days: 365,
        }
    }
}

impl SweepConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=3600).contains(&self.every_seconds) {
            let problem = "is not between 1 and 3600 seconds: set it to 10, for example";
            return Err(invalid("sweep.every_seconds", problem));
        }
        if self.survey_every_seconds > 86_400 {
            let problem =
                "is more than 86400 seconds: set it to 60, for example, or to 0 for no survey";
            return Err(invalid("sweep.survey_every_seconds", problem));
        }
        Ok(())
    }

    pub(crate) fn period(&self) -> Duration {
        Duration::from_secs(self.every_seconds)
    }

    /// How long from one page of the survey to the next; `None` when there is none.
    pub(crate) fn survey_period(&self) -> Option<Duration> {
        (self.survey_every_seconds > 0).then(|| Duration::from_secs(self.survey_every_seconds))
    }

    /// How long history is kept; `None` is for ever.
    pub(crate) fn history(&self) -> Option<SignedDuration> {
        (self.history_days > 0)
            .then(|| SignedDuration::from_hours(24 * i64::from(self.history_days)))
    }
}
