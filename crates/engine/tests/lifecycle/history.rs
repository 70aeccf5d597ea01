//! What is written down of each edge, and what happens to a run that is lost.

use std::sync::Arc;
use std::time::Duration;

use valetkey_catalog::{EventKind, EventList};
use valetkey_protocol::FileId;
use valetkey_protocol::upload::State;

use crate::support::memory::Fault;
use crate::support::{World, admin, wish};

#[tokio::test]
async fn each_edge_says_who_asked_for_it() {
    let world = World::new();
    let file = world.file(b"bytes").await;
    world.engine.delete_file(&admin(), file.id).await.unwrap();
    let lines = world.catalog.history(file.id).await.unwrap();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| (line.to, line.by.as_ref().map(|by| by.as_str())))
        .collect();
    assert_eq!(
        lines,
        [
            (State::Pending, Some("alice")),
            (State::Verifying, Some("alice")),
            (State::Available, Some("alice")),
            (State::Deleting, Some("root")),
            (State::Deleted, Some("root")),
        ]
    );
    world.create(wish(1)).await;
    world.clock.forward(86_400);
    world.engine.sweep_due().await.unwrap();
    let events = world.catalog.events(EventList::after(0, 10)).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let told = [
        EventKind::UploadCompleted,
        EventKind::FileDeleted,
        EventKind::UploadExpired,
    ];
    assert_eq!(kinds, told);
    let swept = world.catalog.history(events[2].id).await.unwrap();
    assert_eq!((swept.len(), swept[1].by.clone()), (2, None));
}

#[tokio::test]
async fn fifty_completions_at_once_are_one_transition_and_one_event() {
    let world = World::new();
    let upload = world.upload(b"bytes").await;
    let completions = (0..50).map(|_| world.complete(upload.id));
    let files = futures_util::future::join_all(completions).await;
    let first = files[0].as_ref().unwrap();
    assert!(files.iter().all(|file| file.as_ref().unwrap() == first));
    assert_eq!(world.catalog.history(upload.id).await.unwrap().len(), 3);
    assert_eq!(
        world
            .catalog
            .events(EventList::after(0, 10))
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(world.counts.of(State::Available), 1);
}

/// Starts a completion whose copy waits at the gate, and gives the run up; the run itself goes on.
async fn paused_run(world: &World, id: FileId) {
    world.store.arm(Fault::PauseCopy);
    let complete = world.complete(id);
    tokio::select! {
        _ = complete => panic!("the copy did not wait"),
        reached = world.store.gate.reached.acquire() => reached.unwrap().forget(),
    }
}

/// Waits for as long as a run goes on: it holds the engine.
async fn run_ends(world: &World) {
    while Arc::strong_count(&world.engine) > 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_run_that_takes_long_keeps_its_lease() {
    let world = World::new();
    let upload = world.upload(b"bytes").await;
    paused_run(&world, upload.id).await;
    let find = async || world.catalog.find(upload.id).await.unwrap().unwrap();
    let begun = find().await;
    world.clock.forward(10);
    let mut record = begun.clone();
    while record.lease_until == begun.lease_until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        record = find().await;
    }
    assert!(record.lease_until > begun.lease_until);
    let stands = (record.state, record.epoch);
    assert_eq!(stands, (State::Verifying, begun.epoch));
    world.store.gate.open.add_permits(1);
    world.complete(upload.id).await.unwrap();
    assert_eq!(world.catalog.history(upload.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_run_that_lost_its_lease_stops_and_changes_nothing() {
    let world = World::new();
    let upload = world.upload(b"bytes").await;
    paused_run(&world, upload.id).await;
    // So much at once that the run could not renew in time: it was asleep.
    world.clock.forward(3600);
    world.complete(upload.id).await.unwrap();
    let told = world.catalog.history(upload.id).await.unwrap();
    assert_eq!(told.len(), 4);
    run_ends(&world).await;
    assert_eq!(world.catalog.history(upload.id).await.unwrap(), told);
}
