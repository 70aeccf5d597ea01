use crate::support::*;

const KEYS: [&str; 9] = [
    "a",
    "a.txt",
    "dir/1",
    "dir/2",
    "dir/sub/3",
    "dir0",
    "z&<>",
    "zz",
    "ünï",
];

async fn filled() -> World {
    let world = World::new().await;
    for key in KEYS {
        world.put(key, key.as_bytes()).await;
    }
    world
}

fn list(world: &World) -> Call {
    world
        .call("GET", &format!("/{BUCKET}"))
        .query("list-type", 2)
}

/// Every page of a listing: keys and common prefixes in the order they came.
async fn pages(world: &World, limit: usize, options: &[(&str, &str)]) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut call = list(world)
            .query("max-keys", limit)
            .query("encoding-type", "url");
        for (name, value) in options {
            call = call.query(name, value);
        }
        if let Some(token) = &token {
            call = call.query("continuation-token", token);
        }
        let reply = call.send().await.expect_status(200);
        let mut names = reply.tags("Key");
        for prefixes in reply.tags("CommonPrefixes") {
            names.push(prefixes.replace("<Prefix>", "").replace("</Prefix>", ""));
        }
        assert_eq!(reply.tag("KeyCount"), Some(names.len().to_string()));
        pages.push(names);
        token = reply.tag("NextContinuationToken");
        assert_eq!(reply.tag("IsTruncated"), Some(token.is_some().to_string()));
        if token.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn keys_come_in_the_order_of_their_bytes_whatever_the_page() {
    let world = filled().await;
    let expected: Vec<_> = KEYS.iter().map(|key| encode(key, true)).collect();
    for limit in [1, 2, 8, 9, 10, 1000] {
        let pages = pages(&world, limit, &[]).await;
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit));
        assert_eq!(pages.concat(), expected, "{limit}");
    }
}

#[tokio::test]
async fn common_prefixes_stand_for_what_is_behind_them() {
    let world = filled().await;
    for limit in [1, 2, 3, 1000] {
        let top = pages(&world, limit, &[("delimiter", "/")]).await.concat();
        let expected = [
            "a",
            "a.txt",
            "dir/",
            "dir0",
            "%C3%BCn%C3%AF",
            "z%26%3C%3E",
            "zz",
        ];
        assert_eq!(top.len(), expected.len(), "{limit}");
        assert!(
            expected
                .iter()
                .all(|name| top.contains(&(*name).to_owned()))
        );
        let dir = pages(&world, limit, &[("delimiter", "/"), ("prefix", "dir/")]).await;
        assert_eq!(dir.concat(), ["dir/1", "dir/2", "dir/sub/"], "{limit}");
    }
    let none = pages(&world, 10, &[("prefix", "nothing")]).await;
    assert_eq!(none, [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_listing_can_start_anywhere() {
    let world = filled().await;
    let after = pages(&world, 10, &[("start-after", "dir/2"), ("prefix", "d")]).await;
    assert_eq!(after.concat(), ["dir/sub/3", "dir0"]);
    let before = pages(&world, 10, &[("start-after", "a"), ("prefix", "dir/")]).await;
    assert_eq!(before.concat().len(), 3);
    list(&world)
        .query("continuation-token", "!!!")
        .send()
        .await
        .expect_error(400, "InvalidArgument");
    list(&world)
        .query("max-keys", "-1")
        .send()
        .await
        .expect_error(400, "InvalidArgument");
    let zero = list(&world)
        .query("max-keys", 0)
        .send()
        .await
        .expect_status(200);
    assert_eq!(zero.tag("IsTruncated").as_deref(), Some("false"));
}

#[tokio::test]
async fn the_first_version_of_the_call_pages_by_marker() {
    let world = filled().await;
    let mut marker = String::new();
    let mut names = Vec::new();
    loop {
        let reply = world
            .call("GET", &format!("/{BUCKET}"))
            .query("max-keys", 2)
            .query("delimiter", "/")
            .query("marker", &marker)
            .send()
            .await
            .expect_status(200);
        names.extend(reply.tags("Key"));
        names.extend(reply.tags("CommonPrefixes"));
        match reply.tag("NextMarker") {
            Some(next) => marker = next,
            None => break,
        }
    }
    assert_eq!(names.len(), 7);
    assert!(names.contains(&"<Prefix>dir/</Prefix>".to_owned()));
}

#[tokio::test]
async fn a_listing_says_what_is_there() {
    let world = filled().await;
    let reply = list(&world).query("prefix", "dir/1").send().await;
    assert_eq!(reply.tag("Size").as_deref(), Some("5"));
    assert!(reply.tag("ETag").unwrap().contains(&md5_hex(b"dir/1")));
    assert!(reply.tag("LastModified").unwrap().ends_with("Z"));
}

#[tokio::test]
async fn a_bucket_is_made_seen_and_removed_only_when_empty() {
    let world = World::new().await;
    let bucket = |method: &str| world.call(method, "/second-bucket");
    bucket("HEAD").send().await.expect_status(404);
    bucket("PUT").send().await.expect_status(200);
    bucket("PUT")
        .send()
        .await
        .expect_error(409, "BucketAlreadyOwnedByYou");
    bucket("HEAD").send().await.expect_status(200);
    let all = world.call("GET", "/").send().await.expect_status(200);
    assert_eq!(all.tags("Name"), [BUCKET, "second-bucket"]);
    bucket("GET")
        .query("location", "")
        .send()
        .await
        .expect_status(200);
    world
        .call("PUT", "/second-bucket/x")
        .body(b"x")
        .send()
        .await
        .expect_status(200);
    bucket("DELETE")
        .send()
        .await
        .expect_error(409, "BucketNotEmpty");
    world
        .call("DELETE", "/second-bucket/x")
        .send()
        .await
        .expect_status(204);
    bucket("DELETE").send().await.expect_status(204);
    bucket("GET").send().await.expect_error(404, "NoSuchBucket");
    world
        .call("PUT", "/second-bucket/x")
        .body(b"x")
        .send()
        .await
        .expect_error(404, "NoSuchBucket");
}
