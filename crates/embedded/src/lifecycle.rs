//! Lifecycle rules: which objects and uploads have had their time.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::ObjectRecord;

const DAY: i64 = 24 * 3600;

/// One rule of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LifecycleRule {
    pub(crate) id: String,
    pub(crate) enabled: bool,
    pub(crate) filter: Filter,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expire: Option<Expire>,
    /// Uploads begun so many days ago are aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) abort_after: Option<u32>,
}

/// When an object expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Expire {
    /// So many days after it was written.
    Days(u32),
    /// All of them from this midnight on.
    Date(Timestamp),
}

/// What a rule is about: whatever meets all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filter {
    /// How it was written, to give it back so.
    pub(crate) form: Form,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prefix: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// In bytes, and not this size itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) larger_than: Option<u64>,
    /// In bytes, and not this size itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) smaller_than: Option<u64>,
}

/// How a filter is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// `<Filter>` with at most one condition.
    #[default]
    One,
    /// `<Filter><And>`.
    And,
    /// The old `<Prefix>` of the rule itself.
    Prefix,
}

impl LifecycleRule {
    /// The prefix of all keys it is about.
    pub(crate) fn prefix(&self) -> &str {
        self.filter.prefix.as_deref().unwrap_or_default()
    }

    /// Whether an object under that prefix is to be removed.
    pub(crate) fn expires(&self, object: &ObjectRecord, now: Timestamp) -> bool {
        let due = match self.expire {
            None => false,
            Some(Expire::Date(date)) => date <= now,
            Some(Expire::Days(days)) => is_due(object.modified, days, now),
        };
        due && self.filter.takes(object)
    }

    /// Whether an upload under that prefix is to be aborted.
    pub(crate) fn aborts(&self, initiated: Timestamp, now: Timestamp) -> bool {
        self.abort_after
            .is_some_and(|days| is_due(initiated, days, now))
    }
}

impl Filter {
    fn takes(&self, object: &ObjectRecord) -> bool {
        let tags = &object.facts.tags;
        self.larger_than.is_none_or(|size| object.size > size)
            && self.smaller_than.is_none_or(|size| object.size < size)
            && self
                .tags
                .iter()
                .all(|(name, value)| tags.get(name) == Some(value))
    }
}

/// Whether the midnight (UTC) that ends the last of `days` has come: S3 rounds up to whole days.
fn is_due(begin: Timestamp, days: u32, now: Timestamp) -> bool {
    let Ok(end) = begin.checked_add(SignedDuration::from_secs(i64::from(days) * DAY)) else {
        return false;
    };
    let end = end.as_second();
    let midnight = end + (-end).rem_euclid(DAY);
    midnight <= now.as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_rule_waits_for_the_midnight_after_its_days() {
        // The example of S3's own documentation.
        let begin = at("2014-01-15T10:30:00Z");
        assert!(!is_due(begin, 3, at("2014-01-18T23:59:59Z")));
        assert!(is_due(begin, 3, at("2014-01-19T00:00:00Z")));
        assert!(is_due(
            at("2014-01-15T00:00:00Z"),
            1,
            at("2014-01-16T00:00:00Z")
        ));
        assert!(!is_due(begin, u32::MAX, at("2014-01-19T00:00:00Z")));
    }
}
