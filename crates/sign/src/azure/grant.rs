//! What a shared access signature allows, and until when.

use std::net::Ipv4Addr;
use std::str::FromStr;

use jiff::Timestamp;

use super::{AzureError, VERSION};
use crate::instant::{extended, parse_compact};

/// What may be done, when, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    /// Letters as Azure defines them, in its order: `r` read, `c` create, `w` write, `d` delete, …
    pub permissions: &'a str,
    /// From when on; at once when absent.
    pub start: Option<SasTime>,
    /// Until when.
    pub expiry: SasTime,
    /// The IPv4 address, or range of addresses, that may use it: `10.0.0.1` or `10.0.0.1-10.0.0.9`.
    pub ip: Option<&'a str>,
    /// Whether plain HTTP will do.
    pub protocol: Option<Protocol>,
    /// The version of the storage service (`sv`); it decides what is signed, and in which order.
    pub version: &'a str,
    /// Headers of the answer to a download.
    pub overrides: Overrides<'a>,
    /// A policy stored with the container, by which the grant can be revoked.
    pub identifier: Option<&'a str>,
    /// The encryption scope that writes must use.
    pub encryption_scope: Option<&'a str>,
}

impl<'a> Grant<'a> {
    /// A grant without further limits, of the version [`VERSION`].
    ///
    /// # Errors
    /// [`AzureError::Time`].
    pub fn new(permissions: &'a str, expiry: &str) -> Result<Self, AzureError> {
        Ok(Self {
            permissions,
            start: None,
            expiry: expiry.parse()?,
            ip: None,
            protocol: None,
            version: VERSION,
            overrides: Overrides::default(),
            identifier: None,
            encryption_scope: None,
        })
    }

    pub(super) fn check(&self, oldest: &'static str) -> Result<(), AzureError> {
        let letters = self.permissions.bytes().all(|b| b.is_ascii_lowercase());
        // With a stored policy, permissions may be its affair.
        let enough = !self.permissions.is_empty() || self.identifier.is_some();
        if !letters || !enough {
            return Err(AzureError::Permissions {
                given: self.permissions.to_owned(),
            });
        }
        let is_date = self.version.len() == 10 && self.version.parse::<jiff::civil::Date>().is_ok();
        if !is_date || self.version < oldest {
            return Err(AzureError::Version {
                given: self.version.to_owned(),
                oldest,
            });
        }
        if let Some(ip) = self.ip {
            let (first, last) = ip.split_once('-').unwrap_or((ip, ip));
            let both = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>());
            if !matches!(both, (Ok(first), Ok(last)) if first <= last) {
                return Err(AzureError::Ip {
                    given: ip.to_owned(),
                });
            }
        }
        let texts = [
            ("identifier", self.identifier),
            ("encryption scope", self.encryption_scope),
            ("cache-control", self.overrides.cache_control),
            ("content-disposition", self.overrides.content_disposition),
            ("content-encoding", self.overrides.content_encoding),
            ("content-language", self.overrides.content_language),
            ("content-type", self.overrides.content_type),
        ];
        for (part, text) in texts {
            if text.is_some_and(|text| text.chars().any(char::is_control)) {
                return Err(AzureError::Control { part });
            }
        }
        Ok(())
    }
}

/// Headers that a download's answer will have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides<'a> {
    /// `rscc`
    pub cache_control: Option<&'a str>,
    /// `rscd`
    pub content_disposition: Option<&'a str>,
    /// `rsce`
    pub content_encoding: Option<&'a str>,
    /// `rscl`
    pub content_language: Option<&'a str>,
    /// `rsct`
    pub content_type: Option<&'a str>,
}

/// How a signature may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Over TLS only.
    Https,
    /// Over TLS or in the clear.
    HttpsAndHttp,
}

impl Protocol {
    /// `spr`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::HttpsAndHttp => "https,http",
        }
    }
}

impl FromStr for Protocol {
    type Err = AzureError;

    fn from_str(text: &str) -> Result<Self, AzureError> {
        match text {
            "https" => Ok(Self::Https),
            "https,http" => Ok(Self::HttpsAndHttp),
            _ => Err(AzureError::Protocol {
                given: text.to_owned(),
            }),
        }
    }
}

/// An instant in one of the forms Azure takes; it is signed as the text it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SasTime(String);

impl SasTime {
    /// The text that is signed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Timestamp> for SasTime {
    /// `2026-01-02T03:04:05Z`, without the fraction of a second.
    fn from(at: Timestamp) -> Self {
        Self(extended(at))
    }
}

impl FromStr for SasTime {
    type Err = AzureError;

    /// Takes `2026-01-02`, `2026-01-02T03:04Z` and `2026-01-02T03:04:05Z` as they are, and
    /// `20260102T030405Z`, which becomes the last of these.
    fn from_str(text: &str) -> Result<Self, AzureError> {
        if let Some(at) = parse_compact(text) {
            return Ok(at.into());
        }
        let full = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            17 => text.replace('Z', ":00Z"),
            _ => text.to_owned(),
        };
        let parsed = full.parse::<Timestamp>();
        if parsed.is_ok_and(|at| extended(at) == full) {
            return Ok(Self(text.to_owned()));
        }
        Err(AzureError::Time {
            given: text.to_owned(),
        })
    }
}
