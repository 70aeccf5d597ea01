//! What a sweep finds and does: for administrators.

use serde::{Deserialize, Serialize};

use crate::FileId;
use crate::words::words;

/// The body of `POST /v1/sweep`: one step of a walk over all there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Sweep {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Remove also what the catalog has never heard of, once it is a day old. Without it, that is only told.
    pub remove_unknown: bool,
    /// Where the last step ended; from the beginning when absent.
    pub cursor: Option<String>,
}

/// What one step of a sweep found and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Swept {
    /// How many records, objects and multipart uploads it looked at.
    pub looked_at: u64,
    /// What was not as it should be.
    pub findings: Vec<Finding>,
    /// Where the next step goes on; the walk is over when absent.
    pub next_cursor: Option<String>,
}

/// One thing that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What is the matter.
    pub kind: FindingKind,
    /// What was done about it.
    pub action: Action,
    /// In which bucket.
    pub bucket: String,
    /// The object key.
    pub key: String,
    /// Of which upload or file, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "uuid"))]
    pub id: Option<FileId>,
    /// Storage's name for a multipart upload.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub multipart_id: Option<String>,
    /// The bytes of the object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
}

words! {
    /// What can be the matter.
    FindingKind {
        /// An upload of a client that does not say when it is done: its bytes were looked for.
        BytesAwaited "bytes_awaited";
        /// An upload whose session is over.
        SessionEnded "session_ended";
        /// An upload whose verification was lost.
        VerifyLost "verify_lost";
        /// A file whose retention is over.
        RetentionEnded "retention_ended";
        /// A file whose removal was lost.
        DeleteLost "delete_lost";
        /// A settled upload whose leftovers may go.
        LeftoversOver "leftovers_over";
        /// An object that no record accounts for any more.
        OrphanObject "orphan_object";
        /// A multipart upload that no record accounts for any more.
        OrphanMultipart "orphan_multipart";
        /// An object the catalog has never heard of.
        UnknownObject "unknown_object";
        /// A multipart upload the catalog has never heard of.
        UnknownMultipart "unknown_multipart";
        /// A file without its object.
        MissingObject "missing_object";
        /// A file whose object is another one than was verified.
        ChangedObject "changed_object";
        /// Something that storage did not let itself be asked for: a page of a list, named by its prefix, or a file.
        NotSurveyed "not_surveyed";
    }
}

words! {
    /// What can be done about it.
    Action {
        /// It was told, and left as it is.
        Reported "reported";
        /// Without `dry_run` it would have been seen to.
        Planned "planned";
        /// The bytes were all there: the upload became a file.
        Completed "completed";
        /// The upload ended without a file.
        Ended "ended";
        /// It was removed from storage.
        Removed "removed";
        /// Nothing is there yet; they are looked for again.
        Waiting "waiting";
        /// Another worker was first.
        Skipped "skipped";
        /// It was begun, and takes longer than an answer may wait.
        Begun "begun";
        /// Something did not answer or refused; a later sweep sees to it.
        Postponed "postponed";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_json_says() {
        for kind in FindingKind::ALL {
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
        for action in Action::ALL {
            assert_eq!(serde_json::json!(action), action.as_str());
        }
    }
}
