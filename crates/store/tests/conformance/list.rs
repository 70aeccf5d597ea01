//! What a bucket holds.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;
use valetkey_protocol::ObjectKey;
use valetkey_store::{CreateMultipart, ObjectStore, OpenMultipart, StoredObject};

use super::{Bucket, png};

/// One more than fits on a page.
const MANY: usize = 1001;

pub async fn what_a_bucket_holds_is_listed_by_prefix(bucket: &Bucket) {
    let before = bucket.clock.now() - SignedDuration::from_secs(2);
    for (name, bytes) in [("in/b", &b"12345"[..]), ("in/a/c", b""), ("in-not", b"1")] {
        bucket.put(&bucket.key(name), bytes).await;
    }
    let listed = objects(bucket, "in/").await;
    let seen: Vec<_> = listed.iter().map(|o| (o.key.clone(), o.size)).collect();
    let expected = [("in/a/c", 0), ("in/b", 5)];
    assert_eq!(
        seen,
        expected.map(|(name, size)| (bucket.key(name).to_string(), size))
    );
    let after = bucket.clock.now() + SignedDuration::from_secs(2);
    for object in listed {
        assert!(before < object.modified_at && object.modified_at < after);
    }
    bucket.store.delete(&bucket.key("in/b")).await.unwrap();
    assert_eq!(objects(bucket, "in/").await.len(), 1);
    assert_eq!(objects(bucket, "nothing/").await, []);
}

pub async fn open_multipart_uploads_are_listed_until_they_end(bucket: &Bucket) {
    let before = bucket.clock.now() - SignedDuration::from_secs(2);
    let mut expected = Vec::new();
    for name in ["open/a", "open/a", "open/b"] {
        let key = bucket.key(name);
        expected.push((key.to_string(), create(&*bucket.store, &key).await));
    }
    create(&*bucket.store, &bucket.key("open-not")).await;
    expected.sort();
    let listed = multiparts(bucket, "open/").await;
    let mut seen: Vec<_> = (listed.iter())
        .map(|upload| (upload.key.clone(), upload.upload_id.clone()))
        .collect();
    seen.sort();
    assert_eq!(seen, expected);
    let after = bucket.clock.now() + SignedDuration::from_secs(2);
    for upload in listed {
        assert!(before < upload.started_at && upload.started_at < after);
    }

    let (key, id) = &expected[0];
    let key = ObjectKey::parse(key).unwrap();
    bucket.store.abort_multipart(&key, id).await.unwrap();
    let left = multiparts(bucket, "open/").await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|upload| upload.upload_id != *id));
}

pub async fn long_lists_go_on_where_they_stopped(bucket: &Bucket) {
    let mut calls = JoinSet::new();
    for number in 0..MANY {
        let key = bucket.key(&format!("many/{number:04}"));
        // A page of uploads ends in the middle of a key.
        let one_key = bucket.key("many");
        let store = Arc::clone(&bucket.store);
        calls.spawn(async move {
            store.put_empty(&key).await.unwrap();
            create(&*store, &one_key).await;
        });
        if calls.len() == 64 {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    calls.join_all().await;

    let listed = objects(bucket, "many/").await;
    let keys: Vec<_> = listed.into_iter().map(|object| object.key).collect();
    assert_eq!(keys.len(), MANY);
    assert!(keys.is_sorted_by(|a, b| a < b));
    let mut ids: Vec<_> = (multiparts(bucket, "many").await.into_iter())
        .map(|upload| upload.upload_id)
        .collect();
    assert_eq!(ids.len(), MANY);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), MANY);
}

async fn create(store: &dyn ObjectStore, key: &ObjectKey) -> String {
    let create = CreateMultipart {
        key,
        content_type: &png(),
    };
    store.create_multipart(&create).await.unwrap()
}

async fn objects(bucket: &Bucket, prefix: &str) -> Vec<StoredObject> {
    let prefix = format!("{}/{prefix}", bucket.prefix);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = bucket.store.list_objects(&prefix, after.as_deref()).await;
        let page = page.unwrap();
        assert!(page.items.len() <= 1000);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn multiparts(bucket: &Bucket, prefix: &str) -> Vec<OpenMultipart> {
    let prefix = format!("{}/{prefix}", bucket.prefix);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = bucket
            .store
            .list_multiparts(&prefix, after.as_deref())
            .await;
        let page = page.unwrap();
        assert!(page.items.len() <= 1000);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}
