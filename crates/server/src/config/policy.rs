//! Who may do what: files of Cedar policies, and what they may read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::Offset;
use serde::Deserialize;
use valetkey_engine::{BucketRules, Kind, Policies, PolicyFile, Vocabulary};

use super::{Config, ConfigError, invalid};
use crate::auth::ClaimName;

/// Who may do what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Files of policies, and folders whose `*.cedar` are. Without any, the built-in policies hold.
    pub files: Vec<PathBuf>,
    /// Whether the built-in policies hold beside those of the files.
    pub include_default: bool,
    /// Which claims of tokens policies may read, by the names they have there.
    pub claims: BTreeMap<String, ClaimConfig>,
    /// The offset from UTC of `hour` and `weekday`, such as "+02:00"; UTC when empty.
    pub utc_offset: String,
}

/// A claim that policies may read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimConfig {
    /// Where it is in the token: a name, a path with dots, or a JSON pointer.
    pub from: String,
    /// What kind of value it has.
    #[serde(rename = "type")]
    pub kind: Kind,
}

impl PolicyConfig {
    /// Checks what can be checked without reading files.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.offset()?;
        self.claim_names()?;
        if self.include_default && self.files.is_empty() {
            let problem = "says nothing without `policy.files`: the built-in policies hold then anyway; leave it out";
            return Err(invalid("policy.include_default", problem));
        }
        Ok(())
    }

    /// Which claims policies may read: what they call them, where those are, of which kind.
    pub(crate) fn claim_names(&self) -> Result<Vec<(String, ClaimName, Kind)>, ConfigError> {
        let claims = self.claims.iter().map(|(name, claim)| {
            let key = || format!("policy.claims.{name}");
            let place = ClaimName::parse(&claim.from).map_err(|problem| invalid(key(), problem))?;
            Ok((name.clone(), place, claim.kind))
        });
        claims.collect()
    }

    fn offset(&self) -> Result<Offset, ConfigError> {
        if self.utc_offset.is_empty() {
            return Ok(Offset::UTC);
        }
        let wrong = || {
            let problem = "is no offset from UTC; write one like \"+02:00\" or \"-05:30\"";
            invalid("policy.utc_offset", problem)
        };
        parse_offset(&self.utc_offset).ok_or_else(wrong)
    }

    /// Reads the policies from their files; those files that are missing, or say what cannot hold, are told.
    pub(crate) fn read<'r>(
        &self,
        rules: impl Iterator<Item = (&'r str, &'r BucketRules)>,
    ) -> Result<Policies, ConfigError> {
        let mut vocabulary = Vocabulary::default();
        let claims = self.claims.iter();
        vocabulary.claims = claims
            .map(|(name, claim)| (name.clone(), claim.kind))
            .collect();
        for (bucket, rules) in rules {
            vocabulary.take(&rules.attributes).map_err(|name| {
                let key = format!("buckets.{bucket}.rules.attributes.{name}");
                invalid(
                    key,
                    "has another type than in another bucket; policies need one",
                )
            })?;
        }
        let (mut texts, wants_default) =
            (Vec::new(), self.files.is_empty() || self.include_default);
        for path in self.paths()? {
            let text = super::read(&path)?;
            let name = path.display().to_string();
            texts.push(PolicyFile { name, text });
        }
        Policies::read(&texts, wants_default, &vocabulary, self.offset()?).map_err(|error| {
            // Log lines and terminals take one line.
            let faults = error.to_string().replace('\n', "; ");
            invalid("policy.files", format!("cannot hold: {faults}"))
        })
    }

    /// Every file, those of folders in the order of their names.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>, ConfigError> {
        let mut paths = Vec::new();
        for path in &self.files {
            if !path.is_dir() {
                paths.push(path.clone());
                continue;
            }
            let found = policies_in(path).map_err(|source| ConfigError::Read {
                path: path.clone(),
                source,
            })?;
            if found.is_empty() {
                let problem = format!("names {}, where no *.cedar is", path.display());
                return Err(invalid("policy.files", problem));
            }
            paths.extend(found);
        }
        Ok(paths)
    }
}

impl Config {
    /// Reads a file and nothing that it refers to, for whoever needs no secrets.
    ///
    /// # Errors
    /// It cannot be read, or says what no configuration says.
    pub fn read_file(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&super::read(path)?, path)
    }

    /// Reads the policies it names.
    ///
    /// # Errors
    /// A file cannot be read, or the policies cannot hold: each fault with file, line and column.
    pub fn read_policies(&self) -> Result<Policies, ConfigError> {
        self.policy.check()?;
        let buckets = self.buckets.iter();
        let rules = buckets.map(|(name, bucket)| (name.as_str(), &bucket.rules));
        self.policy.read(rules)
    }
}

fn policies_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?;
    let mut paths: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "cedar"));
    paths.sort();
    Ok(paths)
}

/// `+02:00`, at most fourteen hours either way.
fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let digits = |text: &str| match text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<i32>().ok(),
        false => None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let seconds = sign * (hours * 3600 + minutes * 60);
    if minutes > 59 || seconds.abs() > 14 * 3600 {
        return None;
    }
    Offset::from_seconds(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read() {
        for (text, seconds) in [
            ("+02:00", 7200),
            ("-05:30", -19_800),
            ("+00:00", 0),
            ("+14:00", 50_400),
        ] {
            assert_eq!(parse_offset(text).unwrap().seconds(), seconds, "{text}");
        }
        for wrong in [
            "2", "+2:00", "+02", "02:00", "+02:60", "+15:00", "+é2:00", "Z", "+-2:00",
        ] {
            assert!(parse_offset(wrong).is_none(), "{wrong}");
        }
    }
}
