//! Trouble on purpose, for tests of what uses a store: slow answers, errors, broken connections, a wrong clock,
//! missing features, and a journal of what was accepted.
//!
//! There is none unless the store was opened with [`crate::EmbeddedStore::open_with_faults`]. Faults are data:
//! they can be read from a file and changed while the store runs.

mod body;
mod chosen;
mod operation;
mod resign;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::journal::{Journal, JournalEntry};
use crate::options::AccessKey;

pub(crate) use chosen::{Chosen, Lacking, check_date};
use operation::Subject;

/// Everything a store is to do wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Where what was accepted is written down.
    pub journal: JournalPlace,
    /// All rules that match a request are applied to it, in this order.
    pub rules: Vec<FaultRule>,
}

/// Where a journal is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalPlace {
    /// Nowhere.
    #[default]
    None,
    /// In memory, as long as the store is open.
    Memory,
    /// Behind what this file holds, one JSON object on a line.
    File(PathBuf),
}

/// One fault, and which requests it befalls. What is not said matches everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The name of an operation as in S3's API, such as `PutObject` or `CompleteMultipartUpload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// How the key begins. A form (`PostObject`) has its key in its body, and none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// Only this one of the requests that match, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only every so many of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// At most so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub fault: Fault,
}

impl From<Fault> for FaultRule {
    /// A rule that befalls every request.
    fn from(fault: Fault) -> Self {
        Self {
            operation: None,
            bucket: None,
            key_prefix: None,
            nth: None,
            every: None,
            times: None,
            fault,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The request waits before anything is done with it.
    Delay {
        /// In milliseconds.
        millis: u64,
    },
    /// 503 SlowDown; nothing is done.
    SlowDown,
    /// 500 InternalError; nothing is done.
    InternalError,
    /// The connection breaks while the request's body arrives; nothing is done.
    ResetRequest {
        /// Bytes of the body that arrive before.
        after: u64,
    },
    /// The connection breaks while the answer's body is sent; what was asked for is done.
    ResetResponse {
        /// Bytes of the body that are sent before.
        after: u64,
    },
    /// What was asked for is done and durable, and the connection breaks without an answer.
    AppliedThenReset,
    /// 200 with an `<Error>` (InternalError) in its body, as S3 answers a Copy or a Complete it gave up on late;
    /// nothing is done.
    ErrorInOk,
    /// What was asked for is done, and of an XML answer only the first half is sent, as if it were all.
    TruncatedXml,
    /// The store's clock is wrong, in its `Date` and where it judges the age of a signature. (A URL that expired
    /// by the true clock does not come back to life.)
    SkewedClock {
        /// Ahead of the true time, in seconds; behind when negative.
        seconds: i64,
    },
    /// The store does not have something.
    Lacks {
        /// What it does without.
        features: Vec<Feature>,
    },
}

/// Something a lesser store does not have. Its headers are taken and ignored, as such stores do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// `If-None-Match` of a write.
    IfNoneMatch,
    /// `If-Match` of a write.
    IfMatch,
    /// `x-amz-copy-source-if-*`.
    CopySourceConditions,
    /// Checking `x-amz-checksum-*` and trailers.
    ChecksumChecks,
    /// Reporting checksums, in headers and in XML.
    ChecksumReports,
    /// Refusing `x-amz-*` headers that were not signed.
    SignedHeaders,
    /// Holding a client to the `Content-Length` that was signed. A signature over some other length cannot be
    /// verified, so every signature that covers a length is taken.
    SignedLength,
    /// Checking `Content-MD5`.
    ContentMd5,
}

/// The faults of an open store; clones share them.
#[derive(Clone)]
pub struct FaultPlan {
    shared: Arc<Shared>,
}

struct Shared {
    rules: Mutex<Vec<Counted>>,
    journal: Option<Arc<Journal>>,
    /// To sign again what a fault has to change.
    key: AccessKey,
    domain: Domain,
}

/// A rule, and how often it matched and struck.
struct Counted {
    rule: FaultRule,
    matched: u64,
    struck: u64,
}

impl FaultPlan {
    pub(crate) fn new(
        rules: Vec<FaultRule>,
        journal: Option<Arc<Journal>>,
        key: AccessKey,
        domain: Domain,
    ) -> Self {
        let plan = Self {
            shared: Arc::new(Shared {
                rules: Mutex::default(),
                journal,
                key,
                domain,
            }),
        };
        plan.set_rules(rules);
        plan
    }

