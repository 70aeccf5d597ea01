//! New uploads, and what is remembered of them while they are pending.

use std::sync::Arc;

use valetkey_catalog::{CatalogError, Insertion, NewUpload, Transfer};
use valetkey_protocol::upload::State;
use valetkey_protocol::{Algorithm, Hasher};

use super::sample::{
    SESSION, Shared, URLS, at, found, id, in_state, insert, late, metadata, multipart, unlimited,
    upload,
};

pub(crate) async fn an_upload_is_found_as_it_was_declared(catalog: &Shared) {
    let everything = NewUpload {
        bucket: "a bucket with room".to_owned(),
        tenant: "a \'; --".parse().unwrap(),
        owner: "auth0|a';--".parse().unwrap(),
        filename: "my \"best\" photo 😀.jpg".parse().unwrap(),
        path: "été/2026".parse().unwrap(),
        content_type: "text/plain; charset=utf-8".parse().unwrap(),
        size: i64::MAX.unsigned_abs(),
        checksum: Some(Hasher::digest(Algorithm::Sha256, b"abc")),
        metadata: metadata("album", "{\"é\": '1'}"),
        retain_for: Some(86_400),
        transfer: Transfer::Multipart {
            part_size: 5 << 20,
            upload_id: Some("2~x/+=".to_owned()),
        },
        ..upload(2)
    };
    for declared in [upload(1), everything, late(4, 7)] {
        let record = insert(catalog, declared.clone()).await;
        assert_eq!(record.upload, declared);
        assert_eq!((record.state, record.epoch), (State::Pending, 0));
        assert_eq!((record.leftovers, record.download_count), (true, 0));
        assert!(record.lease_until.is_none() && record.file.is_none());
        assert!(record.problem.is_none() && record.source_etag.is_none());
    }
    assert_eq!(catalog.find(id(3)).await.unwrap(), None);
}

pub(crate) async fn uploads_of_one_call_are_remembered_all_or_none(catalog: &Shared) {
    let first = insert(catalog, upload(2)).await;
    let mut again = upload(2);
    again.size = 6;
    for batch in [
        vec![again.clone()],
        vec![upload(1), again, upload(3)],
        vec![upload(1), upload(3), upload(3)],
    ] {
        let batch = batch.into_iter().map(unlimited).collect();
        let refused = catalog.insert_uploads(batch).await.unwrap_err();
        assert!(matches!(refused, CatalogError::Refused { .. }), "{refused}");
        assert_eq!(catalog.find(id(1)).await.unwrap(), None);
        assert_eq!(catalog.find(id(3)).await.unwrap(), None);
        assert_eq!(found(catalog, id(2)).await, first);
    }
    catalog.insert_uploads(vec![]).await.unwrap();
    let batch = vec![unlimited(upload(1)), unlimited(multipart(3))];
    catalog.insert_uploads(batch).await.unwrap();
    assert_eq!(found(catalog, id(1)).await.upload, upload(1));
    assert_eq!(found(catalog, id(3)).await.upload, multipart(3));
}

pub(crate) async fn numbers_that_do_not_fit_are_refused(catalog: &Shared) {
    let mut long = upload(1);
    long.retain_for = Some(u64::MAX);
    let long = catalog.insert_uploads(vec![unlimited(long)]).await;
    assert!(
        matches!(long, Err(CatalogError::Refused { .. })),
        "{long:?}"
    );
    let mut large = upload(1);
    large.size = 1 << 63;
    let large = catalog.insert_uploads(vec![unlimited(large)]).await;
    assert!(matches!(large.unwrap()[..], [Insertion::Over(_)]));
    assert_eq!(catalog.find(id(1)).await.unwrap(), None);
}

pub(crate) async fn the_name_of_a_multipart_upload_is_attached_once(catalog: &Shared) {
    let attach = |number, name: &str| catalog.attach_multipart(id(number), name.to_owned());
    insert(catalog, multipart(1)).await;
    assert!(attach(1, "first").await.unwrap());
    assert!(!attach(1, "second").await.unwrap());
    let expected = Transfer::Multipart {
        part_size: 5 << 20,
        upload_id: Some("first".to_owned()),
    };
    assert_eq!(found(catalog, id(1)).await.upload.transfer, expected);

    insert(catalog, upload(2)).await;
    assert!(!attach(2, "of a single PUT").await.unwrap());
    in_state(catalog, multipart(3), State::Aborted).await;
    assert!(!attach(3, "too late").await.unwrap());
    assert!(!attach(4, "of nothing").await.unwrap());
}

pub(crate) async fn urls_only_ever_live_longer(catalog: &Shared) {
    insert(catalog, upload(1)).await;
    for (until, expected) in [
        (SESSION, SESSION),
        (URLS, SESSION),
        (2 * SESSION, 2 * SESSION),
    ] {
        assert!(catalog.extend_urls(id(1), at(until)).await.unwrap());
        assert_eq!(found(catalog, id(1)).await.upload.urls_end_at, at(expected));
    }
    in_state(catalog, upload(2), State::Verifying).await;
    assert!(!catalog.extend_urls(id(2), at(SESSION)).await.unwrap());
    assert_eq!(found(catalog, id(2)).await.upload.urls_end_at, at(URLS));
    assert!(!catalog.extend_urls(id(3), at(SESSION)).await.unwrap());
}

pub(crate) async fn hundreds_at_once_are_all_found(catalog: &Shared) {
    let tasks: Vec<_> = (0..600)
        .map(|number| {
            let catalog = Arc::clone(catalog);
            tokio::spawn(async move {
                // Whoever was answered sees it at once.
                let record = insert(&catalog, upload(number)).await;
                assert_eq!(record.upload, upload(number));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

pub(crate) async fn it_answers(catalog: &Shared) {
    catalog.ping().await.unwrap();
}
