//! Objects: publish, copy, delete, find.

use std::collections::BTreeMap;

use jiff::Timestamp;
use redb::ReadableTable;
use s3s::S3ErrorCode;
use s3s::dto::ETagCondition;

use super::body;
use super::bucket::require_bucket_in;
use super::table::{BODIES, BUCKETS, Json, OBJECTS, ObjectKey, Snapshot, Tables};
use crate::blob::Sealed;
use crate::condition::{ReadConditions, Verdict, matches};
use crate::error::Failure;
use crate::id::Id;
use crate::journal::Accepted;
use crate::record::{Extent, Facts, ObjectRecord};

/// As large as S3 copies in one go, in bytes.
const MAX_COPY: u64 = 5 << 30;

/// What a write demands of the object it replaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteCondition {
    /// `If-None-Match: *`.
    pub(crate) absent: bool,
    /// `If-Match`.
    pub(crate) current: Option<ETagCondition>,
}

/// An object to publish, whose bytes are durable.
pub(crate) struct NewObject {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) record: ObjectRecord,
    pub(crate) blob: Option<Sealed>,
    pub(crate) condition: WriteCondition,
    /// The name of the body, should there be one.
    pub(crate) body: Id,
}

/// A copy within the store.
pub(crate) struct Copy {
    pub(crate) source: (String, String),
    pub(crate) target: (String, String),
    pub(crate) source_conditions: ReadConditions,
    pub(crate) condition: WriteCondition,
    pub(crate) facts: CopyFacts,
    pub(crate) now: Timestamp,
}

/// What the copy says about itself.
pub(crate) struct CopyFacts {
    /// `x-amz-metadata-directive: REPLACE`.
    pub(crate) replace: Option<Facts>,
    /// `x-amz-tagging-directive: REPLACE`.
    pub(crate) replace_tags: Option<BTreeMap<String, String>>,
}

/// Publishes an object if its condition holds.
pub(crate) fn put_object(tables: &mut Tables<'_>, new: NewObject) -> Result<ObjectRecord, Failure> {
    require_bucket_in(&tables.buckets, &new.bucket)?;
    check_write(&tables.objects, &new.bucket, &new.key, &new.condition)?;
    let mut record = new.record;
    if let Some(blob) = new.blob {
        let extent = Extent {
            blob: tables.adopt(blob, record.size)?,
            size: record.size,
        };
        body::create(tables, new.body, &[extent])?;
        record.body = Some(new.body);
    }
    replace(tables, "PutObject", &new.bucket, &new.key, &record)?;
    Ok(record)
}

