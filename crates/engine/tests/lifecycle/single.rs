//! Single uploads: from one PUT into quarantine to a verified file.

use std::sync::atomic::Ordering;

use crate::support::memory::Fault;
use crate::support::{World, admin, alice, bob, code, wish};
use valetkey_engine::{BucketRules, Completion, Error, Reading};
use valetkey_protocol::download::CreateDownload;
use valetkey_protocol::file::{Integrity, ListFiles};
use valetkey_protocol::upload::{CompleteUpload, CreateUpload, State};
use valetkey_protocol::{Algorithm, Code, ContentType, Hasher, ObjectKey};

async fn listed(world: &World) -> usize {
    let page = world
        .engine
        .list_files(&alice(), ListFiles::default())
        .await
        .unwrap();
    page.files.len()
}

#[tokio::test]
async fn creating_one_makes_no_call_to_storage() {
    let world = World::new();
    let upload = world.create(wish(5)).await;
    assert!(upload.request.is_some());
    assert_eq!(world.store.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn bytes_become_a_file_and_nothing_is_listed_before() {
    let world = World::new();
    let bytes = b"hello";
    let checksum = Hasher::digest(Algorithm::Crc64Nvme, bytes);
    let upload = world
        .create(CreateUpload {
            checksum: Some(checksum),
            ..wish(5)
        })
        .await;
    assert!(world.store.put_single(upload.id, bytes));
    assert_eq!(listed(&world).await, 0);

    let file = world.complete(upload.id).await.unwrap();
    assert_eq!(
        (file.size, file.checksum, file.integrity),
        (5, Some(checksum), Integrity::Checksum)
    );
    assert_eq!(world.store.bytes(file.key.as_str()).unwrap(), bytes);
    assert_eq!(listed(&world).await, 1);
}

#[tokio::test]
async fn a_checksum_storage_does_not_know_is_read_back() {
    let world = World::new();
    let checksum = Hasher::digest(Algorithm::Sha256, b"hello");
    let upload = world
        .create(CreateUpload {
            checksum: Some(checksum),
            ..wish(5)
        })
        .await;
    world.store.put_single(upload.id, b"hello");
    let file = world.complete(upload.id).await.unwrap();
    assert_eq!(
        (file.checksum, file.integrity),
        (Some(checksum), Integrity::Rehash)
    );
}

#[tokio::test]
async fn without_a_checksum_the_size_is_what_was_checked() {
    let world = World::new();
    let file = world.file(b"hello").await;
    assert_eq!(file.integrity, Integrity::Size);
    assert_eq!(
        file.checksum,
        Some(Hasher::digest(Algorithm::Crc64Nvme, b"hello"))
    );
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let world = World::new();
    assert_eq!(world.file(b"").await.size, 0);
}

#[tokio::test]
async fn completing_before_the_bytes_says_so_and_stays_open() {
    let world = World::new();
    let upload = world.create(wish(5)).await;
    assert_eq!(
        code(world.complete(upload.id).await),
        Code::UploadIncomplete
    );
    world.store.put_single(upload.id, b"hello");
    assert!(world.complete(upload.id).await.is_ok());
}

#[tokio::test]
async fn completing_fifty_times_at_once_completes_once() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    let completions = (0..50).map(|_| world.complete(upload.id));
    let files = futures_util::future::try_join_all(completions)
        .await
        .unwrap();
    assert!(files.iter().all(|file| *file == files[0]));
    assert_eq!(world.store.copies.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a04_other_sizes_and_other_bytes_fail_for_good() {
    let world = World::new();
    let short = world.create(wish(5)).await;
    world.store.put_single(short.id, b"hell");
    assert_eq!(code(world.complete(short.id).await), Code::SizeMismatch);
    assert_eq!(code(world.complete(short.id).await), Code::SizeMismatch);

    let declared = Hasher::digest(Algorithm::Crc64Nvme, b"hello");
    let other = world
        .create(CreateUpload {
            checksum: Some(declared),
            ..wish(5)
        })
        .await;
    world.store.put_single(other.id, b"jello");
    assert_eq!(code(world.complete(other.id).await), Code::ChecksumMismatch);
    assert_eq!(world.store.bytes(other.key.as_str()), None);

    let seen = world.engine.get_upload(&alice(), other.id).await.unwrap();
    assert_eq!(seen.state, State::Failed);
    assert_eq!(seen.problem.unwrap().code, Code::ChecksumMismatch);
    assert_eq!(listed(&world).await, 0);
}

#[tokio::test]
async fn a_checksum_may_come_with_complete_but_not_another_one() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    let good = Hasher::digest(Algorithm::Crc64Nvme, b"hello");
    let with = |checksum| CompleteUpload {
        checksum: Some(checksum),
    };
    let done = world
        .engine
        .complete_upload(&alice(), upload.id, with(good))
        .await
        .unwrap();
    assert!(matches!(done, Completion::File(file) if file.integrity == Integrity::Checksum));
    let bad = Hasher::digest(Algorithm::Crc64Nvme, b"jello");
    let again = world
        .engine
        .complete_upload(&alice(), upload.id, with(bad))
        .await;
    assert_eq!(code(again), Code::ChecksumMismatch);
}

#[tokio::test]
async fn a13_bytes_swapped_while_they_are_verified_are_never_seen() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm(Fault::SwapBeforeCopy(b"jello".to_vec()));
    assert_eq!(code(world.complete(upload.id).await), Code::Conflict);
    assert_eq!(world.store.bytes(upload.key.as_str()), None);
    assert_eq!(listed(&world).await, 0);
}

#[tokio::test]
async fn a_copy_that_lands_as_other_bytes_is_noticed() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm(Fault::CorruptCopy(b"jello".to_vec()));
    assert_eq!(code(world.complete(upload.id).await), Code::Conflict);
    assert_eq!(listed(&world).await, 0);
}

