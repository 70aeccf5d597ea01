//! Objects in parts.

use reqwest::StatusCode;
use valetkey_protocol::{Hasher, ObjectKey, PresignedRequest};
use valetkey_store::{CreateMultipart, PartGrant, StoreError, StoredPart};

use super::{Bucket, crc64, png, send};

/// The smallest part S3 takes, unless it is the last.
const PART: usize = 5 * 1024 * 1024;

static FIRST: [u8; PART] = [1; PART];
static LAST: [u8; 7] = [2; 7];

pub async fn parts_become_the_object_they_are_parts_of(bucket: &Bucket) {
    let key = bucket.key("large");
    let id = create(bucket, &key).await;
    assert_eq!(list(bucket, &key, &id).await, Some(vec![]));
    let requests = sign(bucket, &key, &id);
    // The last part first, and the first one twice: the later one counts.
    for (request, bytes) in [(1, &LAST[..]), (0, &FIRST), (0, &FIRST)] {
        let stored = send(&requests[request], bytes).await;
        assert_eq!(stored.status(), StatusCode::OK);
    }
    let parts = list(bucket, &key, &id).await.unwrap();
    let seen: Vec<_> = parts.iter().map(|part| (part.number, part.size)).collect();
    assert_eq!(seen, [(1, PART as u64), (2, LAST.len() as u64)]);
    assert_eq!(bucket.store.head(&key).await.unwrap(), None);

    bucket
        .store
        .complete_multipart(&key, &id, &parts)
        .await
        .unwrap();
    let info = bucket.store.head(&key).await.unwrap().unwrap();
    assert_eq!(info.size, (PART + LAST.len()) as u64);
    assert_eq!(info.content_type.as_deref(), Some("image/png"));
    if bucket.store.capabilities().full_object_checksums {
        let mut whole = Hasher::new(valetkey_protocol::Algorithm::Crc64Nvme);
        whole.update(&FIRST);
        whole.update(&LAST);
        assert!(info.checksums.contains(&whole.finish()));
    }
    let seam = bucket
        .store
        .read(&key, &info.etag, PART as u64 - 1, 2)
        .await;
    assert_eq!(&seam.unwrap()[..], [1, 2]);

    // The upload is over: no URL, no call brings it back.
    assert_eq!(list(bucket, &key, &id).await, None);
    assert!(send(&requests[1], &LAST).await.status().is_client_error());
    bucket.store.abort_multipart(&key, &id).await.unwrap();
    assert_eq!(bucket.store.head(&key).await.unwrap().unwrap(), info);
}

pub async fn an_aborted_upload_is_gone(bucket: &Bucket) {
    let key = bucket.key("aborted");
    let id = create(bucket, &key).await;
    let requests = sign(bucket, &key, &id);
    assert!(send(&requests[1], &LAST).await.status().is_success());
    let parts = list(bucket, &key, &id).await.unwrap();
    bucket.store.abort_multipart(&key, &id).await.unwrap();
    bucket.store.abort_multipart(&key, &id).await.unwrap();

    assert_eq!(list(bucket, &key, &id).await, None);
    let late = send(&requests[1], &LAST).await;
    assert_eq!(late.status(), StatusCode::NOT_FOUND);
    let completed = bucket.store.complete_multipart(&key, &id, &parts).await;
    assert!(
        matches!(completed, Err(StoreError::NotFound)),
        "{completed:?}"
    );
    assert_eq!(bucket.store.head(&key).await.unwrap(), None);
}

pub async fn parts_that_storage_does_not_have_complete_nothing(bucket: &Bucket) {
    let key = bucket.key("foreign");
    let id = create(bucket, &key).await;
    assert!(
        send(&sign(bucket, &key, &id)[1], &LAST)
            .await
            .status()
            .is_success()
    );
    let parts = list(bucket, &key, &id).await.unwrap();
    let mut other_bytes = parts.clone();
    other_bytes[0].etag = "\"0123456789abcdef0123456789abcdef\"".to_owned();
    let mut other_number = parts.clone();
    other_number[0].number = 7;
    for wrong in [other_bytes, other_number] {
        let completed = bucket.store.complete_multipart(&key, &id, &wrong).await;
        assert!(
            matches!(completed, Err(StoreError::Refused { .. })),
            "{completed:?}"
        );
    }
    assert_eq!(bucket.store.head(&key).await.unwrap(), None);
    // The upload is none the worse for it.
    bucket
        .store
        .complete_multipart(&key, &id, &parts)
        .await
        .unwrap();
}

pub async fn a_part_that_differs_from_what_was_signed_is_refused(bucket: &Bucket) {
    let key = bucket.key("strict-parts");
    let id = create(bucket, &key).await;
    let requests = sign(bucket, &key, &id);
    let mut another_number = requests[1].clone();
    let url = another_number
        .url
        .expose()
        .replace("partNumber=2", "partNumber=3");
    another_number.url = valetkey_protocol::PresignedUrl::new(url);
    for (request, bytes) in [
        (&requests[0], &LAST[..]),
        (&requests[1], &[2; 8]),
        (&requests[1], &[3; 7]),
        (&another_number, &LAST),
    ] {
        assert!(send(request, bytes).await.status().is_client_error());
    }
    assert_eq!(list(bucket, &key, &id).await, Some(vec![]));
    bucket.store.abort_multipart(&key, &id).await.unwrap();
}

async fn create(bucket: &Bucket, key: &ObjectKey) -> String {
    let create = CreateMultipart {
        key,
        content_type: &png(),
    };
    bucket.store.create_multipart(&create).await.unwrap()
}

async fn list(bucket: &Bucket, key: &ObjectKey, id: &str) -> Option<Vec<StoredPart>> {
    bucket.store.list_parts(key, id).await.unwrap()
}

/// Two parts: one without and one with a checksum of its own.
fn sign(bucket: &Bucket, key: &ObjectKey, id: &str) -> Vec<PresignedRequest> {
    let grants = [
        PartGrant {
            number: 1,
            size: PART as u64,
            checksum: None,
        },
        PartGrant {
            number: 2,
            size: LAST.len() as u64,
            checksum: Some(crc64(&LAST)),
        },
    ];
    let signed = bucket.store.presign_parts(key, id, &grants, bucket.valid());
    signed.unwrap()
}
