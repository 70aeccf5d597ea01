//! The survey: storage and catalog held against each other, both ways.

use valetkey_engine::BucketRules;
use valetkey_protocol::part::MIB;
use valetkey_protocol::sweep::{Action, Finding, FindingKind, Sweep};
use valetkey_protocol::{Clock as _, Code, ObjectKey};

use crate::support::{World, admin, alice, code, wish};

const DAY: i64 = 86_400;

fn world() -> World {
    World::with_rules(BucketRules {
        single_limit: MIB,
        ..BucketRules::default()
    })
}

/// Walks from the beginning to the end, as an administrator.
async fn walk(world: &World, sweep: Sweep) -> Vec<Finding> {
    let (mut findings, mut cursor) = (Vec::new(), None);
    loop {
        let step = Sweep {
            cursor,
            ..sweep.clone()
        };
        let swept = world.engine.sweep(&admin(), step).await.unwrap();
        findings.extend(swept.findings);
        cursor = swept.next_cursor;
        if cursor.is_none() {
            return findings;
        }
    }
}

async fn kinds(world: &World, sweep: Sweep) -> Vec<(FindingKind, Action)> {
    let findings = walk(world, sweep).await;
    findings.iter().map(|one| (one.kind, one.action)).collect()
}

fn dry_run() -> Sweep {
    Sweep {
        dry_run: true,
        ..Sweep::default()
    }
}

#[tokio::test]
async fn a_world_in_order_has_no_findings_in_any_state() {
    let world = world();
    world.file(b"a file").await;
    let deleted = world.file(b"deleted").await;
    world
        .engine
        .delete_file(&alice(), deleted.id)
        .await
        .unwrap();
    world.upload(b"pending").await;
    world
        .upload_parts(wish(12 * MIB), &vec![0; 12 << 20], &[1])
        .await;
    let aborted = world.upload(b"aborted").await;
    world
        .engine
        .abort_upload(&alice(), aborted.id)
        .await
        .unwrap();
    assert_eq!(kinds(&world, Sweep::default()).await, []);
}

#[tokio::test]
async fn what_came_back_after_everything_was_over_is_removed() {
    let world = world();
    let file = world.file(b"a file").await;
    world.engine.delete_file(&alice(), file.id).await.unwrap();
    let multipart = world.create(wish(12 * MIB)).await;
    world
        .engine
        .abort_upload(&alice(), multipart.id)
        .await
        .unwrap();
    world.clock.forward(DAY);
    world.engine.sweep_due().await.unwrap();
    // A transfer that took longer than any horizon, a file restored by hand, an answer that was lost.
    let quarantined = ObjectKey::quarantine(file.id);
    world.store.put(quarantined.as_str(), b"late");
    world.store.put(file.key.as_str(), b"undead");
    world.store.start(multipart.key.as_str());
    let found = |action| {
        [
            (FindingKind::OrphanObject, action),
            (FindingKind::OrphanObject, action),
            (FindingKind::OrphanMultipart, action),
        ]
    };
    assert_eq!(kinds(&world, dry_run()).await, found(Action::Planned));
    assert!(world.store.bytes(file.key.as_str()).is_some());
    assert_eq!(
        kinds(&world, Sweep::default()).await,
        found(Action::Removed)
    );
    assert_eq!(world.store.bytes(file.key.as_str()), None);
    assert_eq!(world.store.bytes(quarantined.as_str()), None);
    assert_eq!(world.store.open_multiparts(), 0);
    assert_eq!(kinds(&world, Sweep::default()).await, []);
}

#[tokio::test]
async fn a_second_multipart_upload_of_a_pending_record_is_removed_and_its_own_is_not() {
    let world = world();
    let upload = world.create(wish(12 * MIB)).await;
    world.store.start(upload.key.as_str());
    let removed = (FindingKind::OrphanMultipart, Action::Removed);
    assert_eq!(kinds(&world, Sweep::default()).await, [removed]);
    assert_eq!(world.store.open_multiparts(), 1);
    let looked = world.engine.get_upload(&alice(), upload.id).await.unwrap();
    assert_eq!(looked.uploaded_parts, Some(Vec::new()));
    world.store.put_part(upload.key.as_str(), 1, b"still open");
}

