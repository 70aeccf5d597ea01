//! Where a walk over everything stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use valetkey_protocol::FileId;
use valetkey_protocol::sweep::FindingKind;

/// A step of a walk through one bucket: what is due, and then its survey, which looks at the objects, the
/// quarantine, the multipart uploads and the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// What is due; in a dry run after the last record that was told.
    Due { after: Option<Told> },
    /// The objects below one prefix, after storage's token.
    Objects {
        prefix: String,
        after: Option<String>,
    },
    /// The objects in quarantine, after storage's token.
    Quarantine { after: Option<String> },
    /// The multipart uploads below one prefix, after storage's token.
    Multiparts {
        prefix: String,
        after: Option<String>,
    },
    /// The files, after one of them.
    Files { after: Option<FileId> },
}

/// A record with work due that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) kind: FindingKind,
    pub(super) since: Timestamp,
    pub(super) id: FileId,
}

/// Where an administrator's walk through all buckets stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// When it began: what falls due later is not its business, so that it comes to an end.
    pub(super) began: Timestamp,
    pub(super) bucket: String,
    pub(super) step: Step,
}

impl Step {
    /// Its name in logs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Due { .. } => "due",
            Self::Objects { .. } => "objects",
            Self::Quarantine { .. } => "quarantine",
            Self::Multiparts { .. } => "multiparts",
            Self::Files { .. } => "files",
        }
    }

    /// Where the survey of a bucket with these prefixes begins.
    pub(super) fn first(prefixes: &[&str]) -> Self {
        Self::objects(prefixes).unwrap_or(Self::Quarantine { after: None })
    }

    /// The step after this one in a bucket with these prefixes; `None` at the end. A prefix that is not there any more
    /// ends the prefixes.
    pub(super) fn next(&self, prefixes: &[&str]) -> Option<Self> {
        let rest = |prefix: &str| match prefixes.iter().position(|one| *one == prefix) {
            Some(index) => &prefixes[index + 1..],
            None => &[],
        };
        match self {
            Self::Due { .. } => Some(Self::first(prefixes)),
            Self::Objects { prefix, .. } => {
                let objects = Self::objects(rest(prefix));
                objects.or(Some(Self::Quarantine { after: None }))
            }
            Self::Quarantine { .. } => {
                let multiparts = Self::multiparts(prefixes);
                multiparts.or(Some(Self::Files { after: None }))
            }
            Self::Multiparts { prefix, .. } => {
                let multiparts = Self::multiparts(rest(prefix));
                multiparts.or(Some(Self::Files { after: None }))
            }
            Self::Files { .. } => None,
        }
    }

    fn objects(prefixes: &[&str]) -> Option<Self> {
        let prefix = (*prefixes.first()?).to_owned();
        Some(Self::Objects {
            prefix,
            after: None,
        })
    }

    fn multiparts(prefixes: &[&str]) -> Option<Self> {
        let prefix = (*prefixes.first()?).to_owned();
        Some(Self::Multiparts {
            prefix,
            after: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_through_every_prefix_and_comes_to_an_end() {
        let prefixes = ["files", "old"];
        let mut step = Some(Step::Due { after: None });
        let mut walk = Vec::new();
        while let Some(here) = step {
            step = here.next(&prefixes);
            walk.push(match &here {
                Step::Objects { prefix, .. } | Step::Multiparts { prefix, .. } => {
                    format!("{} {prefix}", here.name())
                }
                _ => here.name().to_owned(),
            });
        }
        let expected = [
            "due",
            "objects files",
            "objects old",
            "quarantine",
            "multiparts files",
            "multiparts old",
            "files",
        ];
        assert_eq!(walk, expected);
        let gone = Step::Objects {
            prefix: "older".to_owned(),
            after: None,
        };
        assert_eq!(gone.next(&prefixes), Some(Step::Quarantine { after: None }));
    }
}
