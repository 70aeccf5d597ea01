//! Quotas and caps: reserved at create, settled at the end, given back exactly once.

use valetkey_engine::{BucketRules, Principal};
use valetkey_protocol::Code;
use valetkey_protocol::upload::{CreateUploads, State};
use valetkey_protocol::usage::Account;

use crate::support::memory::Fault;
use crate::support::{World, admin, alice, bob, code, wish};

fn with_quota(principal_quota: u64) -> World {
    World::with_rules(BucketRules {
        principal_quota,
        ..BucketRules::default()
    })
}

async fn usage(world: &World, who: &Principal) -> Account {
    let mut usage = world.engine.get_usage(who).await.unwrap();
    usage.buckets.remove(0).yours
}

async fn bytes(world: &World) -> (u64, u64) {
    let usage = usage(world, &alice()).await;
    (usage.reserved_bytes, usage.stored_bytes)
}

#[tokio::test]
async fn the_room_of_an_upload_is_kept_and_settled_at_every_end() {
    let world = with_quota(100);
    let aborted = world.create(wish(60)).await;
    assert_eq!(bytes(&world).await, (60, 0));
    let full = world.engine.create_upload(&alice(), wish(41)).await;
    let problem = full.unwrap_err().problem();
    assert_eq!(problem.code, Code::QuotaExceeded);
    assert_eq!(problem.facts["limit"], 100);
    assert_eq!(problem.facts["used"], 60);
    assert_eq!(problem.facts["scope"], "principal");
    // Somebody else has room of their own.
    world.engine.create_upload(&bob(), wish(41)).await.unwrap();

    for _ in 0..2 {
        world
            .engine
            .abort_upload(&alice(), aborted.id)
            .await
            .unwrap();
        assert_eq!(bytes(&world).await, (0, 0));
    }
    let file = world.file(b"twelve bytes").await;
    world.complete(file.id).await.unwrap();
    assert_eq!(bytes(&world).await, (0, 12));
    for _ in 0..2 {
        world.engine.delete_file(&alice(), file.id).await.unwrap();
        assert_eq!(bytes(&world).await, (0, 0));
    }
}

#[tokio::test]
async fn an_upload_that_expires_or_fails_gives_its_room_back() {
    let world = World::new();
    world.create(wish(7)).await;
    let failing = world.create(wish(9)).await;
    world
        .store
        .arm(Fault::SwapBeforeCopy(b"987654321".to_vec()));
    assert!(world.store.put_single(failing.id, b"123456789"));
    assert!(world.complete(failing.id).await.is_err());
    assert_eq!(bytes(&world).await, (7, 0));
    world.clock.forward(86_400);
    for _ in 0..2 {
        world.engine.sweep_due().await.unwrap();
        assert_eq!(bytes(&world).await, (0, 0));
    }
    assert_eq!(
        (
            world.counts.of(State::Failed),
            world.counts.of(State::Expired)
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_file_whose_bytes_cannot_be_removed_yet_still_takes_its_room() {
    let world = World::new();
    let file = world.file(b"four").await;
    world.store.arm(Fault::DeleteUnavailable);
    world.engine.delete_file(&alice(), file.id).await.unwrap();
    assert_eq!(bytes(&world).await, (0, 4));
    world.clock.forward(60);
    world.engine.sweep_due().await.unwrap();
    assert_eq!(bytes(&world).await, (0, 0));
}

#[tokio::test]
async fn the_common_quota_counts_everybody_and_only_administrators_see_it() {
    let world = World::with_rules(BucketRules {
        quota: 100,
        ..BucketRules::default()
    });
    world.create(wish(60)).await;
    let full = world.engine.create_upload(&bob(), wish(41)).await;
    let problem = full.unwrap_err().problem();
    assert_eq!(problem.facts["scope"], "bucket");
    let seen = |usage: valetkey_protocol::usage::Usage| usage.buckets[0].everybody.clone();
    assert_eq!(seen(world.engine.get_usage(&bob()).await.unwrap()), None);
    let everybody = seen(world.engine.get_usage(&admin()).await.unwrap()).unwrap();
    assert_eq!((everybody.reserved_bytes, everybody.quota), (60, Some(100)));
}

#[tokio::test]
async fn a34_too_many_open_uploads_are_refused_until_one_is_over() {
    let world = World::with_rules(BucketRules {
        max_open_uploads: 2,
        ..BucketRules::default()
    });
    let first = world.upload(b"first").await;
    world.create(wish(1)).await;
    let third = world.engine.create_upload(&alice(), wish(1)).await;
    let problem = third.unwrap_err().problem();
    assert_eq!(problem.code, Code::TooManyUploads);
    assert!(problem.retry_after().is_some());
    world.complete(first.id).await.unwrap();
    world.create(wish(1)).await;
}

#[tokio::test]
async fn in_a_batch_each_item_has_a_verdict_of_its_own() {
    let world = with_quota(25);
    let batch = CreateUploads {
        uploads: [10, 20, 15, 1].map(wish).to_vec(),
    };
    let results = world.engine.create_uploads(&alice(), batch).await.unwrap();
    let statuses: Vec<_> = results.results.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [201, 413, 201, 413]);
    assert_eq!(bytes(&world).await, (25, 0));
}

#[tokio::test]
async fn a_create_over_quota_leaves_its_idempotency_key_free() {
    let world = with_quota(10);
    let first = world.create(wish(10)).await;
    let alice = alice();
    let create = || world.engine.create_upload_once(&alice, "key", wish(5));
    assert_eq!(code(create().await), Code::QuotaExceeded);
    world.engine.abort_upload(&alice, first.id).await.unwrap();
    create().await.unwrap();
    assert_eq!(bytes(&world).await, (5, 0));
}
