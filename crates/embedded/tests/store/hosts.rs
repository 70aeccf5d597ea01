//! Buckets with a host of their own.

use crate::support::*;

fn at(world: &World, host: &str, method: &str, path: &str) -> Call {
    world.call(method, path).replace_header("host", host)
}

#[tokio::test]
async fn a_host_below_the_domain_is_a_bucket() {
    let world = World::new().await;
    let host = "files.s3.example:9000";
    let put = at(&world, host, "PUT", "/dir/a%20b").body(b"hello");
    put.send().await.expect_status(200);
    assert_eq!(world.get("dir/a b").await.text(), "hello");

    world.put("second", b"2").await;
    for host in [host, "files.s3.example", "FILES.S3.Example:80"] {
        let got = at(&world, host, "GET", "/dir/a%20b").send().await;
        assert_eq!(got.text(), "hello", "{host}");
        let presigned = at(&world, host, "GET", "/second").presigned();
        assert_eq!(presigned.exchange().await.text(), "2", "{host}");
        let list = at(&world, host, "GET", "/").query("list-type", 2);
        assert_eq!(list.send().await.tags("Key"), ["dir/a b", "second"]);
    }
    let head = at(&world, host, "HEAD", "/").send().await;
    head.expect_status(200);
    let create = at(&world, host, "POST", "/big").query("uploads", "");
    let create = create.send().await.expect_status(200);
    assert_eq!(create.tag("Bucket").as_deref(), Some("files"));
    at(&world, host, "DELETE", "/second")
        .send()
        .await
        .expect_status(204);
    world.get("second").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn under_any_other_name_the_path_names_the_bucket() {
    let world = World::new().await;
    world.put("x", b"hello").await;
    for host in [
        "s3.example",
        "s3.example:9000",
        "store.internal",
        "files.example",
        "files.s3.example.org",
        "127.0.0.1:9000",
        "[::1]:9000",
    ] {
        let got = at(&world, host, "GET", "/files/x").send().await;
        assert_eq!(got.text(), "hello", "{host}");
    }
    let buckets = at(&world, "s3.example", "GET", "/").send().await;
    assert_eq!(buckets.tags("Name"), ["files"]);
}

#[tokio::test]
async fn a_signature_for_one_host_is_none_for_another() {
    let world = World::new().await;
    world.put("x", b"hello").await;
    let signed = at(&world, "files.s3.example", "GET", "/x").presigned();
    let elsewhere = signed.clone().replace_header("host", "other.s3.example");
    elsewhere
        .exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    let path = signed.with_path("/files/x");
    path.exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_host_that_is_no_bucket_is_refused() {
    let world = World::new().await;
    let missing = at(&world, "missing.s3.example", "GET", "/x").send().await;
    missing.expect_error(404, "NoSuchBucket");
    let wrong = at(&world, "b_d.s3.example", "GET", "/x").send().await;
    wrong.expect_error(400, "InvalidBucketName");
}

#[tokio::test]
async fn the_rules_of_a_bucket_count_under_its_host() {
    let world = World::new().await;
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>";
    let put = at(&world, "files.s3.example", "PUT", "/").query("cors", "");
    put.body(rules).send().await.expect_status(200);
    for (origin, status) in [("https://app.example", 200), ("https://evil.example", 403)] {
        let ask = at(&world, "files.s3.example", "OPTIONS", "/x")
            .unsigned_header("origin", origin)
            .unsigned_header("access-control-request-method", "PUT");
        ask.exchange().await.expect_status(status);
    }
}
