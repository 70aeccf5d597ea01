//! Multipart uploads and their parts, up to the moment of completion (`complete.rs`).

use std::ops::Bound;

use redb::ReadableTable;

use super::bucket::require_bucket_in;
use super::list::{Step, next_step, successor};
use super::table::{BUCKETS, Json, PARTS, PartKey, Snapshot, Tables, UPLOADS, UploadKey};
use crate::blob::Sealed;
use crate::digest::{Checksum, Coverage};
use crate::error::Failure;
use crate::id::Id;
use crate::journal::Accepted;
use crate::record::{Extent, PartRecord, UploadRecord};

/// A part whose bytes are durable.
pub(crate) struct NewPart {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) upload: Id,
    pub(crate) number: u16,
    pub(crate) record: PartRecord,
    pub(crate) blob: Option<Sealed>,
}

/// A page of parts.
pub(crate) struct PartPage {
    pub(crate) upload: UploadRecord,
    pub(crate) parts: Vec<(u16, PartRecord)>,
    pub(crate) truncated: bool,
}

/// Which uploads to list.
pub(crate) struct UploadQuery {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    pub(crate) key_marker: String,
    /// Only beside a key marker: the uploads of that very key that come after this one.
    pub(crate) upload_marker: Option<Id>,
    pub(crate) limit: usize,
}

/// One line of a list of uploads.
pub(crate) enum UploadItem {
    Upload(String, Id, Box<UploadRecord>),
    Prefix(String),
}

/// Remembers an upload.
pub(crate) fn create_upload(
    tables: &mut Tables<'_>,
    bucket: &str,
    key: &str,
    id: Id,
    record: &UploadRecord,
) -> Result<(), Failure> {
    require_bucket_in(&tables.buckets, bucket)?;
    let bytes = serde_json::to_vec(record)?;
    tables
        .uploads
        .insert((bucket, key.as_bytes(), &id.0), bytes.as_slice())?;
    Ok(())
}

/// An upload, which must be one of this bucket and key.
pub(crate) fn find_upload(
    snapshot: &Snapshot,
    bucket: &str,
    key: &str,
    id: Id,
) -> Result<UploadRecord, Failure> {
    require_bucket_in(&snapshot.open(BUCKETS)?, bucket)?;
    find(&snapshot.open(UPLOADS)?, bucket, key, id)?.ok_or_else(Failure::no_such_upload)
}

/// Remembers a part; one of the same number is replaced.
pub(crate) fn put_part(tables: &mut Tables<'_>, new: NewPart) -> Result<PartRecord, Failure> {
    let Some(upload) = find(&tables.uploads, &new.bucket, &new.key, new.upload)? else {
        return Err(Failure::no_such_upload());
    };
    let mut record = new.record;
    if let Some(blob) = new.blob {
        record.blob = Some(tables.adopt(blob, record.size)?);
    }
    let bytes = serde_json::to_vec(&record)?;
    let old: Option<PartRecord> = tables
        .parts
        .insert((&new.upload.0, new.number), bytes.as_slice())?
        .map(|old| serde_json::from_slice(old.value()))
        .transpose()?;
    tables.accept(|_| {
        let size = record.size;
        Ok(Accepted {
            at: record.modified,
            operation: "UploadPart",
            bucket: new.bucket,
            key: new.key,
            part: Some(new.number),
            etag: record.etag.clone(),
            checksum: Checksum {
                algorithm: upload.algorithm,
                coverage: Coverage::FullObject,
                value: record.checksum.clone(),
            },
            extents: record
                .blob
                .iter()
                .map(|&blob| Extent { blob, size })
                .collect(),
        })
    })?;
    if let Some(blob) = old.and_then(|old| old.blob) {
        tables.release(blob, vec![blob])?;
    }
    Ok(record)
}

/// Forgets an upload and its parts.
pub(crate) fn abort_upload(
    tables: &mut Tables<'_>,
    bucket: &str,
    key: &str,
    id: Id,
) -> Result<(), Failure> {
    require_bucket_in(&tables.buckets, bucket)?;
    if find(&tables.uploads, bucket, key, id)?.is_none() {
        return Err(Failure::no_such_upload());
    }
    forget(tables, bucket, key.as_bytes(), id, &[])
}

/// Forgets every upload of a bucket.
pub(super) fn abort_all(tables: &mut Tables<'_>, bucket: &str) -> Result<(), Failure> {
    let mut uploads = Vec::new();
    for entry in tables.uploads.range((bucket, [].as_slice(), &[0; 16])..)? {
        let (found, ..) = entry?;
        let (name, key, id) = found.value();
        if name != bucket {
            break;
        }
        uploads.push((key.to_vec(), Id(*id)));
    }
    for (key, id) in uploads {
        forget(tables, bucket, &key, id, &[])?;
    }
    Ok(())
}

