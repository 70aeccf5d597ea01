//! Whole objects.

use reqwest::StatusCode;
use valetkey_protocol::{Algorithm, ContentType, Hasher, ObjectKey};
use valetkey_store::{CopyObject, GetGrant, PutGrant, StoreError, Validity};

use super::{Bucket, crc64, png, send, send_to};

pub async fn a_put_is_found_as_it_was_declared(bucket: &Bucket) {
    for algorithm in Algorithm::ALL {
        let key = bucket.key(algorithm.as_str());
        assert_eq!(bucket.store.head(&key).await.unwrap(), None);
        let checksum = Hasher::digest(algorithm, b"some bytes");
        let grant = PutGrant {
            key: &key,
            size: Some(10),
            content_type: Some(&png()),
            checksum: Some(&checksum),
        };
        let request = bucket.store.presign_put(&grant, bucket.valid()).unwrap();
        let stored = send(&request, b"some bytes").await;
        assert_eq!(stored.status(), StatusCode::OK);

        let info = bucket.store.head(&key).await.unwrap().unwrap();
        assert_eq!(info.size, 10);
        assert!(info.etag.starts_with('"') && info.etag.ends_with('"'));
        assert_eq!(info.content_type.as_deref(), Some("image/png"));
        if bucket.store.capabilities().full_object_checksums {
            assert!(info.checksums.contains(&checksum), "{algorithm}");
        }
        assert_eq!(stored.headers()["etag"], info.etag.as_str());
    }
}

pub async fn a_put_of_no_bytes_is_found(bucket: &Bucket) {
    let key = bucket.key("nothing");
    let etag = bucket.put(&key, b"").await;
    assert_eq!(bucket.store.head(&key).await.unwrap().unwrap().size, 0);
    let read = bucket.store.read(&key, &etag, 0, 64).await.unwrap();
    assert!(read.is_empty());
}

pub async fn a_put_never_replaces_what_is_there(bucket: &Bucket) {
    let key = bucket.key("once");
    let etag = bucket.put(&key, b"first").await;
    for bytes in [b"first", b"other"] {
        let again = send(&bucket.sign_put(&key, bytes), bytes).await;
        assert_eq!(again.status(), StatusCode::PRECONDITION_FAILED);
    }
    let read = bucket.store.read(&key, &etag, 0, 64).await.unwrap();
    assert_eq!(&read[..], b"first");
}

pub async fn a_put_without_a_size_takes_any_and_its_type_where_one_is_signed(bucket: &Bucket) {
    for (name, content_type, other) in [("typed", Some(png()), 403), ("untyped", None, 200)] {
        let key = bucket.key(name);
        let grant = PutGrant {
            key: &key,
            size: None,
            content_type: content_type.as_ref(),
            checksum: None,
        };
        let mut request = bucket.store.presign_put(&grant, bucket.valid()).unwrap();
        let sent: Vec<_> = request.headers.keys().map(String::as_str).collect();
        assert_eq!(
            sent,
            Vec::from_iter(content_type.is_some().then_some("content-type"))
        );
        for bytes in [&b"12345"[..], b"", b"123"] {
            assert_eq!(send(&request, bytes).await.status(), StatusCode::OK);
            let info = bucket.store.head(&key).await.unwrap().unwrap();
            assert_eq!(info.size, bytes.len() as u64);
        }
        let html = ("content-type".to_owned(), "text/html".to_owned());
        request.headers.extend([html]);
        assert_eq!(send(&request, b"1").await.status(), other);
    }
}

pub async fn a_put_that_differs_from_what_was_signed_stores_nothing(bucket: &Bucket) {
    let key = bucket.key("strict");
    let signed = bucket.sign_put(&key, b"12345");
    for body in [&b"12346"[..], b"123456", b"1234", b""] {
        assert!(send(&signed, body).await.status().is_client_error());
    }
    for name in ["content-type", "if-none-match", "x-amz-checksum-crc64nvme"] {
        let mut without = signed.clone();
        if without.headers.remove(name).is_some() {
            let status = send(&without, b"12345").await.status();
            assert!(status.is_client_error(), "without {name}: {status}");
        }
    }
    // The length holds also where no checksum does.
    let grant = PutGrant {
        key: &key,
        size: Some(5),
        content_type: Some(&png()),
        checksum: None,
    };
    let unchecked = bucket.store.presign_put(&grant, bucket.valid()).unwrap();
    for body in [&b"123456"[..], b"1234"] {
        assert!(send(&unchecked, body).await.status().is_client_error());
    }
    assert_eq!(bucket.store.head(&key).await.unwrap(), None);
    assert!(send(&signed, b"12345").await.status().is_success());
}

