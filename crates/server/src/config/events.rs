//! How many streams of events the service holds open.

use serde::Deserialize;

use super::{ConfigError, invalid};

/// How many streams of events the service holds open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// How many streams this server holds open; none when 0.
    pub max_streams: usize,
    /// How many of them one user may have.
    pub max_streams_per_user: usize,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            max_streams: 1000,
            max_streams_per_user: 10,
        }
    }
}

impl EventsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.max_streams_per_user == 0 {
            let problem = "is 0: set it to 1 or more, or `events.max_streams` to 0 for no streams";
            return Err(invalid("events.max_streams_per_user", problem));
        }
        Ok(())
    }
}