#[tokio::test]
async fn what_the_catalog_never_heard_of_is_told_and_removed_only_on_demand_and_when_old() {
    let world = world();
    let foreign = "files/alice/01936f3e-8b7a-7c3d-9e4f-0123456789ab/a.txt";
    for key in [foreign, "files/readme.txt", "quarantine/what"] {
        world.store.put(key, b"whose?");
    }
    world.store.put("elsewhere/x", b"not below our prefixes");
    world.store.start(foreign);
    let on_demand = Sweep {
        remove_unknown: true,
        ..Sweep::default()
    };
    let found = |action| {
        let object = (FindingKind::UnknownObject, action);
        [
            object,
            object,
            object,
            (FindingKind::UnknownMultipart, action),
        ]
    };
    assert_eq!(
        kinds(&world, Sweep::default()).await,
        found(Action::Reported)
    );
    world.store.all_since(world.clock.now());
    assert_eq!(
        kinds(&world, on_demand.clone()).await,
        found(Action::Reported)
    );
    world.clock.forward(DAY);
    assert_eq!(
        kinds(&world, Sweep::default()).await,
        found(Action::Reported)
    );
    assert_eq!(kinds(&world, on_demand).await, found(Action::Removed));
    assert_eq!(world.store.bytes(foreign), None);
    assert!(world.store.bytes("elsewhere/x").is_some());
}

#[tokio::test]
async fn a_file_without_its_object_or_with_another_one_is_told() {
    let world = world();
    let (lost, changed) = (world.file(b"lost").await, world.file(b"changed").await);
    world.file(b"good").await;
    world.store.lose(lost.key.as_str());
    world.store.put(changed.key.as_str(), b"CHANGED");
    let findings = walk(&world, Sweep::default()).await;
    let told: Vec<_> = findings.iter().map(|one| (one.kind, one.id)).collect();
    assert_eq!(
        told,
        [
            (FindingKind::MissingObject, Some(lost.id)),
            (FindingKind::ChangedObject, Some(changed.id)),
        ]
    );
    assert!(findings.iter().all(|one| one.action == Action::Reported));
}

#[tokio::test]
async fn a_dry_run_says_what_is_due_and_does_nothing() {
    let world = world();
    world.upload(b"late").await;
    world.clock.forward(DAY);
    let planned = (FindingKind::SessionEnded, Action::Planned);
    assert_eq!(kinds(&world, dry_run()).await, [planned]);
    let completed = (FindingKind::SessionEnded, Action::Completed);
    let all = kinds(&world, Sweep::default()).await;
    let emptied = (FindingKind::LeftoversOver, Action::Removed);
    assert_eq!(all, [completed, emptied]);
}

#[tokio::test]
async fn many_files_are_walked_page_by_page() {
    let world = world();
    for _ in 0..205 {
        world.file(b"x").await;
    }
    let mut files = 0;
    let mut cursor = None;
    loop {
        let sweep = Sweep {
            cursor,
            ..dry_run()
        };
        let swept = world.engine.sweep(&admin(), sweep).await.unwrap();
        files += swept.looked_at;
        cursor = swept.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    // As objects, in quarantine, and as files.
    assert_eq!(files, 3 * 205);
}

#[tokio::test]
async fn only_administrators_sweep_and_only_with_our_cursors() {
    let world = world();
    let sweep = world.engine.sweep(&alice(), Sweep::default()).await;
    assert_eq!(code(sweep), Code::Forbidden);
    let forged = Sweep {
        cursor: Some("eyJzdGVwIjoiZmlsZXMifQ".to_owned()),
        ..Sweep::default()
    };
    let sweep = world.engine.sweep(&admin(), forged).await;
    assert_eq!(code(sweep), Code::MalformedRequest);
}
