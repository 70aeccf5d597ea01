//! Listing objects: seeks in the index from one answer to the next, however many keys lie in between.

use std::ops::Bound;

use super::bucket::require_bucket_in;
use super::table::{BUCKETS, OBJECTS, Snapshot};
use crate::error::Failure;
use crate::record::ObjectRecord;

/// Which objects to list.
pub(crate) struct Query {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    /// Only what sorts behind this name: a key, or a common prefix that was already given.
    pub(crate) after: String,
    pub(crate) limit: usize,
}

/// A page of a listing.
pub(crate) struct Listing {
    pub(crate) items: Vec<ListingItem>,
    pub(crate) truncated: bool,
}

/// One line of it.
pub(crate) enum ListingItem {
    Object(String, Box<ObjectRecord>),
    Prefix(String),
}

impl ListingItem {
    /// What the next page continues after.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Object(name, _) | Self::Prefix(name) => name,
        }
    }
}

/// Lists in the order of the keys' bytes, as S3 does.
pub(crate) fn list_objects(snapshot: &Snapshot, query: &Query) -> Result<Listing, Failure> {
    require_bucket_in(&snapshot.open(BUCKETS)?, &query.bucket)?;
    let mut listing = Listing {
        items: Vec::new(),
        truncated: false,
    };
    if query.limit == 0 {
        return Ok(listing);
    }
    let table = snapshot.open(OBJECTS)?;
    let mut start = first_key(query);
    'seek: loop {
        let from = (query.bucket.as_str(), start.as_slice());
        for entry in table.range((Bound::Included(from), Bound::Unbounded))? {
            let (place, stored) = entry?;
            let (bucket, key) = place.value();
            if bucket != query.bucket || !key.starts_with(query.prefix.as_bytes()) {
                return Ok(listing);
            }
            let step = next_step(key, &query.prefix, query.delimiter.as_deref());
            if let Step::Prefix(prefix) = &step
                && prefix.as_str() <= query.after.as_str()
            {
                start = successor(prefix.as_bytes());
                continue 'seek;
            }
            if listing.items.len() == query.limit {
                listing.truncated = true;
                return Ok(listing);
            }
            match step {
                Step::Key(name) => {
                    let record = serde_json::from_slice(stored.value())?;
                    listing.items.push(ListingItem::Object(name, record));
                }
                Step::Prefix(prefix) => {
                    start = successor(prefix.as_bytes());
                    listing.items.push(ListingItem::Prefix(prefix));
                    continue 'seek;
                }
            }
        }
        return Ok(listing);
    }
}

/// What a key contributes to a listing.
pub(super) enum Step {
    Key(String),
    Prefix(String),
}

/// The key itself, or the common prefix up to the first delimiter behind the asked-for prefix.
pub(super) fn next_step(key: &[u8], prefix: &str, delimiter: Option<&str>) -> Step {
    let key = String::from_utf8_lossy(key).into_owned();
    let cut = delimiter
        .filter(|delimiter| !delimiter.is_empty())
        .and_then(|delimiter| {
            let rest = key.get(prefix.len()..)?;
            Some(prefix.len() + rest.find(delimiter)? + delimiter.len())
        });
    match cut {
        Some(end) => Step::Prefix(key[..end].to_owned()),
        None => Step::Key(key),
    }
}

/// The least name that sorts behind everything that starts with `prefix`.
pub(super) fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.pop() {
        if last < u8::MAX {
            next.push(last + 1);
            break;
        }
    }
    next
}

fn first_key(query: &Query) -> Vec<u8> {
    if query.after.is_empty() || query.after < query.prefix {
        query.prefix.as_bytes().to_vec()
    } else {
        [query.after.as_bytes(), &[0]].concat()
    }
}
