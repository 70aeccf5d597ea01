//! Conditions on an object that exists: `If-Match`, `If-None-Match`, `If-Modified-Since`,
//! `If-Unmodified-Since`, and their `x-amz-copy-source-` twins.
//!
//! See RFC 9110 §13.2.2 for their order and
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html> for the copy's.

use s3s::dto::{ETagCondition, Timestamp};

use crate::clock::system_time;
use crate::record::ObjectRecord;

/// What a request demands of the object it reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    /// 412, whoever asks.
    Failed,
    /// 304 for a read, 412 for a copy.
    NotModified,
}

impl ReadConditions {
    /// Judges an object. An ETag condition that holds overrules the date beside it.
    pub(crate) fn judge(&self, object: &ObjectRecord) -> Verdict {
        let modified = Timestamp::from(system_time(object.modified));
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !matches(condition, &object.etag) => return Verdict::Failed,
            (None, Some(date)) if modified > *date => return Verdict::Failed,
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if matches(condition, &object.etag) => Verdict::NotModified,
            (None, Some(date)) if modified <= *date => Verdict::NotModified,
            _ => Verdict::Go,
        }
    }
}

/// Whether a condition names this ETag. S3's own tags are all strong, so a weak one is compared by its value.
pub(crate) fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(named) => named.value() == etag,
    }
}