#[tokio::test]
async fn an_outage_decides_nothing() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm(Fault::CopyUnavailable);
    let problem = world.complete(upload.id).await.unwrap_err().problem();
    assert_eq!(
        (problem.code, problem.retry_after().is_some()),
        (Code::StorageUnavailable, true)
    );
    assert!(world.complete(upload.id).await.is_ok());
}

#[tokio::test]
async fn a_paused_worker_that_wakes_after_the_delete_changes_nothing() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm(Fault::PauseCopy);
    let slow = tokio::spawn({
        let engine = world.engine.clone();
        async move {
            engine
                .complete_upload(&alice(), upload.id, CompleteUpload::default())
                .await
        }
    });
    world.store.gate.reached.acquire().await.unwrap().forget();

    // Its lease is over, so another worker finishes, and the owner deletes the file.
    world.clock.forward(120);
    let file = world.complete(upload.id).await.unwrap();
    world.engine.delete_file(&alice(), upload.id).await.unwrap();
    world.store.gate.open.add_permits(1);

    let outcome: Result<Completion, Error> = slow.await.unwrap();
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(world.store.bytes(file.key.as_str()), None);
    assert_eq!(
        code(world.engine.get_file(&alice(), upload.id).await),
        Code::NotFound
    );
}

#[tokio::test]
async fn a13_the_upload_url_changes_nothing_after_complete_abort_or_delete() {
    let world = World::new();
    let completed = world.file(b"hello").await;
    assert!(!world.store.put_single(completed.id, b"jello"));

    world
        .engine
        .delete_file(&alice(), completed.id)
        .await
        .unwrap();
    assert!(!world.store.put_single(completed.id, b"jello"));
    assert_eq!(
        world
            .store
            .bytes(ObjectKey::quarantine(completed.id).as_str())
            .unwrap(),
        b""
    );
    assert_eq!(world.store.bytes(completed.key.as_str()), None);

    let aborted = world.create(wish(5)).await;
    world
        .engine
        .abort_upload(&alice(), aborted.id)
        .await
        .unwrap();
    assert!(!world.store.put_single(aborted.id, b"hello"));
    assert_eq!(code(world.complete(aborted.id).await), Code::Conflict);
}

