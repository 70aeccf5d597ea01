//! Webhooks of several servers on the same tables.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use valetkey_catalog::{Edge, EventKind, Fate};
use valetkey_protocol::FileId;
use valetkey_protocol::webhook::DeliveryState;

use super::conformance::deliveries::{claim, hand_on, listed, made, settle};
use super::conformance::sample::{Shared, at, delete, file, go, id, upload};
use super::support::{home, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn two_servers_hand_on_and_deliver_while_files_come_and_go_and_none_is_lost_or_out_of_order()
{
    const FILES: u64 = 60;
    let home = home().await;
    let servers = [open(&home.url).await, Arc::clone(&home.catalog)];
    made(&servers[0], "a").await;
    let writing = async {
        for number in 1..=FILES {
            let record = file(&servers[0], upload(number)).await;
            let record = go(&servers[1], &record, delete(at(0))).await;
            go(&servers[0], &record, Edge::Deleted).await;
        }
    };
    let told = Mutex::default();
    let workers = servers
        .iter()
        .map(|server| deliver(server, 2 * FILES, &told));
    tokio::join!(join_all(workers), writing);
    let told = told.into_inner().unwrap();
    let all: BTreeSet<_> = told.iter().copied().collect();
    assert_eq!((all.len(), told.len() as u64), (told.len(), 2 * FILES));
    for number in 1..=FILES {
        let of_file = told.iter().filter(|(file, _)| *file == id(number));
        let kinds: Vec<_> = of_file.map(|(_, kind)| *kind).collect();
        let expected = [EventKind::UploadCompleted, EventKind::FileDeleted];
        assert_eq!(kinds, expected, "{number}");
    }
}

/// Hands on and delivers until so many are done, also by others.
async fn deliver(server: &Shared, until: u64, told: &Mutex<Vec<(FileId, EventKind)>>) {
    loop {
        hand_on(server, "a", 0).await;
        for one in claim(server, "a", 0, 5).await {
            told.lock().unwrap().push((one.event.id, one.event.kind));
            assert!(settle(server, &one, 0, Fate::Done).await);
        }
        let done = listed(server, "a", Some(DeliveryState::Done)).await;
        if done.len() as u64 == until {
            break;
        }
    }
}
