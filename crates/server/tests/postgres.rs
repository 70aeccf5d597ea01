//! Two servers on one PostgreSQL: what happens at one is heard at the other.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so at once"
)]

#[path = "http/stream.rs"]
mod stream;
#[expect(dead_code, reason = "the suite of one server needs more of it")]
#[path = "http/world.rs"]
mod world;

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use stream::{FOLLOW, Stream};
use world::{User, World, id};

/// Servers look at the table every three seconds; whoever is told in less than half of that was woken.
const SOON: Duration = Duration::from_millis(1400);

/// Two servers with one catalog; the second needs no storage for what it does here.
async fn two() -> [World; 2] {
    let one = World::start().await;
    let catalog = world::catalog(&one.folder);
    [one, World::with(|config| config.catalog = catalog).await]
}

/// An upload that comes to nothing, which is an event.
async fn aborted(user: &User<'_>) -> Value {
    let upload = user.create("a.txt", b"a").await;
    let path = format!("/v1/uploads/{}", id(&upload));
    assert_eq!(user.delete(&path).await.status, 204);
    upload["id"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn what_happens_at_one_server_is_heard_at_the_other_at_once() {
    let [here, there] = two().await;
    let (alice, follower) = (here.user("alice"), there.user("alice"));
    let mut stream = Stream::open(&follower, FOLLOW, &[]).await;
    // The first to follow has the server connect and listen.
    aborted(&alice).await;
    stream.message().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for name in ["a.txt", "b.txt", "c.txt"] {
        let file = alice.upload(name, name.as_bytes()).await;
        let told = timeout(SOON, stream.message()).await;
        let told = told.expect("nobody was woken").unwrap();
        assert_eq!(
            (told.event.as_str(), &told.data["data"]["id"]),
            ("upload.completed", &file["id"])
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: run scripts/test"]
async fn whoever_goes_from_server_to_server_is_told_everything_once_while_both_write() {
    const EVENTS: usize = 256;
    let [here, there] = two().await;
    let writing = [&here, &there].map(|world| async move {
        let alice = world.user("alice");
        for _ in 0..EVENTS / 2 {
            aborted(&alice).await;
        }
    });
    let following = async {
        let mut seen = Vec::new();
        let mut last = String::new();
        // A few at each, and then on at the other one.
        for turn in 0.. {
            let world = if turn % 2 == 0 { &here } else { &there };
            let path = format!("{FOLLOW}&from=oldest");
            let header = [("last-event-id", last.as_str())];
            let headers = if last.is_empty() { &[][..] } else { &header };
            let mut stream = Stream::open(&world.user("alice"), &path, headers).await;
            for _ in 0..(turn * 7) % 31 + 1 {
                let message = stream.message().await.unwrap();
                seen.push(message.data["id"].as_str().unwrap().to_owned());
                last = message.id;
                if seen.len() == EVENTS {
                    return seen;
                }
            }
        }
        unreachable!("the turns do not end");
    };
    let (_, seen) =
        futures_util::future::join(futures_util::future::join_all(writing), following).await;
    let page = here
        .user("alice")
        .get("/v1/events?limit=1000")
        .await
        .ok(200);
    let events = page["events"].as_array().unwrap();
    let expected: Vec<_> = events
        .iter()
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    assert_eq!(expected.len(), EVENTS);
    assert_eq!(seen, expected);
}
