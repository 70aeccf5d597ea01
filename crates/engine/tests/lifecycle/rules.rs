//! Rules of buckets: names, sizes, and for how long files are kept.

use std::collections::BTreeMap;

use valetkey_engine::{BucketRules, LateUpload};
use valetkey_protocol::bucket::Attribute;
use valetkey_protocol::event::{EventKind, ListEvents};
use valetkey_protocol::file::PatchFile;
use valetkey_protocol::sweep::Action;
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{Code, Filename};

use crate::support::{World, admin, alice, code, wish};

const DAY: u64 = 86_400;

fn named(name: &str, size: u64) -> CreateUpload {
    CreateUpload {
        filename: Filename::parse(name).unwrap(),
        ..wish(size)
    }
}

fn for_days(days: u64) -> CreateUpload {
    CreateUpload {
        retain_for: Some(days * DAY),
        ..wish(5)
    }
}

async fn create(world: &World, create: CreateUpload) -> Result<(), Code> {
    let created = world.engine.create_upload(&alice(), create).await;
    created.map(drop).map_err(|error| error.problem().code)
}

#[tokio::test]
async fn names_and_sizes_out_of_bounds_are_refused_before_anything_is_remembered() {
    let world = World::with_rules(BucketRules {
        extensions: vec!["txt".to_owned(), "tar.gz".to_owned()],
        min_size: 3,
        max_size: 10,
        ..BucketRules::default()
    });
    for (name, size, expected) in [
        ("a.TXT", 3, Ok(())),
        ("a.tar.gz", 10, Ok(())),
        ("a.txt", 2, Err(Code::InvalidRequest)),
        ("a.txt", 11, Err(Code::FileTooLarge)),
        ("a.gz", 5, Err(Code::InvalidRequest)),
        ("txt", 5, Err(Code::InvalidRequest)),
    ] {
        assert_eq!(
            create(&world, named(name, size)).await,
            expected,
            "{name} {size}"
        );
    }
    let file = world.file(b"hello").await;
    let rename = |name: &str| PatchFile {
        filename: Some(Filename::parse(name).unwrap()),
        ..PatchFile::default()
    };
    let renamed = world
        .engine
        .patch_file(&alice(), file.id, rename("b.exe"))
        .await;
    assert_eq!(code(renamed), Code::InvalidRequest);
    let renamed = world
        .engine
        .patch_file(&alice(), file.id, rename("b.txt"))
        .await;
    renamed.unwrap();
}

#[tokio::test]
async fn what_declares_no_size_is_held_against_the_least_when_it_is_there() {
    let world = World::with_rules(BucketRules {
        min_size: 3,
        ..BucketRules::default()
    });
    for (bytes, is_file) in [(&b"12"[..], false), (b"123", true)] {
        let late = LateUpload {
            bucket: None,
            filename: Filename::parse("a.txt").unwrap(),
            content_type: None,
        };
        let grant = world
            .engine
            .create_late_upload(&alice(), late)
            .await
            .unwrap();
        world.store.put_plain(grant.id, bytes);
        let found = world.engine.get_file(&alice(), grant.id).await;
        assert_eq!(found.is_ok(), is_file);
    }
}

