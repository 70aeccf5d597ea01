//! The sweep: what clients leave behind becomes a file or disappears.

use crate::support::memory::Fault;
use crate::support::{World, alice, code, wish};
use valetkey_engine::BucketRules;
use valetkey_protocol::part::MIB;
use valetkey_protocol::sweep::{Action, FindingKind};
use valetkey_protocol::upload::{CreateUpload, State};
use valetkey_protocol::{Algorithm, Code, Hasher, ObjectKey};

const DAY: i64 = 86_400;

const EMPTIED: (FindingKind, Action) = (FindingKind::LeftoversOver, Action::Removed);

/// What a sweep found and did.
async fn sweep(world: &World) -> Vec<(FindingKind, Action)> {
    let findings = world.engine.sweep_due().await.unwrap();
    findings.iter().map(|one| (one.kind, one.action)).collect()
}

#[tokio::test]
async fn a_client_that_vanished_after_its_put_still_gets_its_file() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    assert_eq!(sweep(&world).await, []);
    world.clock.forward(DAY);
    let done = (FindingKind::SessionEnded, Action::Completed);
    assert_eq!(sweep(&world).await, [done, EMPTIED]);
    assert_eq!(
        world
            .engine
            .get_file(&alice(), upload.id)
            .await
            .unwrap()
            .size,
        5
    );
}

#[tokio::test]
async fn a_client_that_vanished_before_it_leaves_nothing() {
    let rules = BucketRules {
        single_limit: MIB,
        ..BucketRules::default()
    };
    let world = World::with_rules(rules);
    let single = world.create(wish(5)).await;
    let multipart = world.create(wish(40 * MIB)).await;
    world.clock.forward(DAY);
    let ended = (FindingKind::SessionEnded, Action::Ended);
    assert_eq!(sweep(&world).await, [ended, ended, EMPTIED, EMPTIED]);
    assert_eq!(world.store.open_multiparts(), 0);
    // Its URL is long dead: there is nothing to block.
    let quarantined = ObjectKey::quarantine(single.id);
    assert_eq!(world.store.bytes(quarantined.as_str()), None);
    assert_eq!(code(world.complete(single.id).await), Code::UploadExpired);
    assert_eq!(
        code(world.complete(multipart.id).await),
        Code::UploadExpired
    );
}

#[tokio::test]
async fn a14_quarantine_is_emptied_after_its_horizon_and_not_before() {
    let world = World::new();
    let file = world.file(b"hello").await;
    let quarantined = ObjectKey::quarantine(file.id).to_string();
    world.clock.forward((15 + 15 + 60) * 60 - 1);
    assert_eq!(sweep(&world).await, []);
    assert!(world.store.bytes(&quarantined).is_some());
    world.clock.forward(1);
    assert_eq!(sweep(&world).await, [EMPTIED]);
    assert_eq!(world.store.bytes(&quarantined), None);
    assert_eq!(world.store.bytes(file.key.as_str()).unwrap(), b"hello");
    assert_eq!(sweep(&world).await, []);
}

#[tokio::test]
async fn a14_what_was_written_after_an_abort_is_gone_by_the_horizon() {
    let world = World::new();
    let upload = world.create(wish(5)).await;
    world
        .engine
        .abort_upload(&alice(), upload.id)
        .await
        .unwrap();
    world.clock.forward(DAY);
    assert_eq!(sweep(&world).await, [EMPTIED]);
    assert_eq!(
        world.store.bytes(ObjectKey::quarantine(upload.id).as_str()),
        None
    );
}

#[tokio::test]
async fn a_file_is_hidden_when_its_retention_ends_and_then_removed() {
    let world = World::new();
    let upload = world
        .create(CreateUpload {
            retain_for: Some(60),
            ..wish(5)
        })
        .await;
    world.store.put_single(upload.id, b"hello");
    let file = world.complete(upload.id).await.unwrap();
    world.clock.forward(60);
    assert_eq!(
        code(world.engine.get_file(&alice(), file.id).await),
        Code::NotFound
    );
    let removed = (FindingKind::RetentionEnded, Action::Removed);
    assert_eq!(sweep(&world).await, [removed]);
    assert_eq!(world.store.bytes(file.key.as_str()), None);
}

#[tokio::test]
async fn a_delete_storage_did_not_answer_is_finished_later() {
    let world = World::new();
    let file = world.file(b"hello").await;
    world.store.arm(Fault::DeleteUnavailable);
    world.engine.delete_file(&alice(), file.id).await.unwrap();
    assert_eq!(
        code(world.engine.get_file(&alice(), file.id).await),
        Code::NotFound
    );
    assert!(world.store.bytes(file.key.as_str()).is_some());
    world.clock.forward(60);
    let removed = (FindingKind::DeleteLost, Action::Removed);
    assert_eq!(sweep(&world).await, [removed]);
    assert_eq!(world.store.bytes(file.key.as_str()), None);
}

