//! Values that open something by themselves: never printed by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A URL that carries its own permission. It crosses the wire in full; Debug and Display hide the query.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct PresignedUrl(String);

impl PresignedUrl {
    /// Wraps a URL.
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// The whole URL, to send or to open; not to log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('?') {
            Some((open, _)) => write!(f, "{open}?[redacted]"),
            None => f.write_str("[redacted]"),
        }
    }
}

/// A password, key or token. Debug and Display say only that there is one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, to compute or send with; not to log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_is_ever_printed() {
        let url = PresignedUrl::new("https://b.example/k?X-Amz-Signature=abc".to_owned());
        assert_eq!(
            format!("{url} {url:?}"),
            "https://b.example/k?[redacted] https://b.example/k?[redacted]"
        );
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn the_wire_gets_the_whole_url() {
        let url = PresignedUrl::new("https://b.example/k?s=1".to_owned());
        assert_eq!(
            serde_json::to_string(&url).unwrap(),
            "\"https://b.example/k?s=1\""
        );
    }
}
