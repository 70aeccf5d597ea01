//! The life of an upload, one file for each verb.

mod abort;
mod complete;
mod create;
mod integrity;
mod late;
mod look;
mod once;
mod plan;
mod sign_parts;
pub(crate) mod verify;

use valetkey_catalog::{Record, Transfer};
use valetkey_protocol::upload::{State, Strategy, Upload};
use valetkey_protocol::{Code, PartPlan};

use crate::{Bucket, Error};

pub(crate) use abort::{abort_all, clear_quarantine, discard};
pub use complete::Completion;
pub(crate) use create::check_batch;
pub use late::{LateGrant, LateUpload};

/// An upload without its requests.
pub(crate) fn view(record: &Record, bucket: &Bucket) -> Upload {
    let upload = &record.upload;
    let plan = plan_of(record).filter(|_| strategy(record) == Strategy::Multipart);
    Upload {
        id: upload.id,
        bucket: upload.bucket.clone(),
        key: upload.key.clone(),
        state: record.state,
        strategy: strategy(record),
        checksum_algorithm: bucket.rules.checksum_algorithm,
        size: upload.size,
        expires_at: upload.session_ends_at,
        request: None,
        part_size: plan.map(|plan| plan.part_size()),
        part_count: plan.map(|plan| plan.part_count()),
        parts: None,
        uploaded_parts: None,
        problem: record.problem.clone(),
    }
}

fn strategy(record: &Record) -> Strategy {
    match record.upload.transfer {
        Transfer::Single => Strategy::Single,
        Transfer::Multipart { .. } => Strategy::Multipart,
    }
}

/// How the bytes are cut; `None` for a single upload.
fn plan_of(record: &Record) -> Option<PartPlan> {
    match record.upload.transfer {
        Transfer::Single => None,
        Transfer::Multipart { part_size, .. } => PartPlan::new(record.upload.size, part_size).ok(),
    }
}

/// Why an upload that is not open any more takes nothing.
pub(crate) fn closed(record: &Record) -> Error {
    match (record.state, &record.problem) {
        (State::Failed, Some(problem)) => Error::Refused(problem.clone()),
        (State::Expired, _) => expired(),
        (State::Aborted, _) => {
            Error::conflict(State::Aborted, "the upload was aborted; create a new one")
        }
        (State::Pending | State::Verifying, _) => Error::conflict(
            record.state,
            "the upload is being verified; ask again in a moment",
        ),
        (state, _) => Error::conflict(
            state,
            "the upload is over; create a new one to send other bytes",
        ),
    }
}

fn expired() -> Error {
    Error::refused(
        Code::UploadExpired,
        "the upload's session is over; create a new upload",
    )
}