#[tokio::test]
async fn a_verification_whose_worker_was_lost_is_run_again() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm(Fault::PauseCopy);
    let lost = tokio::spawn({
        let engine = world.engine.clone();
        async move {
            engine
                .complete_upload(&alice(), upload.id, Default::default())
                .await
        }
    });
    world.store.gate.reached.acquire().await.unwrap().forget();
    assert_eq!(
        world
            .engine
            .get_upload(&alice(), upload.id)
            .await
            .unwrap()
            .state,
        State::Verifying
    );
    assert_eq!(sweep(&world).await, []);
    world.clock.forward(120);
    let done = (FindingKind::VerifyLost, Action::Completed);
    assert_eq!(sweep(&world).await, [done]);
    lost.abort();
}

#[tokio::test]
async fn rejected_bytes_storage_did_not_remove_are_gone_by_the_horizon() {
    let world = World::new();
    let declared = Hasher::digest(Algorithm::Crc64Nvme, b"hello");
    let upload = world
        .create(CreateUpload {
            checksum: Some(declared),
            ..wish(5)
        })
        .await;
    world.store.put_single(upload.id, b"jello");
    world.store.arm(Fault::DeleteUnavailable);
    assert_eq!(
        code(world.complete(upload.id).await),
        Code::ChecksumMismatch
    );
    assert!(world.store.bytes(upload.key.as_str()).is_some());
    world.clock.forward(DAY);
    assert_eq!(sweep(&world).await, [EMPTIED]);
    assert_eq!(world.store.bytes(upload.key.as_str()), None);
}

#[tokio::test]
async fn parts_storage_did_not_give_up_are_gone_by_the_horizon() {
    let world = World::with_rules(BucketRules {
        single_limit: MIB,
        ..BucketRules::default()
    });
    let upload = world.create(wish(40 * MIB)).await;
    world.store.arm(Fault::AbortUnavailable);
    let aborted = world.engine.abort_upload(&alice(), upload.id).await;
    assert!(aborted.is_ok());
    assert_eq!(world.store.open_multiparts(), 1);
    world.clock.forward(DAY);
    assert_eq!(sweep(&world).await, [EMPTIED]);
    assert_eq!(world.store.open_multiparts(), 0);
}

#[tokio::test]
async fn a_multipart_upload_whose_name_was_lost_is_gone_by_the_horizon() {
    let world = World::with_rules(BucketRules {
        single_limit: MIB,
        ..BucketRules::default()
    });
    world.store.arm(Fault::CreateAnswerLost);
    let create = world.engine.create_upload(&alice(), wish(40 * MIB)).await;
    assert_eq!(code(create), Code::StorageUnavailable);
    assert_eq!(world.store.open_multiparts(), 1);
    world.clock.forward(DAY);
    assert_eq!(sweep(&world).await, [EMPTIED]);
    assert_eq!(world.store.open_multiparts(), 0);
}

#[tokio::test]
async fn a_removal_and_the_end_of_quarantine_at_once_leave_nothing() {
    for _ in 0..20 {
        let world = World::new();
        let upload = world
            .create(CreateUpload {
                retain_for: Some(60),
                ..wish(5)
            })
            .await;
        world.store.put_single(upload.id, b"hello");
        world.complete(upload.id).await.unwrap();
        // Both are due for the same record: one is done after the other.
        world.clock.forward(DAY);
        let removed = (FindingKind::RetentionEnded, Action::Removed);
        assert_eq!(sweep(&world).await, [removed, EMPTIED]);
        assert_eq!(sweep(&world).await, []);
        let quarantined = ObjectKey::quarantine(upload.id);
        assert_eq!(world.store.bytes(quarantined.as_str()), None);
    }
}

#[tokio::test]
async fn a_second_multipart_upload_beside_a_file_is_gone_by_the_horizon() {
    let world = World::with_rules(BucketRules {
        single_limit: MIB,
        part_size: 5 * MIB,
        ..BucketRules::default()
    });
    let bytes = vec![7; 6 << 20];
    let upload = world.upload_parts(wish(6 * MIB), &bytes, &[1, 2]).await;
    let file = world.complete(upload.id).await.unwrap();
    world.store.start(file.key.as_str());
    world.clock.forward(DAY);
    assert_eq!(sweep(&world).await, [EMPTIED]);
    assert_eq!(world.store.open_multiparts(), 0);
    assert_eq!(world.store.bytes(file.key.as_str()).unwrap(), bytes);
}

#[tokio::test]
async fn a_lost_verification_whose_bytes_are_gone_ends_with_its_session() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm(Fault::PauseCopy);
    let engine = world.engine.clone();
    let lost = tokio::spawn(async move {
        let complete = Default::default();
        engine.complete_upload(&alice(), upload.id, complete).await
    });
    world.store.gate.reached.acquire().await.unwrap().forget();
    world.store.lose(ObjectKey::quarantine(upload.id).as_str());
    world.clock.forward(DAY);
    let ended = (FindingKind::VerifyLost, Action::Ended);
    assert_eq!(sweep(&world).await, [ended, EMPTIED]);
    lost.abort();
}
