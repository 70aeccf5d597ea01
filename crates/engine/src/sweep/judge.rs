//! Whether what lies in storage is accounted for. Pure: a line of a list and a record in, a verdict out.

use valetkey_catalog::{Record, Transfer};
use valetkey_protocol::upload::State;

/// What a line of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A record accounts for it, now or until its leftovers are removed.
    Accounted,
    /// Its record is done with it: it can never become, or be, a file.
    Orphan,
    /// No record speaks of it. It may belong to somebody else, or to a time the catalog does not remember.
    Unknown,
}

/// Judges an object below the prefix of a bucket's files.
pub(super) fn object(bucket: &str, key: &str, record: Option<&Record>) -> Verdict {
    let Some(record) = known(bucket, record).filter(|one| one.upload.key.as_str() == key) else {
        return Verdict::Unknown;
    };
    match record.state {
        // A run that went back to pending may have made it already.
        State::Pending | State::Verifying | State::Available | State::Deleting => {
            Verdict::Accounted
        }
        State::Failed | State::Expired | State::Aborted | State::Deleted => leftover(record),
    }
}

/// Judges an object in quarantine.
pub(super) fn quarantined(bucket: &str, record: Option<&Record>) -> Verdict {
    match known(bucket, record) {
        None => Verdict::Unknown,
        Some(record) if record.upload.transfer != Transfer::Single => Verdict::Orphan,
        Some(record) => match record.state {
            State::Pending | State::Verifying | State::Deleting => Verdict::Accounted,
            State::Available | State::Failed | State::Expired | State::Aborted | State::Deleted => {
                leftover(record)
            }
        },
    }
}

/// Judges an open multipart upload. A record's own is named in it; any other one is the result of an answer that
/// was lost, or of a race that another one won.
pub(super) fn multipart(
    bucket: &str,
    key: &str,
    upload_id: &str,
    record: Option<&Record>,
) -> Verdict {
    let Some(record) = known(bucket, record).filter(|one| one.upload.key.as_str() == key) else {
        return Verdict::Unknown;
    };
    let own = match &record.upload.transfer {
        Transfer::Multipart { upload_id, .. } => upload_id.as_deref(),
        Transfer::Single => return Verdict::Orphan,
    };
    match (record.state, own) {
        // It may be the one whose name is on its way into the record.
        (State::Pending, None) => Verdict::Accounted,
        (State::Pending | State::Verifying, Some(own)) if own == upload_id => Verdict::Accounted,
        (State::Failed | State::Expired | State::Aborted, Some(own)) if own == upload_id => {
            leftover(record)
        }
        _ => Verdict::Orphan,
    }
}

/// A record of this very bucket.
fn known<'r>(bucket: &str, record: Option<&'r Record>) -> Option<&'r Record> {
    record.filter(|record| record.upload.bucket == bucket)
}

fn leftover(record: &Record) -> Verdict {
    if record.leftovers {
        Verdict::Accounted
    } else {
        Verdict::Orphan
    }
}
