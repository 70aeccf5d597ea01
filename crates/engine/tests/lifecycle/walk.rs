//! Walks: the one an administrator asks for, and the one of each bucket that goes on by itself.

use jiff::SignedDuration;
use valetkey_engine::{BucketRules, Surveyed};
use valetkey_protocol::part::MIB;
use valetkey_protocol::sweep::{Action, Finding, FindingKind, Sweep, Swept};
use valetkey_protocol::upload::{CreateUpload, State};

use crate::support::memory::Fault;
use crate::support::{World, admin, alice, wish};

const DAY: i64 = 86_400;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn two_buckets() -> World {
    let rules = BucketRules::default();
    World::with_buckets(&[("files", rules.clone()), ("other", rules)])
}

/// Walks from the beginning to the end, as an administrator; every step.
async fn walk(world: &World, sweep: Sweep) -> Vec<Swept> {
    let (mut steps, mut cursor) = (Vec::new(), None);
    loop {
        let step = Sweep {
            cursor,
            ..sweep.clone()
        };
        let swept = world.engine.sweep(&admin(), step).await.unwrap();
        cursor = swept.next_cursor.clone();
        steps.push(swept);
        if cursor.is_none() {
            return steps;
        }
    }
}

fn kinds<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<(FindingKind, Action)> {
    let findings = findings.into_iter();
    findings.map(|one| (one.kind, one.action)).collect()
}

async fn page(world: &World, bucket: &str) -> Option<Surveyed> {
    let surveyed = world.engine.survey_bucket(bucket, MINUTE).await;
    surveyed.unwrap()
}

/// Goes on with the survey of a bucket until it went all the way round.
async fn survey(world: &World, bucket: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    loop {
        let surveyed = page(world, bucket).await.unwrap();
        findings.extend(surveyed.findings);
        world.clock.forward(60);
        if surveyed.ended {
            return findings;
        }
    }
}

#[tokio::test]
async fn everything_that_is_due_is_seen_to_however_much_it_is() {
    let world = World::with_rules(BucketRules {
        max_open_uploads: 10_000,
        ..BucketRules::default()
    });
    for _ in 0..1100 {
        world.create(wish(5)).await;
    }
    world.clock.forward(DAY);
    let dry_run = Sweep {
        dry_run: true,
        ..Sweep::default()
    };
    for (sweep, action) in [
        (dry_run, Action::Planned),
        (Sweep::default(), Action::Ended),
    ] {
        let steps = walk(&world, sweep).await;
        let findings = steps.iter().flat_map(|step| &step.findings);
        let ended = findings.filter(|one| one.kind == FindingKind::SessionEnded);
        let ended: Vec<_> = ended.map(|one| one.action).collect();
        assert_eq!(ended, [action; 1100]);
        assert!(steps.iter().all(|step| step.findings.len() <= 1000));
    }
}

#[tokio::test]
async fn a_verification_that_takes_longer_than_an_answer_goes_on_without_it() {
    let world = World::new();
    let slow = world.upload(b"hello").await;
    world.store.arm(Fault::PauseCopy);
    world.clock.forward(DAY);
    let first = world
        .engine
        .sweep(&admin(), Sweep::default())
        .await
        .unwrap();
    let begun = (FindingKind::SessionEnded, Action::Begun);
    assert_eq!(kinds(&first.findings), [begun]);
    let state = async || {
        let looked = world.engine.get_upload(&alice(), slow.id).await;
        looked.unwrap().state
    };
    assert_eq!(state().await, State::Verifying);
    // Others are not held up by it, and it is not begun twice.
    let other = world.upload(b"world").await;
    world.clock.forward(2 * DAY);
    world.store.gate.open.add_permits(1);
    while state().await != State::Available {
        tokio::task::yield_now().await;
    }
    let steps = walk(&world, Sweep::default()).await;
    let about: Vec<_> = steps
        .iter()
        .flat_map(|step| &step.findings)
        .filter(|one| one.kind == FindingKind::SessionEnded)
        .map(|one| (one.action, one.id))
        .collect();
    assert_eq!(about, [(Action::Completed, Some(other.id))]);
}

#[tokio::test]
async fn an_administrator_has_what_was_postponed_tried_at_once() {
    let world = World::new();
    world.upload(b"hello").await;
    world.store.arm_for_good(Fault::CopyRefused);
    world.clock.forward(DAY);
    world.engine.sweep_due().await.unwrap();
    world.store.mend();
    assert_eq!(world.engine.sweep_due().await.unwrap(), []);
    let steps = walk(&world, Sweep::default()).await;
    let completed = (FindingKind::SessionEnded, Action::Completed);
    assert_eq!(kinds(&steps[0].findings), [completed]);
}

