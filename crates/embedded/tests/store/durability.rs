use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::io::AsyncReadExt as _;
use valetkey_embedded::{CorsRules, OpenError};

use crate::support::*;

/// How many files lie under `blobs/` and in `tmp/`.
fn files(folder: &Path) -> (usize, usize) {
    let count = |folder: &Path| fs::read_dir(folder).unwrap().count();
    let blobs = fs::read_dir(folder.join("blobs")).unwrap();
    let blobs = blobs.map(|shard| count(&shard.unwrap().path())).sum();
    (blobs, count(&folder.join("tmp")))
}

#[tokio::test]
async fn everything_is_there_after_it_was_opened_again() {
    let world = World::new().await;
    let body = bytes(1, MIB);
    let etag = world.put("dir/x", &body).await.etag();
    world.put("empty", b"").await;
    let upload = world
        .object("POST", "big")
        .query("uploads", "")
        .send()
        .await;
    let id = upload.tag("UploadId").unwrap();
    let part = || {
        world
            .object("PUT", "big")
            .query("uploadId", &id)
            .query("partNumber", 1)
    };
    part().body(b"part").send().await.expect_status(200);

    let world = World::on(world.close().await).await;
    let got = world.get("dir/x").await.expect_status(200);
    assert!(got.body == body && got.etag() == etag);
    world.get("empty").await.expect_status(200);
    let parts = world
        .object("GET", "big")
        .query("uploadId", &id)
        .send()
        .await;
    assert_eq!(parts.tags("PartNumber"), ["1"]);
}

#[tokio::test]
async fn bytes_that_nothing_names_are_removed() {
    let world = World::new().await;
    world.put("x", b"first").await;
    world.put("x", b"second").await;
    world.put("y", b"gone").await;
    world.object("DELETE", "y").send().await.expect_status(204);
    let copy = || {
        world
            .object("PUT", "copy")
            .header("x-amz-copy-source", "files/x")
    };
    copy().send().await.expect_status(200);
    world.object("DELETE", "x").send().await.expect_status(204);
    let bad = world
        .object("PUT", "z")
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .body(b"bad");
    bad.send().await.expect_error(400, "BadDigest");
    let late = world
        .object("PUT", "copy")
        .header("if-none-match", "*")
        .body(b"late");
    late.send().await.expect_error(412, "PreconditionFailed");
    let upload = world.object("POST", "up").query("uploads", "").send().await;
    let id = upload.tag("UploadId").unwrap();
    for _ in 0..2 {
        let part = world
            .object("PUT", "up")
            .query("uploadId", &id)
            .query("partNumber", 1);
        part.body(b"part").send().await.expect_status(200);
    }
    world
        .object("DELETE", "up")
        .query("uploadId", &id)
        .send()
        .await
        .expect_status(204);
    assert_eq!(world.get("copy").await.text(), "second");

    let folder = world.close().await;
    assert_eq!(files(folder.path()), (1, 0));
}