/// Copies an object by sharing its body. The ETag stays that of the source.
pub(crate) fn copy_object(tables: &mut Tables<'_>, copy: Copy) -> Result<ObjectRecord, Failure> {
    let (source_bucket, source_key) = &copy.source;
    let (bucket, key) = &copy.target;
    require_bucket_in(&tables.buckets, bucket)?;
    require_bucket_in(&tables.buckets, source_bucket)?;
    let mut record =
        find(&tables.objects, source_bucket, source_key)?.ok_or_else(Failure::no_such_key)?;
    if copy.source_conditions.judge(&record) != Verdict::Go {
        return Err(Failure::precondition());
    }
    if record.size > MAX_COPY {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
        ));
    }
    if copy.source == copy.target && copy.facts.replace.is_none() {
        return Err(Failure::refuse(
            S3ErrorCode::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    check_write(&tables.objects, bucket, key, &copy.condition)?;
    let tags = copy
        .facts
        .replace_tags
        .unwrap_or_else(|| record.facts.tags.clone());
    if let Some(facts) = copy.facts.replace {
        record.facts = facts;
    }
    record.facts.tags = tags;
    record.modified = copy.now;
    if let Some(shared) = record.body {
        body::share(tables, shared)?;
    }
    replace(tables, "CopyObject", bucket, key, &record)?;
    Ok(record)
}

/// Removes an object; says whether there was one.
pub(crate) fn delete_object(
    tables: &mut Tables<'_>,
    bucket: &str,
    key: &str,
    condition: Option<&ETagCondition>,
) -> Result<bool, Failure> {
    require_bucket_in(&tables.buckets, bucket)?;
    let Some(record) = find(&tables.objects, bucket, key)? else {
        return match condition {
            Some(_) => Err(Failure::no_such_key()),
            None => Ok(false),
        };
    };
    if condition.is_some_and(|condition| !matches(condition, &record.etag)) {
        return Err(Failure::precondition());
    }
    tables.objects.remove((bucket, key.as_bytes()))?;
    if let Some(old) = record.body {
        body::release(tables, old)?;
    }
    Ok(true)
}

/// Replaces the tags of an object.
pub(crate) fn set_tags(
    tables: &mut Tables<'_>,
    bucket: &str,
    key: &str,
    tags: BTreeMap<String, String>,
) -> Result<(), Failure> {
    require_bucket_in(&tables.buckets, bucket)?;
    let mut record = find(&tables.objects, bucket, key)?.ok_or_else(Failure::no_such_key)?;
    record.facts.tags = tags;
    let bytes = serde_json::to_vec(&record)?;
    tables
        .objects
        .insert((bucket, key.as_bytes()), bytes.as_slice())?;
    Ok(())
}

/// An object and where its bytes are.
pub(crate) fn find_object(
    snapshot: &Snapshot,
    bucket: &str,
    key: &str,
) -> Result<(ObjectRecord, Vec<Extent>), Failure> {
    let Some(record) = find(&snapshot.open(OBJECTS)?, bucket, key)? else {
        require_bucket_in(&snapshot.open(BUCKETS)?, bucket)?;
        return Err(Failure::no_such_key());
    };
    let extents = match record.body {
        Some(id) => {
            let (_, extents) = body::load(&snapshot.open(BODIES)?, id)?
                .ok_or(Failure::Broken("an object of the index has no body"))?;
            extents
        }
        None => Vec::new(),
    };
    Ok((record, extents))
}

/// Whether the index still names a body.
pub(crate) fn has_body(snapshot: &Snapshot, id: Id) -> Result<bool, Failure> {
    Ok(snapshot.open(BODIES)?.get(&id.0)?.is_some())
}

/// Decides `If-None-Match: *` and `If-Match` on what is there now.
pub(super) fn check_write(
    objects: &impl ReadableTable<ObjectKey, Json>,
    bucket: &str,
    key: &str,
    condition: &WriteCondition,
) -> Result<(), Failure> {
    if !condition.absent && condition.current.is_none() {
        return Ok(());
    }
    let current = find(objects, bucket, key)?;
    if condition.absent && current.is_some() {
        return Err(Failure::precondition());
    }
    match (&condition.current, current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Failure::no_such_key()),
        (Some(named), Some(object)) if matches(named, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(Failure::precondition()),
    }
}

/// Puts a record in its place and lets go of the body of the one before.
pub(super) fn replace(
    tables: &mut Tables<'_>,
    operation: &'static str,
    bucket: &str,
    key: &str,
    record: &ObjectRecord,
) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(record)?;
    let old: Option<ObjectRecord> = tables
        .objects
        .insert((bucket, key.as_bytes()), bytes.as_slice())?
        .map(|old| serde_json::from_slice(old.value()))
        .transpose()?;
    tables.accept(|tables| {
        let stored = match record.body {
            Some(id) => body::load(&tables.bodies, id)?,
            None => None,
        };
        Ok(Accepted {
            at: record.modified,
            operation,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            part: None,
            etag: record.etag.clone(),
            checksum: record.checksum.clone(),
            extents: stored.map(|(_, extents)| extents).unwrap_or_default(),
        })
    })?;
    match old.and_then(|old| old.body) {
        Some(old) => body::release(tables, old),
        None => Ok(()),
    }
}

pub(super) fn find(
    objects: &impl ReadableTable<ObjectKey, Json>,
    bucket: &str,
    key: &str,
) -> Result<Option<ObjectRecord>, Failure> {
    match objects.get((bucket, key.as_bytes()))? {
        Some(stored) => Ok(Some(serde_json::from_slice(stored.value())?)),
        None => Ok(None),
    }
}