/// Removes an upload and its parts, and the blobs of all parts but the `kept` ones.
pub(super) fn forget(
    tables: &mut Tables<'_>,
    bucket: &str,
    key: &[u8],
    id: Id,
    kept: &[Id],
) -> Result<(), Failure> {
    let parts = parts_of(&tables.parts, id, 1)?.collect::<Result<Vec<_>, _>>()?;
    let kept: std::collections::HashSet<_> = kept.iter().collect();
    let mut unused = Vec::new();
    for (number, part) in parts {
        tables.parts.remove((&id.0, number))?;
        unused.extend(part.blob.filter(|blob| !kept.contains(blob)));
    }
    tables.uploads.remove((bucket, key, &id.0))?;
    tables.release(id, unused)
}

/// The parts after `marker`, at most `limit`.
pub(crate) fn list_parts(
    snapshot: &Snapshot,
    bucket: &str,
    key: &str,
    id: Id,
    marker: u16,
    limit: usize,
) -> Result<PartPage, Failure> {
    let upload = find_upload(snapshot, bucket, key, id)?;
    let table = snapshot.open(PARTS)?;
    let mut page = PartPage {
        upload,
        parts: Vec::new(),
        truncated: false,
    };
    let Some(first) = marker.checked_add(1) else {
        return Ok(page);
    };
    for part in parts_of(&table, id, first)? {
        if page.parts.len() == limit {
            page.truncated = true;
            break;
        }
        page.parts.push(part?);
    }
    Ok(page)
}

/// Uploads in the order of their keys, then of their beginning; and whether there are more.
pub(crate) fn list_uploads(
    snapshot: &Snapshot,
    query: &UploadQuery,
) -> Result<(Vec<UploadItem>, bool), Failure> {
    require_bucket_in(&snapshot.open(BUCKETS)?, &query.bucket)?;
    let table = snapshot.open(UPLOADS)?;
    let mut items = Vec::new();
    let (mut key, mut id) = first_upload(query);
    loop {
        let start = (query.bucket.as_str(), key.as_slice(), &id);
        let mut found = table.range((Bound::Included(start), Bound::Unbounded))?;
        let Some(entry) = found.next() else {
            return Ok((items, false));
        };
        let (place, stored) = entry?;
        let (bucket, found_key, found_id) = place.value();
        if bucket != query.bucket || !found_key.starts_with(query.prefix.as_bytes()) {
            return Ok((items, false));
        }
        let step = next_step(found_key, &query.prefix, query.delimiter.as_deref());
        let seen =
            matches!(&step, Step::Prefix(prefix) if prefix.as_str() <= query.key_marker.as_str());
        if items.len() == query.limit && !seen {
            return Ok((items, true));
        }
        match step {
            Step::Prefix(prefix) => {
                key = successor(prefix.as_bytes());
                id = [0; 16];
                if !seen {
                    items.push(UploadItem::Prefix(prefix));
                }
            }
            Step::Key(name) => {
                (key, id) = after_upload(found_key, *found_id);
                let record = serde_json::from_slice(stored.value())?;
                items.push(UploadItem::Upload(name, Id(*found_id), record));
            }
        }
    }
}

/// The parts of an upload from a number on, in order.
pub(super) fn parts_of(
    parts: &impl ReadableTable<PartKey, Json>,
    id: Id,
    first: u16,
) -> Result<impl Iterator<Item = Result<(u16, PartRecord), Failure>>, Failure> {
    let range = parts.range((&id.0, first)..=(&id.0, u16::MAX))?;
    Ok(range.map(|entry| {
        let (place, stored) = entry?;
        let (_, number) = place.value();
        Ok((number, serde_json::from_slice(stored.value())?))
    }))
}

pub(super) fn find(
    uploads: &impl ReadableTable<UploadKey, Json>,
    bucket: &str,
    key: &str,
    id: Id,
) -> Result<Option<UploadRecord>, Failure> {
    match uploads.get((bucket, key.as_bytes(), &id.0))? {
        Some(stored) => Ok(Some(serde_json::from_slice(stored.value())?)),
        None => Ok(None),
    }
}

fn first_upload(query: &UploadQuery) -> (Vec<u8>, [u8; 16]) {
    let marker = query.key_marker.as_bytes();
    if query.key_marker.is_empty() || marker < query.prefix.as_bytes() {
        return (query.prefix.as_bytes().to_vec(), [0; 16]);
    }
    match query.upload_marker {
        Some(id) => after_upload(marker, id.0),
        None => after_upload(marker, [u8::MAX; 16]),
    }
}

/// The first place behind an upload.
fn after_upload(key: &[u8], id: [u8; 16]) -> (Vec<u8>, [u8; 16]) {
    match u128::from_be_bytes(id).checked_add(1) {
        Some(next) => (key.to_vec(), next.to_be_bytes()),
        None => ([key, &[0]].concat(), [0; 16]),
    }
}