#[tokio::test]
async fn a_deleted_object_stays_for_those_who_are_reading_it() {
    let world = World::new().await;
    let part = bytes(1, 8 * MIB);
    let upload = world.object("POST", "x").query("uploads", "").send().await;
    let id = upload.tag("UploadId").unwrap();
    let mut parts = String::new();
    for number in 1..=4 {
        let put = world
            .object("PUT", "x")
            .query("uploadId", &id)
            .query("partNumber", number);
        let etag = put.body(&part).send().await.expect_status(200).etag();
        parts += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    let complete = world.object("POST", "x").query("uploadId", &id);
    let parts = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    complete.body(parts).send().await.expect_status(200);

    let mut reader = world.object("GET", "x").signed_at(now()).begin().await;
    let mut answer = vec![0; 1000];
    reader.read_exact(&mut answer).await.unwrap();
    world.object("DELETE", "x").send().await.expect_status(204);
    // What is removed after it has been removed, so the deleted object's turn is over.
    world.put("y", b"old").await;
    world.put("y", b"new").await;
    while files(world.folder.path()).0 > 5 {
        tokio::task::yield_now().await;
    }
    reader.read_to_end(&mut answer).await.unwrap();
    assert!(Reply::parse(&answer).body == part.repeat(4));
    assert_eq!(files(world.close().await.path()), (1, 0));
}

#[tokio::test]
async fn leftovers_of_a_crash_are_swept_at_the_start() {
    let world = World::new().await;
    world.put("x", b"kept").await;
    let folder = world.close().await;
    let id = "0123456789abcdef0123456789abcdef";
    fs::write(
        folder.path().join("blobs/ef").join(id),
        b"renamed, never published",
    )
    .unwrap();
    fs::write(folder.path().join("blobs/00/garbage"), b"?").unwrap();
    fs::write(folder.path().join("tmp").join(id), b"half writ").unwrap();
    assert_eq!(files(folder.path()), (3, 1));
    let world = World::on(folder).await;
    assert_eq!(world.get("x").await.text(), "kept");
    assert_eq!(files(world.folder.path()), (1, 0));
}

#[tokio::test]
async fn a_second_store_on_the_folder_is_refused() {
    let world = World::new().await;
    let error = open(world.folder.path(), CorsRules::default())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::InUse { .. }));
    let message = error.to_string();
    assert!(
        message.contains(world.folder.path().to_str().unwrap()),
        "{message}"
    );
    assert!(message.contains("another process"), "{message}");
    world.put("x", b"still served").await;
    let folder = world.close().await;
    open(folder.path(), CorsRules::default())
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn a_closed_store_answers_but_changes_nothing() {
    let world = World::new().await;
    world.put("x", b"x").await;
    world.store.close().await;
    world
        .object("PUT", "x")
        .body(b"late")
        .send()
        .await
        .expect_error(500, "InternalError");
    world.get("x").await.expect_error(500, "InternalError");
}

/// Not a test: what the next one starts and kills. Its folder comes on the standard input.
#[tokio::test]
#[ignore = "started by the_killed_store_has_every_acknowledged_object"]
async fn a_store_to_be_killed() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).unwrap();
    let store = open(Path::new(folder.trim()), CorsRules::default()).unwrap();
    let (address, server) = serve(store.service()).await;
    println!("\nserving {address}");
    server.await.unwrap();
}

fn start_child(folder: &Path) -> (Child, std::net::SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "durability::a_store_to_be_killed",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", folder.display()).unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("serving ").map(str::to_owned))
        .unwrap();
    (child, address.parse().unwrap())
}

/// `VALETKEY_KILLS` sets another number of rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_killed_store_has_every_acknowledged_object() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..wanted("VALETKEY_KILLS", 4) as u64 {
        let (mut child, address) = start_child(folder.path());
        let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                let sender = sender.clone();
                tokio::spawn(async move {
                    for number in 0.. {
                        let seed = round * 1_000_000 + writer * 10_000 + number;
                        let length = 1 + usize::try_from(seed % 7).unwrap() * 50_000;
                        let put = Call::new(address, "PUT", &format!("/{BUCKET}/{seed}"))
                            .body(bytes(seed, length));
                        assert_eq!(put.send().await.status, 200);
                        sender.send((seed, length)).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        for _ in 0..30 {
            acknowledged.push(answers.recv().await.unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for writer in writers {
            // A writer ends by the broken connection, never by a refusal.
            assert!(writer.await.unwrap_err().is_panic());
        }
        while let Some(answer) = answers.recv().await {
            acknowledged.push(answer);
        }
    }
    let world = World::on(folder).await;
    for (seed, length) in acknowledged {
        let got = world.get(&seed.to_string()).await.expect_status(200);
        assert!(got.body == bytes(seed, length), "{seed}");
    }
    let (mut count, mut after) = (0, String::new());
    loop {
        let list = world.call("GET", &format!("/{BUCKET}"));
        let list = list.query("list-type", 2).query("start-after", &after);
        let keys = list.send().await.expect_status(200).tags("Key");
        for key in &keys {
            let got = world.get(key).await.expect_status(200);
            let seed = key.parse().unwrap();
            assert!(got.body == bytes(seed, got.body.len()), "{key}");
        }
        count += keys.len();
        match keys.into_iter().next_back() {
            Some(last) => after = last,
            None => break,
        }
    }
    assert_eq!(files(world.folder.path()).0, count);
}