    /// Replaces all rules; their counts begin anew. Requests that already arrived keep what befell them.
    pub fn set_rules(&self, rules: Vec<FaultRule>) {
        *self.rules() = rules
            .into_iter()
            .map(|rule| Counted {
                rule,
                matched: 0,
                struck: 0,
            })
            .collect();
    }

    /// How often each rule struck, in the order of the rules.
    pub fn struck(&self) -> Vec<u64> {
        self.rules().iter().map(|counted| counted.struck).collect()
    }

    /// Everything accepted so far, in the order it became durable; nothing when no journal is kept.
    ///
    /// # Errors
    /// The file of the journal cannot be read, or holds something else.
    pub fn journal(&self) -> std::io::Result<Vec<JournalEntry>> {
        match &self.shared.journal {
            Some(journal) => journal.entries(),
            None => Ok(Vec::new()),
        }
    }

    /// What befalls a request.
    pub(crate) fn choose(&self, parts: &Parts) -> Chosen {
        let subject = Subject::of(parts, &self.shared.domain);
        let faults: Vec<Fault> = self
            .rules()
            .iter_mut()
            .filter_map(|counted| counted.strike(&subject))
            .collect();
        if !faults.is_empty() {
            tracing::debug!(operation = subject.operation, ?faults, "a fault strikes");
        }
        Chosen::new(faults, self.shared.key.clone())
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Counted>> {
        self.shared
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPlan").finish_non_exhaustive()
    }
}

impl Counted {
    fn strike(&mut self, subject: &Subject) -> Option<Fault> {
        let rule = &self.rule;
        let named =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let prefix = rule.key_prefix.as_deref().unwrap_or_default();
        if !named(&rule.operation, subject.operation)
            || !named(&rule.bucket, &subject.bucket)
            || !subject.key.starts_with(prefix)
        {
            return None;
        }
        self.matched += 1;
        let strikes = rule.nth.is_none_or(|nth| nth == self.matched)
            && rule
                .every
                .is_none_or(|every| self.matched.is_multiple_of(every))
            && rule.times.is_none_or(|times| self.struck < times);
        if !strikes {
            return None;
        }
        self.struck += 1;
        Some(rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> Subject {
        Subject {
            operation: "PutObject",
            bucket: "files".to_owned(),
            key: key.to_owned(),
        }
    }

    #[test]
    fn a_rule_counts_only_what_it_matches() {
        let mut counted = Counted {
            rule: FaultRule {
                operation: Some("PutObject".to_owned()),
                key_prefix: Some("a/".to_owned()),
                every: Some(2),
                times: Some(2),
                ..FaultRule::from(Fault::SlowDown)
            },
            matched: 0,
            struck: 0,
        };
        assert_eq!(counted.strike(&put("b/1")), None);
        let strikes: Vec<bool> = (0..8)
            .map(|_| counted.strike(&put("a/1")).is_some())
            .collect();
        assert_eq!(
            strikes,
            [false, true, false, true, false, false, false, false]
        );
    }

    #[test]
    fn faults_are_data_and_an_unknown_word_is_told() {
        let faults = Faults {
            journal: JournalPlace::File("/tmp/journal".into()),
            rules: vec![FaultRule {
                nth: Some(3),
                ..FaultRule::from(Fault::Lacks {
                    features: vec![Feature::IfNoneMatch, Feature::ContentMd5],
                })
            }],
        };
        let text = serde_json::to_string(&faults).unwrap();
        assert!(text.contains(r#""kind":"lacks","features":["if-none-match","content-md5"]"#));
        assert_eq!(serde_json::from_str::<Faults>(&text).unwrap(), faults);
        let wrong = r#"{"rules": [{"opration": "PutObject", "fault": {"kind": "slow-down"}}]}"#;
        let error = serde_json::from_str::<Faults>(wrong).unwrap_err();
        assert!(error.to_string().contains("opration"), "{error}");
    }
}
