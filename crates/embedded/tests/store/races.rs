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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_puts_that_must_be_first_one_is() {
    let world = World::new().await;
    for round in 0..50 {
        let key = format!("race/{round}");
        let calls = (0..8)
            .map(|number| {
                world
                    .object("PUT", &key)
                    .header("if-none-match", "*")
                    .body(format!("racer {number}"))
            })
            .collect();
        let (winners, losers) = race(calls).await;
        assert_eq!((winners.len(), losers), (1, vec![412; 7]), "round {round}");
        assert_eq!(
            world.get(&key).await.text(),
            format!("racer {}", winners[0])
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_copies_that_must_be_first_one_is() {
    let world = World::new().await;
    for number in 0..8 {
        world
            .put(
                &format!("source/{number}"),
                format!("racer {number}").as_bytes(),
            )
            .await;
    }
    for round in 0..20 {
        let key = format!("copy/{round}");
        let calls = (0..8)
            .map(|number| {
                world
                    .object("PUT", &key)
                    .header("x-amz-copy-source", format!("{BUCKET}/source/{number}"))
                    .header("if-none-match", "*")
            })
            .collect();
        let (winners, losers) = race(calls).await;
        assert_eq!((winners.len(), losers), (1, vec![412; 7]), "round {round}");
        assert_eq!(
            world.get(&key).await.text(),
            format!("racer {}", winners[0])
        );
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
