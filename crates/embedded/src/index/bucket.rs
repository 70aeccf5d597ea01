//! Buckets.

use jiff::Timestamp;
use redb::ReadableTable;
use s3s::S3ErrorCode;

use super::table::{BUCKETS, Json, Snapshot, Tables};
use crate::error::Failure;
use crate::record::BucketRecord;

/// Makes a bucket; refuses one that exists.
pub(crate) fn create_bucket(
    tables: &mut Tables<'_>,
    name: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    if tables.buckets.get(name)?.is_some() {
        return Err(Failure::refuse(
            S3ErrorCode::BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it.",
        ));
    }
    let record = serde_json::to_vec(&BucketRecord {
        created: now,
        cors: Vec::new(),
        lifecycle: Vec::new(),
    })?;
    tables.buckets.insert(name, record.as_slice())?;
    Ok(())
}

/// Removes an empty bucket and whatever is being uploaded to it.
pub(crate) fn delete_bucket(tables: &mut Tables<'_>, name: &str) -> Result<(), Failure> {
    require_bucket_in(&tables.buckets, name)?;
    if let Some(first) = tables.objects.range((name, [].as_slice())..)?.next()
        && first?.0.value().0 == name
    {
        return Err(Failure::refuse(
            S3ErrorCode::BucketNotEmpty,
            "The bucket you tried to delete is not empty",
        ));
    }
    super::upload::abort_all(tables, name)?;
    tables.buckets.remove(name)?;
    Ok(())
}

/// Refuses when there is no such bucket.
pub(crate) fn require_bucket(snapshot: &Snapshot, name: &str) -> Result<(), Failure> {
    require_bucket_in(&snapshot.open(BUCKETS)?, name)
}

/// What is known of a bucket.
pub(crate) fn find_bucket(snapshot: &Snapshot, name: &str) -> Result<BucketRecord, Failure> {
    find_bucket_in(&snapshot.open(BUCKETS)?, name)
}

/// Changes what is known of a bucket.
pub(crate) fn change_bucket(
    tables: &mut Tables<'_>,
    name: &str,
    change: impl FnOnce(&mut BucketRecord),
) -> Result<(), Failure> {
    let mut record = find_bucket_in(&tables.buckets, name)?;
    change(&mut record);
    let bytes = serde_json::to_vec(&record)?;
    tables.buckets.insert(name, bytes.as_slice())?;
    Ok(())
}

/// All buckets by name.
pub(crate) fn list_buckets(snapshot: &Snapshot) -> Result<Vec<(String, BucketRecord)>, Failure> {
    let mut buckets = Vec::new();
    for entry in snapshot.open(BUCKETS)?.iter()? {
        let (name, record) = entry?;
        buckets.push((
            name.value().to_owned(),
            serde_json::from_slice(record.value())?,
        ));
    }
    Ok(buckets)
}

pub(super) fn find_bucket_in(
    buckets: &impl ReadableTable<&'static str, Json>,
    name: &str,
) -> Result<BucketRecord, Failure> {
    match buckets.get(name)? {
        Some(stored) => Ok(serde_json::from_slice(stored.value())?),
        None => Err(Failure::no_such_bucket()),
    }
}

pub(super) fn require_bucket_in(
    buckets: &impl ReadableTable<&'static str, Json>,
    name: &str,
) -> Result<(), Failure> {
    match buckets.get(name)? {
        Some(_) => Ok(()),
        None => Err(Failure::no_such_bucket()),
    }
}