#[tokio::test]
async fn a_bucket_that_refuses_or_is_down_stops_no_walk_and_is_told() {
    let world = two_buckets();
    let file = world.file(b"a file").await;
    world.store.lose(file.key.as_str());
    let other = CreateUpload {
        bucket: Some("other".to_owned()),
        ..wish(5)
    };
    let other = world.create(other).await;
    world.other.put_single(other.id, b"hello");
    let other = world.complete(other.id).await.unwrap();
    world.other.lose(other.key.as_str());
    let missing = (FindingKind::MissingObject, Action::Reported);
    let untold = (FindingKind::NotSurveyed, Action::Postponed);

    // What is refused is left out, and the rest is looked at.
    world.store.arm_for_good(Fault::ListMultipartsRefused);
    let steps = walk(&world, Sweep::default()).await;
    let findings: Vec<_> = steps.iter().flat_map(|step| &step.findings).collect();
    assert_eq!(kinds(findings.iter().copied()), [untold, missing, missing]);
    assert_eq!(
        (&*findings[0].bucket, &*findings[0].key),
        ("files", "files/")
    );
    assert_eq!(kinds(&survey(&world, "files").await), [untold, missing]);
    assert_eq!(kinds(&survey(&world, "other").await), [missing]);

    // What is down is passed by.
    world.store.mend();
    world.store.arm_for_good(Fault::Down);
    let steps = walk(&world, Sweep::default()).await;
    let findings: Vec<_> = steps.iter().flat_map(|step| &step.findings).collect();
    assert_eq!(kinds(findings.iter().copied()), [untold, missing]);
    let stuck = page(&world, "files").await.unwrap();
    assert_eq!((kinds(&stuck.findings), stuck.ended), (vec![untold], false));
    world.store.mend();
    world.clock.forward(60);
    assert_eq!(kinds(&survey(&world, "files").await), [missing]);
}

#[tokio::test]
async fn a_survey_goes_on_after_a_restart_and_is_one_servers_at_a_time() {
    let world = World::new();
    let file = world.file(b"a file").await;
    world.store.lose(file.key.as_str());
    // Objects, quarantine, multipart uploads, files.
    for _ in 0..3 {
        let surveyed = page(&world, "files").await.unwrap();
        assert!(surveyed.findings.is_empty() && !surveyed.ended);
        assert_eq!(page(&world, "files").await, None);
        world.clock.forward(60);
    }
    let restarted = world.reconfigured(&BucketRules::default());
    let last = restarted.survey_bucket("files", MINUTE).await.unwrap();
    let last = last.unwrap();
    let missing = (FindingKind::MissingObject, Action::Reported);
    assert_eq!((kinds(&last.findings), last.ended), (vec![missing], true));
}

#[tokio::test]
async fn what_lies_below_a_former_prefix_is_surveyed_when_it_is_named() {
    let world = World::with_rules(BucketRules {
        single_limit: MIB,
        ..BucketRules::default()
    });
    let file = world.file(b"a file").await;
    let multipart = world.create(wish(12 * MIB)).await;
    world.engine.delete_file(&alice(), file.id).await.unwrap();
    let aborted = world.engine.abort_upload(&alice(), multipart.id).await;
    aborted.unwrap();
    world.clock.forward(DAY);
    world.engine.sweep_due().await.unwrap();
    world.store.put(file.key.as_str(), b"undead");
    world.store.start(multipart.key.as_str());

    let moved = BucketRules {
        key_prefix: "v2/files".to_owned(),
        ..BucketRules::default()
    };
    let named = BucketRules {
        former_key_prefixes: vec!["older".to_owned(), "files".to_owned()],
        ..moved.clone()
    };
    let removed = [
        (FindingKind::OrphanObject, Action::Removed),
        (FindingKind::OrphanMultipart, Action::Removed),
    ];
    for (rules, expected) in [(moved, &[][..]), (named, &removed)] {
        let engine = world.reconfigured(&rules);
        let (mut found, mut ended) = (Vec::new(), false);
        while !ended {
            let surveyed = engine
                .survey_bucket("files", MINUTE)
                .await
                .unwrap()
                .unwrap();
            found.extend(surveyed.findings);
            ended = surveyed.ended;
            world.clock.forward(60);
        }
        assert_eq!(kinds(&found), expected);
    }
    assert_eq!(world.store.bytes(file.key.as_str()), None);
    assert_eq!(world.store.open_multiparts(), 0);
}
