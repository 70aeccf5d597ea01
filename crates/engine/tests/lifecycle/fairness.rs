//! What cannot be done holds up nobody else, is tried ever more seldom, and comes to an end where it can.

use valetkey_engine::BucketRules;
use valetkey_protocol::FileId;
use valetkey_protocol::sweep::{Action, FindingKind};
use valetkey_protocol::upload::{CreateUpload, State};

use crate::support::memory::Fault;
use crate::support::{World, alice, wish};

const DAY: i64 = 86_400;

const POSTPONED: (FindingKind, Action) = (FindingKind::SessionEnded, Action::Postponed);
const COMPLETED: (FindingKind, Action) = (FindingKind::SessionEnded, Action::Completed);
const ENDED: (FindingKind, Action) = (FindingKind::SessionEnded, Action::Ended);

fn two_buckets() -> World {
    let rules = BucketRules {
        max_open_uploads: 10_000,
        ..BucketRules::default()
    };
    World::with_buckets(&[("files", rules.clone()), ("other", rules)])
}

fn in_other(size: u64) -> CreateUpload {
    CreateUpload {
        bucket: Some("other".to_owned()),
        ..wish(size)
    }
}

/// What a sweep found and did. What those left that got on goes in the same sweep, and is left out.
async fn sweep(world: &World) -> Vec<(FindingKind, Action)> {
    let mut findings = world.engine.sweep_due().await.unwrap();
    findings.retain(|one| one.kind != FindingKind::LeftoversOver);
    findings.iter().map(|one| (one.kind, one.action)).collect()
}

async fn lines(world: &World, id: FileId) -> usize {
    world.catalog.history(id).await.unwrap().len()
}

#[tokio::test]
async fn a_thousand_records_of_a_bucket_that_is_gone_hold_up_nobody() {
    let world = two_buckets();
    for _ in 0..1001 {
        world.create(in_other(5)).await;
    }
    let reconfigured = world.reconfigured(&BucketRules::default());
    world.clock.forward(1);
    let upload = world.upload(b"hello").await;
    world.clock.forward(DAY);
    let swept = reconfigured.sweep_due().await.unwrap();
    assert_eq!((swept[0].kind, swept[0].action), COMPLETED);
    assert!(swept.iter().all(|one| one.id == Some(upload.id)));
}

#[tokio::test]
async fn a_thousand_records_storage_refuses_hold_up_nobody() {
    let world = World::with_rules(BucketRules {
        max_open_uploads: 10_000,
        ..BucketRules::default()
    });
    for _ in 0..1100 {
        world.upload(b"hello").await;
    }
    world.clock.forward(1);
    world.create(wish(5)).await;
    world.clock.forward(DAY);
    world.store.arm_for_good(Fault::CopyRefused);
    let first = sweep(&world).await;
    assert!(first.len() >= 1000 && first.iter().all(|one| *one == POSTPONED));
    let second = sweep(&world).await;
    assert!(second.len() < 102 && second.contains(&ENDED), "{second:?}");
    assert_eq!(sweep(&world).await, []);
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_holds_up_no_other() {
    let world = two_buckets();
    world.other.arm_for_good(Fault::Down);
    for _ in 0..50 {
        world.create(in_other(5)).await;
    }
    world.clock.forward(1);
    world.upload(b"hello").await;
    world.clock.forward(DAY);
    let swept = sweep(&world).await;
    assert_eq!(swept.len(), 51);
    assert!(swept.contains(&COMPLETED));
    // As soon as it is there again, and 30 seconds are over.
    world.other.mend();
    world.clock.forward(30);
    assert_eq!(sweep(&world).await, [ENDED; 50]);
}

#[tokio::test]
async fn a_copy_storage_refuses_is_tried_ever_more_seldom_and_ended_after_a_day() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm_for_good(Fault::CopyRefused);
    assert!(world.complete(upload.id).await.is_err());
    let before = lines(&world, upload.id).await;
    world.clock.forward(DAY);
    let (mut swept, mut tries) = (Vec::new(), Vec::new());
    for second in 0..2 * DAY / 10 {
        let found = sweep(&world).await;
        if !found.is_empty() {
            tries.push(second * 10);
        }
        swept.extend(found);
        if swept.last() == Some(&ENDED) {
            break;
        }
        world.clock.forward(10);
    }
    assert_eq!(tries[..6], [0, 30, 90, 210, 450, 930]);
    assert!((24..36).contains(&tries.len()), "{tries:?}");
    let last = *tries.last().unwrap();
    assert!((DAY..DAY + 3600).contains(&last), "{last}");
    assert!(swept[..swept.len() - 1].iter().all(|one| *one == POSTPONED));
    // Two lines for each try, and one for the end.
    let after = lines(&world, upload.id).await;
    assert_eq!(after - before, 2 * tries.len() + 1);
    // What it left goes too: nothing is due any more.
    world.clock.forward(10 * DAY);
    assert_eq!(sweep(&world).await, []);
    let found = world.catalog.find(upload.id).await.unwrap().unwrap();
    assert_eq!((found.state, found.leftovers), (State::Expired, false));
}

#[tokio::test]
async fn a_copy_that_is_allowed_again_becomes_a_file() {
    let world = World::new();
    let upload = world.upload(b"hello").await;
    world.store.arm_for_good(Fault::CopyRefused);
    world.clock.forward(DAY);
    assert_eq!(sweep(&world).await, [POSTPONED]);
    world.store.mend();
    assert_eq!(sweep(&world).await, []);
    world.clock.forward(30);
    assert_eq!(sweep(&world).await, [COMPLETED]);
    world.engine.get_file(&alice(), upload.id).await.unwrap();
}

#[tokio::test]
async fn an_outage_ends_nothing_however_long_it_is() {
    let world = World::new();
    world.upload(b"hello").await;
    world.clock.forward(DAY);
    world.store.arm_for_good(Fault::Down);
    for _ in 0..3 * 24 {
        assert_eq!(sweep(&world).await, [POSTPONED]);
        world.clock.forward(3600);
    }
    world.store.mend();
    assert_eq!(sweep(&world).await, [COMPLETED]);
}

#[tokio::test]
async fn a_removal_storage_did_not_do_is_not_told_as_one() {
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
    world.store.arm_for_good(Fault::Down);
    let ended = |action| (FindingKind::RetentionEnded, action);
    assert_eq!(sweep(&world).await, [ended(Action::Postponed)]);
    world.clock.forward(60);
    let lost = |action| (FindingKind::DeleteLost, action);
    assert_eq!(sweep(&world).await, [lost(Action::Postponed)]);
    assert!(world.store.bytes(file.key.as_str()).is_some());
    world.store.mend();
    world.clock.forward(60);
    assert_eq!(sweep(&world).await, [lost(Action::Removed)]);
    assert_eq!(world.store.bytes(file.key.as_str()), None);
}
