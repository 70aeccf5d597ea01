//! Download URLs that stay the same for a while.

use jiff::{SignedDuration, Timestamp};
use valetkey_engine::{BucketRules, Reading};
use valetkey_protocol::download::{CreateDownload, Download};
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{Clock, Code, FileId};

use crate::support::{World, admin, alice, code, wish};

const WINDOW: i64 = 600;
const ASKED: i64 = 60;

fn world() -> World {
    World::with_rules(BucketRules {
        stable_window: 600,
        request_ttl_seconds: 60,
        ..BucketRules::default()
    })
}

/// Sets the clock to the start of the next window, and gives that.
fn next_window(world: &World) -> Timestamp {
    let second = world.clock.now().as_second();
    world.clock.forward(WINDOW - second % WINDOW);
    Timestamp::from_second(world.clock.now().as_second()).unwrap()
}

async fn download(world: &World, id: FileId) -> Download {
    let wish = CreateDownload::default();
    let download = world.engine.create_download(&alice(), id, wish).await;
    download.unwrap()
}

fn token(download: &Download) -> &str {
    let (_, token) = download.content_url.expose().rsplit_once('/').unwrap();
    token
}

#[tokio::test]
async fn everybody_who_asks_within_a_window_gets_the_same_url_and_the_time_asked_for_is_left() {
    let world = world();
    let id = world.file(b"hello").await.id;
    let start = next_window(&world);
    let first = download(&world, id).await;
    let end = start + SignedDuration::from_secs(WINDOW + ASKED);
    assert_eq!(first.expires_at, end);
    for forward in [1, 298, 300] {
        world.clock.forward(forward);
        let again = download(&world, id).await;
        assert_eq!(again, first);
        assert!(world.clock.now() + SignedDuration::from_secs(ASKED) <= again.expires_at);
        let redirect = world
            .engine
            .open_content(token(&first), Reading::Bytes)
            .await
            .unwrap();
        let content = world
            .engine
            .get_content(&admin(), id, Reading::Bytes)
            .await
            .unwrap();
        assert_eq!(redirect, content, "content URLs lead to one URL too");
    }
    world.clock.forward(1);
    assert_ne!(download(&world, id).await.url, first.url);
    // The permission to be redirected ends with the URL it came with.
    world.clock.forward(ASKED);
    let over = world
        .engine
        .open_content(token(&first), Reading::Bytes)
        .await;
    assert_eq!(code(over), Code::TokenExpired);
}

#[tokio::test]
async fn a_stable_url_does_not_outlive_its_file() {
    let world = world();
    let start = next_window(&world);
    let retained = CreateUpload {
        retain_for: Some(100),
        ..wish(5)
    };
    let upload = world.create(retained).await;
    world.store.put_single(upload.id, b"hello");
    let file = world.complete(upload.id).await.unwrap();
    let first = download(&world, file.id).await;
    assert_eq!(first.expires_at, start + SignedDuration::from_secs(100));
    world.clock.forward(98);
    assert_eq!(download(&world, file.id).await, first);
}

#[tokio::test]
async fn without_a_window_every_second_has_its_own_url() {
    let world = World::new();
    let id = world.file(b"hello").await.id;
    let first = download(&world, id).await;
    world.clock.forward(1);
    assert_ne!(download(&world, id).await.url, first.url);
}
