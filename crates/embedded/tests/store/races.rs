use crate::support::*;

/// Sends eight calls at once; how many were answered with 200, and the rest's statuses.
async fn race(calls: Vec<Call>) -> (Vec<usize>, Vec<u16>) {
    let running: Vec<_> = calls
        .into_iter()
        .map(|call| tokio::spawn(call.send()))
        .collect();
    let (mut winners, mut losers) = (Vec::new(), Vec::new());
    for (number, call) in running.into_iter().enumerate() {
        match call.await.unwrap().status {
            200 => winners.push(number),
            status => losers.push(status),
        }
    }
    (winners, losers)
}

/// A thousand rounds: the first few on a disk, where racers meet while an fsync runs, the others in memory,
/// where they meet in the index. `VALETKEY_RACES` sets another number.
async fn worlds() -> [(World, std::ops::Range<usize>); 2] {
    let rounds = wanted("VALETKEY_RACES", 1000);
    let on_disk = rounds / 20;
    [
        (World::new().await, 0..on_disk),
        (World::in_memory().await, on_disk..rounds),
    ]
}

/// Lets eight calls race for one key and looks who has it.
async fn race_for(world: &World, key: &str, calls: Vec<Call>) {
    let (winners, losers) = race(calls).await;
    assert_eq!((winners.len(), losers), (1, vec![412; 7]), "{key}");
    let got = world.get(key).await.expect_status(200);
    assert_eq!(got.text(), racer(winners[0]), "{key}");
}

fn racer(number: usize) -> String {
    format!("racer {number}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_puts_that_must_be_first_one_is() {
    for (world, rounds) in worlds().await {
        for round in rounds {
            let key = format!("race/{round}");
            let put = |number| {
                let put = world.object("PUT", &key).header("if-none-match", "*");
                put.body(racer(number))
            };
            race_for(&world, &key, (0..8).map(put).collect()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_copies_that_must_be_first_one_is() {
    for (world, rounds) in worlds().await {
        for number in 0..8 {
            let key = format!("source/{number}");
            world.put(&key, racer(number).as_bytes()).await;
        }
        for round in rounds {
            let key = format!("copy/{round}");
            let copy = |number| {
                let copy = world.object("PUT", &key).header("if-none-match", "*");
                copy.header("x-amz-copy-source", format!("{BUCKET}/source/{number}"))
            };
            race_for(&world, &key, (0..8).map(copy).collect()).await;
        }
    }
}

/// An upload of one part, ready to be completed: `POST` this.
async fn ready_to_complete(call: impl Fn(&str) -> Call, body: String) -> Call {
    let create = call("POST").query("uploads", "").send().await;
    let id = create.expect_status(200).tag("UploadId").unwrap();
    let part = call("PUT").query("uploadId", &id).query("partNumber", 1);
    let etag = part.body(body).send().await.expect_status(200).etag();
    call("POST").query("uploadId", &id).body(format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_completes_that_must_be_first_one_is() {
    for (world, rounds) in worlds().await {
        for round in rounds {
            let key = format!("upload/{round}");
            let uploads: Vec<_> = (0..8)
                .map(|number| {
                    let call = Call::new(world.address, "", &format!("/{BUCKET}/{key}"));
                    let call = move |method: &str| call.clone().with_method(method);
                    tokio::spawn(ready_to_complete(call, racer(number)))
                })
                .collect();
            let mut calls = Vec::new();
            for upload in uploads {
                calls.push(upload.await.unwrap().header("if-none-match", "*"));
            }
            race_for(&world, &key, calls).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_updates_of_one_version_one_succeeds() {
    let world = World::new().await;
    let mut etag = world.put("x", b"start").await.etag();
    for round in 0..20 {
        let calls = (0..8)
            .map(|number| {
                world
                    .object("PUT", "x")
                    .header("if-match", &etag)
                    .body(format!("{round} {number}"))
            })
            .collect();
        let (winners, losers) = race(calls).await;
        assert_eq!((winners.len(), losers), (1, vec![412; 7]), "round {round}");
        let got = world.get("x").await;
        assert_eq!(got.text(), format!("{round} {}", winners[0]));
        etag = got.etag();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_gets_one_version_whole_while_it_is_being_replaced() {
    let world = World::new().await;
    let versions: Vec<_> = (1..=4).map(|seed| bytes(seed, 2 * MIB)).collect();
    world.put("x", &versions[0]).await;
    let writers: Vec<_> = (0..16)
        .map(|number| {
            let body = &versions[number % versions.len()];
            tokio::spawn(world.object("PUT", "x").body(body).send())
        })
        .collect();
    while writers.iter().any(|writer| !writer.is_finished()) {
        let got = world.get("x").await.expect_status(200);
        assert!(versions.contains(&got.body));
    }
}
