//! Tickets: how a token that is one narrows what its holder may create.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use valetkey_catalog::{Owner, TicketId, TicketUse};
use valetkey_protocol::bucket::Bucket as BucketView;
use valetkey_protocol::ticket::TicketClaim;
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{Code, FolderPath, Problem, hex};

use crate::{Engine, Error, Principal};

/// A token that is for uploads alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Who made it.
    pub issuer: String,
    /// Its name there, the `jti` of the token: two tokens with one name are one ticket.
    pub name: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// For which uploads it is.
    pub claim: TicketClaim,
    /// How many bytes all its uploads together may declare; no limit when absent.
    pub max_bytes: Option<u64>,
}

impl Ticket {
    /// Which ticket it is, for one owner and one bucket.
    fn id(&self, owner: &Owner, bucket: &str) -> TicketId {
        let mut hash = Sha256::new();
        for part in [&self.issuer, &self.name, &owner.to_string(), bucket] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Refuses what it is not for, and fills in what it says.
    fn narrow(&self, mut create: CreateUpload, bucket: &str) -> Result<CreateUpload, Error> {
        let claim = &self.claim;
        if create.bucket.as_deref().unwrap_or(bucket) != bucket {
            let detail = format!("bucket: this ticket is for bucket {bucket}");
            return Err(Error::refused(Code::Forbidden, detail));
        }
        create.bucket = Some(bucket.to_owned());
        if let Some(types) = &claim.content_types
            && !types.iter().any(|one| create.content_type.matches(one))
        {
            let detail = format!("this ticket is for files of {}", types.join(", "));
            return Err(Error::refused(Code::ContentTypeNotAllowed, detail));
        }
        if let Some(limit) = claim.max_size.filter(|limit| create.size > *limit) {
            let detail = format!("this ticket is for files of at most {limit} bytes");
            let problem = Problem::new(Code::FileTooLarge, detail);
            return Err(Error::Refused(problem.with("limit", limit)));
        }
        if let Some(folder) = &claim.path {
            let path = create.path.unwrap_or_else(|| folder.clone());
            if !is_in(&path, folder) {
                let detail = format!("path: this ticket is for the folder '{}'", folder.as_str());
                return Err(Error::refused(Code::Forbidden, detail));
            }
            create.path = Some(path);
        }
        if let Some(forced) = &claim.metadata {
            let pairs = forced.pairs().iter();
            let forced: BTreeMap<_, _> = pairs
                .map(|(key, value)| (key.clone(), Some(value.clone())))
                .collect();
            let merged = create.metadata.unwrap_or_default().merged(&forced);
            create.metadata = Some(merged.map_err(|error| ("metadata", error))?);
        }
        Ok(create)
    }

    /// Leaves of a bucket's rules what it is for.
    fn narrow_view(&self, mut view: BucketView) -> BucketView {
        let claim = &self.claim;
        view.default = true;
        view.max_size = claim.max_size.unwrap_or(u64::MAX).min(view.max_size);
        if let Some(types) = &claim.content_types {
            view.content_types = common(types, &view.content_types);
        }
        view
    }
}

impl Engine {
    /// The wish of somebody who may have a ticket, as it may be fulfilled.
    pub(crate) fn narrowed(
        &self,
        who: &Principal,
        create: CreateUpload,
    ) -> Result<CreateUpload, Error> {
        match &who.ticket {
            None => Ok(create),
            Some(ticket) => ticket.narrow(create, self.ticket_bucket(ticket)),
        }
    }

    /// The ticket that somebody's uploads are counted under.
    pub(crate) fn ticket_use(&self, who: &Principal) -> Option<TicketUse> {
        let ticket = who.ticket.as_ref()?;
        Some(TicketUse {
            id: ticket.id(&who.owner(), self.ticket_bucket(ticket)),
            max_uploads: ticket.claim.max_count,
            max_bytes: ticket.max_bytes,
            expires_at: ticket.expires_at,
        })
    }

    /// The key of a create that is done once: holders of a ticket share none with the owner of the files, nor with those
    /// of another ticket. No client can send one with a space in it.
    pub(crate) fn once_key(&self, who: &Principal, key: &str) -> String {
        match self.ticket_use(who) {
            None => key.to_owned(),
            Some(ticket) => {
                let digest = Sha256::new().chain_update(ticket.id).chain_update(key);
                format!("ticket {}", hex(&digest.finalize()))
            }
        }
    }

    /// What its holder may do in a bucket, if anything.
    pub(crate) fn bucket_for(&self, who: &Principal, view: BucketView) -> Option<BucketView> {
        match &who.ticket {
            None => Some(view),
            Some(ticket) => {
                let is_its = view.name == self.ticket_bucket(ticket);
                is_its.then(|| ticket.narrow_view(view))
            }
        }
    }

    fn ticket_bucket<'a>(&'a self, ticket: &'a Ticket) -> &'a str {
        ticket
            .claim
            .bucket
            .as_deref()
            .unwrap_or(self.default_bucket())
    }
}

/// Whether a folder is another one, or in it.
fn is_in(path: &FolderPath, folder: &FolderPath) -> bool {
    let rest = path.as_str().strip_prefix(folder.as_str());
    let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    folder.as_str().is_empty() || rest.is_some_and(below)
}

/// The types that patterns of both kinds cover.
fn common(ours: &[String], theirs: &[String]) -> Vec<String> {
    let mut common = Vec::new();
    for one in ours {
        for other in theirs {
            let narrower = match (covers(one, other), covers(other, one)) {
                (true, _) => other,
                (false, true) => one,
                (false, false) => continue,
            };
            if !common.contains(narrower) {
                common.push(narrower.clone());
            }
        }
    }
    common
}

/// Whether a pattern covers all that another one does.
fn covers(pattern: &str, other: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("*/") => true,
        Some(kind) => other.starts_with(kind),
        None => pattern == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> FolderPath {
        FolderPath::parse(text).unwrap()
    }

    #[test]
    fn a_folder_is_in_itself_and_in_those_above_it() {
        for (path, above) in [
            ("a", "a"),
            ("a/b", "a"),
            ("a/b", "a/b"),
            ("a", ""),
            ("", ""),
        ] {
            assert!(is_in(&folder(path), &folder(above)), "{path} {above}");
        }
        for (path, above) in [
            ("", "a"),
            ("ab", "a"),
            ("a", "a/b"),
            ("b/a", "a"),
            ("A", "a"),
        ] {
            assert!(!is_in(&folder(path), &folder(above)), "{path} {above}");
        }
    }

    #[test]
    fn of_two_patterns_the_narrower_is_left() {
        let of = |texts: &[&str]| {
            texts
                .iter()
                .map(|one| (*one).to_owned())
                .collect::<Vec<_>>()
        };
        for (ours, theirs, left) in [
            (&["*/*"][..], &["image/*"][..], &["image/*"][..]),
            (&["image/*"], &["*/*"], &["image/*"]),
            (&["image/*"], &["image/png", "text/plain"], &["image/png"]),
            (&["image/png", "a/b"], &["image/*"], &["image/png"]),
            (&["image/png"], &["image/p"], &[]),
            (&["image/png"], &["image/png", "image/*"], &["image/png"]),
        ] {
            assert_eq!(
                common(&of(ours), &of(theirs)),
                of(left),
                "{ours:?} {theirs:?}"
            );
        }
    }
}