pub async fn a_copy_keeps_the_bytes_and_gets_our_metadata(bucket: &Bucket) {
    let (source, target) = (bucket.key("quarantine"), bucket.key("final/a.png"));
    let mut request = bucket.sign_put(&source, b"some bytes");
    let encoding = ("content-encoding".to_owned(), "gzip".to_owned());
    request.headers.extend([encoding]);
    assert!(send(&request, b"some bytes").await.status().is_success());
    let etag = bucket.store.head(&source).await.unwrap().unwrap().etag;

    let copy = CopyObject {
        source: &source,
        source_etag: &etag,
        target: &target,
        content_type: &ContentType::parse("image/jpeg").unwrap(),
    };
    // A second time is as good as once.
    bucket.store.copy(&copy).await.unwrap();
    bucket.store.copy(&copy).await.unwrap();
    let info = bucket.store.head(&target).await.unwrap().unwrap();
    assert_eq!(info.size, 10);
    assert_eq!(info.content_type.as_deref(), Some("image/jpeg"));
    if bucket.store.capabilities().full_object_checksums {
        assert!(info.checksums.contains(&crc64(b"some bytes")));
    }
    let fetched = bucket.get(&target).await;
    assert!(!fetched.headers().contains_key("content-encoding"));
    assert_eq!(&fetched.bytes().await.unwrap()[..], b"some bytes");
}

pub async fn a_copy_of_another_object_than_the_recorded_one_is_refused(bucket: &Bucket) {
    let (source, target) = (bucket.key("quarantine"), bucket.key("final"));
    let recorded = bucket.put(&source, b"recorded").await;
    bucket.store.delete(&source).await.unwrap();
    let copy = CopyObject {
        source: &source,
        source_etag: &recorded,
        target: &target,
        content_type: &png(),
    };
    let gone = bucket.store.copy(&copy).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    bucket.put(&source, b"replaced").await;
    let other = bucket.store.copy(&copy).await;
    assert!(
        matches!(other, Err(StoreError::PreconditionFailed)),
        "{other:?}"
    );
    assert_eq!(bucket.store.head(&target).await.unwrap(), None);
}

pub async fn an_empty_object_blocks_the_url_it_was_put_with(bucket: &Bucket) {
    let key = bucket.key("tombstone");
    let request = bucket.sign_put(&key, b"bytes");
    assert!(send(&request, b"bytes").await.status().is_success());
    bucket.store.put_empty(&key).await.unwrap();
    let again = send(&request, b"bytes").await;
    assert_eq!(again.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(bucket.store.head(&key).await.unwrap().unwrap().size, 0);
}

pub async fn deleting_twice_deletes_once(bucket: &Bucket) {
    let key = bucket.key("gone");
    bucket.put(&key, b"bytes").await;
    bucket.store.delete(&key).await.unwrap();
    bucket.store.delete(&key).await.unwrap();
    assert_eq!(bucket.store.head(&key).await.unwrap(), None);
    assert_eq!(bucket.get(&key).await.status(), StatusCode::NOT_FOUND);
}

pub async fn a_range_is_read_only_of_the_object_that_was_named(bucket: &Bucket) {
    let key = bucket.key("ranges");
    let etag = bucket.put(&key, b"0123456789").await;
    for (offset, length, bytes) in [
        (0, 10, &b"0123456789"[..]),
        (0, 64, b"0123456789"),
        (3, 4, b"3456"),
        (9, 64, b"9"),
        (10, 64, b""),
        (99, 1, b""),
        (0, 0, b""),
        (1, u64::MAX, b"123456789"),
    ] {
        let read = bucket.store.read(&key, &etag, offset, length).await;
        assert_eq!(&read.unwrap()[..], bytes, "{offset} {length}");
    }
    let other = bucket.store.read(&key, "\"another\"", 0, 4).await;
    assert!(
        matches!(other, Err(StoreError::PreconditionFailed)),
        "{other:?}"
    );
    let absent = bucket.store.read(&bucket.key("absent"), &etag, 0, 4).await;
    assert!(matches!(absent, Err(StoreError::NotFound)), "{absent:?}");
}

pub async fn a_get_answers_with_the_headers_that_were_signed(bucket: &Bucket) {
    let key = bucket.key("download");
    bucket.put(&key, b"bytes").await;
    let disposition = "attachment; filename=\"my ___.txt\"; filename*=UTF-8''my%20%22%C3%A9%22.txt";
    let grant = GetGrant {
        key: &key,
        content_type: "text/plain; charset=\"utf-8\"",
        content_disposition: disposition,
    };
    let request = bucket.store.presign_get(&grant, bucket.valid()).unwrap();
    let answer = send(&request, &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], grant.content_type);
    assert_eq!(answer.headers()["content-disposition"], disposition);
    assert_eq!(&answer.bytes().await.unwrap()[..], b"bytes");
}

