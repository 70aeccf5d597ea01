use crate::support::*;

fn copy(world: &World, source: &str, target: &str) -> Call {
    world.object("PUT", target).header(
        "x-amz-copy-source",
        format!("/{BUCKET}/{}", encode(source, true)),
    )
}

#[tokio::test]
async fn a_copy_is_the_source_and_outlives_it() {
    let world = World::new().await;
    let body = bytes(3, MIB + 1);
    world
        .object("PUT", "ä source+1")
        .header("content-type", "text/css")
        .header("x-amz-meta-a", "1")
        .body(&body)
        .send()
        .await
        .expect_status(200);
    let reply = copy(&world, "ä source+1", "target")
        .send()
        .await
        .expect_status(200);
    assert_eq!(
        reply.tag("ETag").unwrap().replace("&quot;", "\""),
        format!("\"{}\"", md5_hex(&body))
    );
    world
        .object("DELETE", "ä source+1")
        .send()
        .await
        .expect_status(204);
    let got = world.get("target").await.expect_status(200);
    assert!(got.body == body);
    assert_eq!(got.header("content-type"), Some("text/css"));
    assert_eq!(got.header("x-amz-meta-a"), Some("1"));
}

#[tokio::test]
async fn replaced_metadata_is_all_the_copy_has() {
    let world = World::new().await;
    world
        .object("PUT", "s")
        .header("content-type", "text/html")
        .header("x-amz-meta-a", "1")
        .body(b"x")
        .send()
        .await
        .expect_status(200);
    copy(&world, "s", "t")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("content-type", "text/plain")
        .header("x-amz-meta-b", "2")
        .send()
        .await
        .expect_status(200);
    let got = world.get("t").await;
    assert_eq!(got.header("content-type"), Some("text/plain"));
    assert_eq!(
        (got.header("x-amz-meta-a"), got.header("x-amz-meta-b")),
        (None, Some("2"))
    );
    copy(&world, "s", "s")
        .send()
        .await
        .expect_error(400, "InvalidRequest");
}

#[tokio::test]
async fn a_condition_on_the_source_that_fails_changes_nothing() {
    let world = World::new().await;
    let etag = world.put("s", b"new").await.etag();
    let past = "Wed, 21 Oct 2015 07:28:00 GMT".to_owned();
    let future = "Wed, 21 Oct 2065 07:28:00 GMT".to_owned();
    let other = "\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned();
    for (condition, holds, fails) in [
        ("if-match", &etag, &other),
        ("if-none-match", &other, &etag),
        ("if-modified-since", &past, &future),
        ("if-unmodified-since", &future, &past),
    ] {
        world.put("t", b"old").await;
        let name = format!("x-amz-copy-source-{condition}");
        copy(&world, "s", "t")
            .header(&name, fails)
            .send()
            .await
            .expect_error(412, "PreconditionFailed");
        assert_eq!(world.get("t").await.text(), "old", "{condition}");
        copy(&world, "s", "t")
            .header(&name, holds)
            .send()
            .await
            .expect_status(200);
        assert_eq!(world.get("t").await.text(), "new", "{condition}");
    }
}

#[tokio::test]
async fn a_copy_of_nothing_is_refused() {
    let world = World::new().await;
    copy(&world, "missing", "t")
        .send()
        .await
        .expect_error(404, "NoSuchKey");
    world.put("s", b"x").await;
    world.put("t", b"old").await;
    copy(&world, "s", "t")
        .header("if-none-match", "*")
        .send()
        .await
        .expect_error(412, "PreconditionFailed");
    assert_eq!(world.get("t").await.text(), "old");
}