#[tokio::test]
async fn nobody_deletes_a_file_before_its_bucket_lets_go_of_it() {
    let world = World::with_rules(BucketRules {
        retain_days: 7,
        delete_after_days: 30,
        ..BucketRules::default()
    });
    for (days, expected) in [
        (6, Err(Code::InvalidRequest)),
        (7, Ok(())),
        (30, Ok(())),
        (31, Err(Code::InvalidRequest)),
    ] {
        assert_eq!(create(&world, for_days(days)).await, expected, "{days}");
    }
    world.clock.forward(3600);
    let file = world.file(b"hello").await;
    for who in [alice(), admin()] {
        let (engine, id) = (&world.engine, file.id);
        let problem = engine.delete_file(&who, id).await.unwrap_err().problem();
        assert_eq!(problem.code, Code::Conflict);
        let until = problem.facts["retained_until"].as_str().unwrap().to_owned();
        assert!(problem.detail.contains(&until), "{}", problem.detail);
        let by_key = engine.delete_by_key(&who, None, file.key.as_str()).await;
        assert_eq!(code(by_key), Code::Conflict);
    }
    let keep = |seconds: Option<u64>| PatchFile {
        retain_for: Some(seconds),
        ..PatchFile::default()
    };
    let owner = alice();
    let patch = |seconds| world.engine.patch_file(&owner, file.id, keep(seconds));
    assert_eq!(code(patch(Some(6 * DAY)).await), Code::Conflict);
    assert_eq!(code(patch(Some(31 * DAY)).await), Code::InvalidRequest);
    patch(Some(8 * DAY)).await.unwrap();
    let unbounded = patch(None).await.unwrap();
    assert_eq!(unbounded.expires_at, file.expires_at);
    world.clock.forward(7 * 86_400 - 1);
    assert_eq!(
        code(world.engine.delete_file(&alice(), file.id).await),
        Code::Conflict
    );
    world.clock.forward(1);
    world.engine.delete_file(&alice(), file.id).await.unwrap();
}

#[tokio::test]
async fn files_go_by_themselves_after_the_days_of_their_bucket_and_that_is_told() {
    let world = World::with_rules(BucketRules {
        delete_after_days: 2,
        ..BucketRules::default()
    });
    let file = world.file(b"hello").await;
    assert!(file.expires_at.is_some());
    world.clock.forward(2 * 86_400 - 1);
    world.engine.sweep_due().await.unwrap();
    world.engine.get_file(&alice(), file.id).await.unwrap();
    world.clock.forward(1);
    assert_eq!(
        code(world.engine.get_file(&alice(), file.id).await),
        Code::NotFound
    );
    world.engine.sweep_due().await.unwrap();
    assert_eq!(world.store.bytes(file.key.as_str()), None);
    let events = world
        .engine
        .list_events(&alice(), &ListEvents::default())
        .await
        .unwrap();
    let kinds: Vec<_> = events.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::UploadCompleted, EventKind::FileDeleted]);
}

#[tokio::test]
async fn a_rule_that_comes_later_keeps_also_what_was_to_go() {
    let world = World::new();
    let upload = world.create(for_days(1)).await;
    assert!(world.store.put_single(upload.id, b"hello"));
    let file = world.complete(upload.id).await.unwrap();
    let stricter = world.reconfigured(&BucketRules {
        retain_days: 3,
        ..BucketRules::default()
    });
    let removals = |findings: Vec<valetkey_protocol::sweep::Finding>| {
        findings
            .iter()
            .filter(|one| one.action == Action::Removed)
            .count()
    };
    world.clock.forward(86_400 + 1);
    stricter.sweep_due().await.unwrap();
    assert!(world.store.bytes(file.key.as_str()).is_some());
    world.clock.forward(2 * 86_400);
    assert!(removals(stricter.sweep_due().await.unwrap()) > 0);
    assert_eq!(world.store.bytes(file.key.as_str()), None);
}

#[tokio::test]
async fn what_policies_may_know_is_shown_to_administrators_of_the_service_alone() {
    let attributes =
        BTreeMap::from([("department".to_owned(), Attribute::Text("legal".to_owned()))]);
    let world = World::with_rules(BucketRules {
        security_level: 3,
        attributes: attributes.clone(),
        min_size: 7,
        ..BucketRules::default()
    });
    let tenants = admin().of_tenant("acme".parse().unwrap());
    for (who, sees) in [(admin(), true), (tenants, false), (alice(), false)] {
        let bucket = world.engine.list_buckets(&who).buckets.remove(0);
        assert_eq!(bucket.min_size, 7);
        assert_eq!(bucket.security_level, sees.then_some(3));
        assert_eq!(bucket.attributes == attributes, sees);
    }
}