#[tokio::test]
async fn aborting_and_deleting_can_be_repeated_but_not_mixed_up() {
    let world = World::new();
    let upload = world.create(wish(5)).await;
    assert_eq!(
        code(world.engine.delete_file(&alice(), upload.id).await),
        Code::NotFound
    );
    for _ in 0..2 {
        world
            .engine
            .abort_upload(&alice(), upload.id)
            .await
            .unwrap();
    }
    let file = world.file(b"hello").await;
    assert_eq!(
        code(world.engine.abort_upload(&alice(), file.id).await),
        Code::Conflict
    );
    for _ in 0..2 {
        world.engine.delete_file(&alice(), file.id).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_yours_does_not_exist_except_for_admins() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let open = world.upload(b"hello").await;
    assert_eq!(
        code(world.engine.get_file(&bob(), file.id).await),
        Code::NotFound
    );
    assert_eq!(
        code(world.engine.delete_file(&bob(), file.id).await),
        Code::NotFound
    );
    assert_eq!(
        code(world.engine.get_upload(&bob(), open.id).await),
        Code::NotFound
    );
    assert_eq!(
        code(world.engine.abort_upload(&bob(), open.id).await),
        Code::NotFound
    );
    let complete = CompleteUpload::default();
    assert_eq!(
        code(
            world
                .engine
                .complete_upload(&bob(), open.id, complete)
                .await
        ),
        Code::NotFound
    );
    assert_eq!(
        code(
            world
                .engine
                .get_content(&bob(), file.id, Reading::Bytes)
                .await
        ),
        Code::NotFound
    );
    assert!(
        world
            .engine
            .list_files(&bob(), ListFiles::default())
            .await
            .unwrap()
            .files
            .is_empty()
    );
    assert_eq!(
        world
            .engine
            .list_files(&admin(), ListFiles::default())
            .await
            .unwrap()
            .files
            .len(),
        1
    );
    assert!(world.engine.get_file(&admin(), file.id).await.is_ok());
}

#[tokio::test]
async fn first_bytes_are_read_while_they_are_copied_and_from_the_copy_when_that_failed() {
    let html = b"<!DOCTYPE html><html></html>";
    for fails in [false, true] {
        let world = World::new();
        let upload = world.create(wish(html.len() as u64)).await;
        world.store.put_single(upload.id, html);
        world.store.arm(Fault::PauseCopy);
        if fails {
            world.store.arm(Fault::ReadUnavailable);
        }
        let quarantined = ObjectKey::quarantine(upload.id).to_string();
        let meanwhile = async {
            world.store.gate.reached.acquire().await.unwrap().forget();
            tokio::task::yield_now().await;
            let read = world.store.reads.lock().unwrap().clone();
            world.store.gate.open.add_permits(1);
            read
        };
        let (completed, read) = tokio::join!(world.complete(upload.id), meanwhile);
        assert_eq!(read, *std::slice::from_ref(&quarantined));
        let detected_type = completed.unwrap().detected_type;
        assert_eq!(detected_type.as_deref(), Some("text/html"));
        let mut expected = vec![quarantined];
        expected.extend(fails.then(|| upload.key.to_string()));
        assert_eq!(*world.store.reads.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn a08_bytes_of_another_type_are_recorded_or_refused_as_the_bucket_says() {
    let html = b"<!DOCTYPE html><html></html>";
    for refuse_type_mismatch in [false, true] {
        let world = World::with_rules(BucketRules {
            refuse_type_mismatch,
            ..BucketRules::default()
        });
        let upload = world
            .create(CreateUpload {
                content_type: ContentType::parse("image/png").unwrap(),
                ..wish(html.len() as u64)
            })
            .await;
        world.store.put_single(upload.id, html);
        let completed = world.complete(upload.id).await;
        if refuse_type_mismatch {
            assert_eq!(code(completed), Code::TypeMismatch);
            assert_eq!(world.store.bytes(upload.key.as_str()), None);
        } else {
            assert_eq!(
                completed.unwrap().detected_type.as_deref(),
                Some("text/html")
            );
            let token = CreateDownload::default();
            let download = world
                .engine
                .create_download(&alice(), upload.id, token)
                .await
                .unwrap();
            assert!(
                download
                    .url
                    .expose()
                    .contains("type=application/octet-stream")
            );
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_read_before_it_is_completed_becomes_a_file() {
    let world = World::new();
    let unsent = world.create(wish(5)).await;
    let read = async |id| {
        let engine = &world.engine;
        let wish = CreateDownload::default();
        [
            engine.get_file(&alice(), id).await.map(|_| ()),
            engine
                .get_content(&alice(), id, Reading::Bytes)
                .await
                .map(|_| ()),
            engine.create_download(&alice(), id, wish).await.map(|_| ()),
        ]
    };
    for refused in read(unsent.id).await {
        assert_eq!(code(refused), Code::NotFound);
    }
    let looked = world.engine.get_upload(&alice(), unsent.id).await;
    assert_eq!(looked.unwrap().state, State::Pending);

    let sent = world.upload(b"hello").await;
    assert_eq!(
        code(world.engine.get_file(&bob(), sent.id).await),
        Code::NotFound
    );
    assert!(read(sent.id).await.iter().all(Result::is_ok));
    let file = world.complete(sent.id).await.unwrap();
    assert_eq!((file.id, file.size), (sent.id, 5));
}