pub async fn a_head_answers_as_a_get_would_and_is_signed_for_itself(bucket: &Bucket) {
    let key = bucket.key("head");
    bucket.put(&key, b"bytes").await;
    let grant = GetGrant {
        key: &key,
        content_type: "text/plain",
        content_disposition: "attachment",
    };
    let head = bucket.store.presign_head(&grant, bucket.valid()).unwrap();
    let client = reqwest::Client::new();
    let answer = client.head(head.expose()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], "5");
    assert_eq!(answer.headers()["content-type"], grant.content_type);
    let disposition = &answer.headers()["content-disposition"];
    assert_eq!(disposition, grant.content_disposition);
    let get = bucket.store.presign_get(&grant, bucket.valid()).unwrap();
    let crossed = [
        client.get(head.expose()).send().await,
        client.head(get.url.expose()).send().await,
    ];
    for answer in crossed {
        assert_eq!(answer.unwrap().status(), StatusCode::FORBIDDEN);
    }
}

pub async fn keys_that_look_dangerous_stay_apart(bucket: &Bucket) {
    let room = valetkey_protocol::key::MAX_KEY_BYTES - bucket.prefix.len() - 1;
    let longest = "x".repeat(room);
    let deep = format!("{}y", "x/".repeat(room / 2 - 1));
    let names = [
        "a", "a/b", "A", "...", ".../....", ".hidden", "a..b", "-rf", "_", "CON", "a.b/..c", "0",
        "00", &longest, &deep,
    ];
    let keys: Vec<ObjectKey> = names.iter().map(|name| bucket.key(name)).collect();
    let bodies = (0..).map(|length| &[b'x'; 64][..length]);
    for (key, body) in keys.iter().zip(bodies) {
        let body: &'static [u8] = body.to_vec().leak();
        bucket.put(key, body).await;
    }
    for (length, key) in keys.iter().enumerate() {
        let info = bucket.store.head(key).await.unwrap().unwrap();
        assert_eq!(info.size, length as u64, "{key}");
        let fetched = bucket.get(key).await.bytes().await.unwrap();
        assert_eq!(fetched.len(), length, "{key}");
        let copy = CopyObject {
            source: key,
            source_etag: &info.etag,
            target: &bucket.key("copy"),
            content_type: &png(),
        };
        bucket.store.copy(&copy).await.unwrap();
    }
    for key in &keys {
        bucket.store.delete(key).await.unwrap();
        assert_eq!(bucket.store.head(key).await.unwrap(), None, "{key}");
    }
}

pub async fn an_expired_or_changed_url_opens_nothing(bucket: &Bucket) {
    let key = bucket.key("private");
    bucket.put(&key, b"bytes").await;
    let grant = GetGrant {
        key: &key,
        content_type: "image/png",
        content_disposition: "inline",
    };
    let long_ago = bucket.clock.now() - jiff::SignedDuration::from_mins(10);
    let expired = Validity {
        now: long_ago,
        seconds: 60,
    };
    let request = bucket.store.presign_get(&grant, expired).unwrap();
    assert_eq!(send(&request, &[]).await.status(), StatusCode::FORBIDDEN);

    let request = bucket.store.presign_get(&grant, bucket.valid()).unwrap();
    let changed = request.url.expose().replace("image%2Fpng", "text%2Fhtml");
    let status = send_to(&changed, &request, &[]).await.status();
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(send(&request, &[]).await.status(), StatusCode::OK);
}

pub async fn storage_that_is_there_answers(bucket: &Bucket) {
    bucket.store.ping().await.unwrap();
}
