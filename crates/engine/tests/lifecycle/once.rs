//! Create once: the same key gets the same answer.

use std::sync::OnceLock;

use crate::support::memory::Fault;
use crate::support::{World, alice, bob, code, wish};
use valetkey_engine::{BucketRules, Principal};
use valetkey_protocol::part::MIB;
use valetkey_protocol::upload::{CompleteUpload, CreateUpload};
use valetkey_protocol::{Algorithm, Code, Filename, Hasher};

const DAY: i64 = 86_400;
static ALICE: OnceLock<Principal> = OnceLock::new();

fn rules() -> BucketRules {
    BucketRules {
        single_limit: MIB,
        ..BucketRules::default()
    }
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_for_a_day() {
    let world = World::with_rules(rules());
    for size in [5, 40 * MIB] {
        let key = format!("key-{size}");
        let create = || {
            world
                .engine
                .create_upload_once(ALICE.get_or_init(alice), &key, wish(size))
        };
        let first = create().await.unwrap();
        world.clock.forward(DAY - 1);
        assert_eq!(create().await.unwrap(), first);
        world.clock.forward(1);
        assert_ne!(create().await.unwrap().id, first.id);
    }
}

#[tokio::test]
async fn a_checksum_that_came_later_does_not_change_the_answer() {
    let world = World::new();
    let create = || {
        world
            .engine
            .create_upload_once(ALICE.get_or_init(alice), "key", wish(5))
    };
    let first = create().await.unwrap();
    world.store.put_single(first.id, b"hello");
    let checksum = Some(Hasher::digest(Algorithm::Crc64Nvme, b"hello"));
    let complete = CompleteUpload { checksum };
    world
        .engine
        .complete_upload(&alice(), first.id, complete)
        .await
        .unwrap();
    assert_eq!(create().await.unwrap(), first);
}

#[tokio::test]
async fn a36_twenty_at_once_with_one_key_create_one() {
    let world = World::new();
    let alice = alice();
    let all = (0..20).map(|_| world.engine.create_upload_once(&alice, "key", wish(5)));
    let answers = futures_util::future::try_join_all(all).await.unwrap();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn a36_a_key_is_its_owners_and_its_requests() {
    let world = World::new();
    let create = |who, key: &'static str, create| {
        let engine = world.engine.clone();
        async move { engine.create_upload_once(&who, key, create).await }
    };
    let first = create(alice(), "key", wish(5)).await.unwrap();
    let bobs = create(bob(), "key", wish(5)).await.unwrap();
    assert_ne!(bobs.id, first.id);
    let other = CreateUpload {
        filename: Filename::parse("other.txt").unwrap(),
        ..wish(5)
    };
    assert_eq!(
        code(create(alice(), "key", other).await),
        Code::IdempotencyMismatch
    );
    for wrong in ["", "a b", "é"] {
        assert_eq!(
            code(create(alice(), wrong, wish(5)).await),
            Code::InvalidRequest
        );
    }
}

#[tokio::test]
async fn a_create_that_failed_does_not_use_its_key_up() {
    let world = World::with_rules(rules());
    let alice = alice();
    let create = |size| world.engine.create_upload_once(&alice, "key", wish(size));
    assert_eq!(code(create(u64::MAX).await), Code::FileTooLarge);
    world.store.arm(Fault::CreateUnavailable);
    assert_eq!(code(create(40 * MIB).await), Code::StorageUnavailable);
    assert!(create(40 * MIB).await.is_ok());
}

#[tokio::test]
async fn while_one_is_being_created_others_are_told_to_wait() {
    let world = World::with_rules(rules());
    world.store.arm(Fault::PauseCreate);
    let engine = world.engine.clone();
    let slow = tokio::spawn(async move {
        engine
            .create_upload_once(&alice(), "key", wish(40 * MIB))
            .await
    });
    world.store.gate.reached.acquire().await.unwrap().forget();

    let alice = alice();
    let again = || {
        world
            .engine
            .create_upload_once(&alice, "key", wish(40 * MIB))
    };
    let problem = again().await.unwrap_err().problem();
    assert_eq!(problem.code, Code::RequestInProgress);
    assert!(problem.retry_after().is_some());

    // One that takes this long is taken for dead; should it wake, both get the same upload.
    world.clock.forward(31);
    let taken_over = again().await.unwrap();
    world.store.gate.open.add_permits(1);
    assert_eq!(slow.await.unwrap().unwrap().id, taken_over.id);
}

#[tokio::test]
async fn a_key_whose_upload_came_to_nothing_is_free_again() {
    let world = World::with_rules(rules());
    let alice = alice();
    let create = || {
        world
            .engine
            .create_upload_once(&alice, "key", wish(40 * MIB))
    };
    // Whoever creates it is killed before storage answers.
    world.store.arm(Fault::PauseCreate);
    tokio::select! {
        created = create() => panic!("{created:?}"),
        reached = world.store.gate.reached.acquire() => reached.unwrap().forget(),
    }
    world.clock.forward(31);
    // The replay fails, and the upload is given up with it.
    world.store.arm(Fault::CreateUnavailable);
    assert_eq!(code(create().await), Code::StorageUnavailable);
    let created = create().await.unwrap();
    assert_eq!(create().await.unwrap(), created);
}

#[tokio::test]
async fn a_key_whose_upload_expired_before_it_was_answered_is_free_again() {
    let world = World::with_rules(BucketRules {
        session_ttl_seconds: 3600,
        ..rules()
    });
    let alice = alice();
    let create = || {
        world
            .engine
            .create_upload_once(&alice, "key", wish(40 * MIB))
    };
    world.store.arm(Fault::PauseCreate);
    tokio::select! {
        created = create() => panic!("{created:?}"),
        reached = world.store.gate.reached.acquire() => reached.unwrap().forget(),
    }
    world.clock.forward(3600);
    world.engine.sweep_due().await.unwrap();
    let created = create().await.unwrap();
    assert_eq!(create().await.unwrap(), created);
}
