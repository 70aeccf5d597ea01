//! What the lifecycle of a bucket asks for, one bounded page at a time, and only under the rule's own prefix.

use std::ops::Bound;

use jiff::Timestamp;
use redb::ReadableTable;

use super::bucket::find_bucket_in;
use super::table::{BUCKETS, OBJECTS, Snapshot, Tables, UPLOADS};
use super::{object, upload};
use crate::error::Failure;
use crate::id::Id;
use crate::lifecycle::LifecycleRule;
use crate::record::{ObjectRecord, UploadRecord};

/// As many entries as one page looks at, and so removes.
const PAGE: usize = 1000;

/// A bucket's rule at work.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) bucket: String,
    pub(crate) rule: LifecycleRule,
    pub(crate) now: Timestamp,
}

/// What a page holds that is due, and where the next one begins.
pub(crate) struct Page<T> {
    pub(crate) due: Vec<T>,
    pub(crate) next: Option<T>,
}

/// The rules of all buckets that are to be run.
pub(crate) fn tasks(snapshot: &Snapshot, now: Timestamp) -> Result<Vec<Task>, Failure> {
    let mut tasks = Vec::new();
    for entry in snapshot.open(BUCKETS)?.iter()? {
        let (bucket, stored) = entry?;
        let record: crate::record::BucketRecord = serde_json::from_slice(stored.value())?;
        let enabled = record.lifecycle.into_iter().filter(|rule| rule.enabled);
        tasks.extend(enabled.map(|rule| Task {
            bucket: bucket.value().to_owned(),
            rule,
            now,
        }));
    }
    Ok(tasks)
}

/// The keys from `from` on whose objects have expired.
pub(crate) fn expired_objects(
    snapshot: &Snapshot,
    task: &Task,
    from: Option<String>,
) -> Result<Page<String>, Failure> {
    let mut page = Page {
        due: Vec::new(),
        next: None,
    };
    if task.rule.expire.is_none() {
        return Ok(page);
    }
    let begin = from.unwrap_or_else(|| task.rule.prefix().to_owned());
    let begin = (task.bucket.as_str(), begin.as_bytes());
    let table = snapshot.open(OBJECTS)?;
    for (seen, entry) in table
        .range((Bound::Included(begin), Bound::Unbounded))?
        .enumerate()
    {
        let (place, stored) = entry?;
        let (bucket, key) = place.value();
        if bucket != task.bucket || !key.starts_with(task.rule.prefix().as_bytes()) {
            break;
        }
        let key = String::from_utf8_lossy(key).into_owned();
        if seen == PAGE {
            page.next = Some(key);
            break;
        }
        let record: ObjectRecord = serde_json::from_slice(stored.value())?;
        if task.rule.expires(&record, task.now) {
            page.due.push(key);
        }
    }
    Ok(page)
}

/// The uploads from `from` on that have been open too long.
pub(crate) fn stale_uploads(
    snapshot: &Snapshot,
    task: &Task,
    from: Option<(String, Id)>,
) -> Result<Page<(String, Id)>, Failure> {
    let mut page = Page {
        due: Vec::new(),
        next: None,
    };
    if task.rule.abort_after.is_none() {
        return Ok(page);
    }
    let (key, id) = from.unwrap_or_else(|| (task.rule.prefix().to_owned(), Id([0; 16])));
    let begin = (task.bucket.as_str(), key.as_bytes(), &id.0);
    let table = snapshot.open(UPLOADS)?;
    for (seen, entry) in table
        .range((Bound::Included(begin), Bound::Unbounded))?
        .enumerate()
    {
        let (place, stored) = entry?;
        let (bucket, key, id) = place.value();
        if bucket != task.bucket || !key.starts_with(task.rule.prefix().as_bytes()) {
            break;
        }
        let upload = (String::from_utf8_lossy(key).into_owned(), Id(*id));
        if seen == PAGE {
            page.next = Some(upload);
            break;
        }
        let record: UploadRecord = serde_json::from_slice(stored.value())?;
        if task.rule.aborts(record.initiated, task.now) {
            page.due.push(upload);
        }
    }
    Ok(page)
}

/// Removes those of the objects that are still due under a rule that is still there; gives their number.
pub(crate) fn expire_objects(
    tables: &mut Tables<'_>,
    task: &Task,
    keys: &[String],
) -> Result<usize, Failure> {
    let mut removed = 0;
    if !is_current(tables, task)? {
        return Ok(removed);
    }
    for key in keys {
        let record = object::find(&tables.objects, &task.bucket, key)?;
        if record.is_some_and(|record| task.rule.expires(&record, task.now)) {
            object::delete_object(tables, &task.bucket, key, None)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Aborts those of the uploads that are still open, if the rule is still there; gives their number.
pub(crate) fn abort_uploads(
    tables: &mut Tables<'_>,
    task: &Task,
    uploads: &[(String, Id)],
) -> Result<usize, Failure> {
    let mut aborted = 0;
    if !is_current(tables, task)? {
        return Ok(aborted);
    }
    for (key, id) in uploads {
        if upload::find(&tables.uploads, &task.bucket, key, *id)?.is_some() {
            upload::forget(tables, &task.bucket, key.as_bytes(), *id, &[])?;
            aborted += 1;
        }
    }
    Ok(aborted)
}

fn is_current(tables: &Tables<'_>, task: &Task) -> Result<bool, Failure> {
    match find_bucket_in(&tables.buckets, &task.bucket) {
        Ok(record) => Ok(record.lifecycle.contains(&task.rule)),
        Err(Failure::Refused(_)) => Ok(false),
        Err(failure) => Err(failure),
    }
}
