use jiff::SignedDuration;

use crate::support::*;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn whoever_does_not_sign_is_refused() {
    let world = World::new().await;
    world.put("x", b"secret").await;
    world
        .object("GET", "x")
        .exchange()
        .await
        .expect_error(403, "AccessDenied");
    world
        .object("PUT", "x")
        .body(b"y")
        .exchange()
        .await
        .expect_error(403, "AccessDenied");
    world
        .object("GET", "x")
        .secret("wrong")
        .send()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    let old = world
        .object("GET", "x")
        .unsigned_header("authorization", "AWS AKID:c2ln");
    old.exchange().await.expect_error(400, "InvalidRequest");
    let old = world
        .object("GET", "x")
        .query("AWSAccessKeyId", KEY_ID)
        .query("Signature", "c2ln")
        .query("Expires", "4102444800");
    old.exchange().await.expect_error(400, "InvalidRequest");
    let both = world.object("GET", "x").presigned().signed_at(now());
    both.exchange().await.expect_error(400, "InvalidArgument");
    let basic = world
        .object("GET", "x")
        .unsigned_header("authorization", "Basic eA==");
    basic.exchange().await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_presigned_url_lives_as_long_as_it_says() {
    let world = World::new().await;
    world.put("x", b"x").await;
    let get = |age: i64, expires: &str| {
        let at = now().saturating_sub(seconds(age)).unwrap();
        world
            .object("GET", "x")
            .presigned_at(at, expires)
            .exchange()
    };
    get(0, "60").await.expect_status(200);
    get(50, "60").await.expect_status(200);
    get(70, "60").await.expect_error(403, "AccessDenied");
    get(6 * 24 * 3600, "604800").await.expect_status(200);
    get(0, "604801")
        .await
        .expect_error(400, "AuthorizationQueryParametersError");
    get(0, "-1")
        .await
        .expect_error(400, "AuthorizationQueryParametersError");
    get(0, "soon")
        .await
        .expect_error(400, "AuthorizationQueryParametersError");
    get(-600, "60").await.expect_status(200);
    get(-1000, "60").await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_signature_in_the_headers_is_fresh() {
    let world = World::new().await;
    world.put("x", b"x").await;
    for age in [1000, -1000] {
        let at = now().saturating_sub(seconds(age)).unwrap();
        let get = world.object("GET", "x").signed_at(at);
        get.exchange()
            .await
            .expect_error(403, "RequestTimeTooSkewed");
    }
}

#[tokio::test]
async fn a_signature_for_another_region_is_refused() {
    let world = World::new().await;
    let get = || world.object("GET", "x").region("eu-west-1");
    get()
        .send()
        .await
        .expect_error(400, "AuthorizationHeaderMalformed");
    get()
        .presigned()
        .exchange()
        .await
        .expect_error(400, "AuthorizationQueryParametersError");
}

#[tokio::test]
async fn a05_what_was_not_signed_cannot_be_added() {
    let world = World::new().await;
    let put = || world.object("PUT", "x").body(b"x");
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-evil", "1"),
        ("x-amz-copy-source", "files/other"),
        ("x-amz-tagging", "a=1"),
    ] {
        let presigned = put().presigned().unsigned_header(name, value);
        presigned.exchange().await.expect_error(403, "AccessDenied");
        let signed = put().signed_at(now()).unsigned_header(name, value);
        signed.exchange().await.expect_error(403, "AccessDenied");
    }
    let extra = put().presigned().query("x-amz-meta-evil", "1");
    extra
        .exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    let twice = put().presigned().query("X-Amz-Expires", "600");
    twice.exchange().await.expect_error(400, "InvalidArgument");
    world.get("x").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn what_was_signed_cannot_be_left_out_or_changed() {
    let world = World::new().await;
    let at = now();
    let signed = |call: Call| call.presigned_at(at, "60");
    let whole = signed(
        world
            .object("PUT", "x")
            .header("if-none-match", "*")
            .body(b"x"),
    );
    let target = whole.clone();
    whole.exchange().await.expect_status(200);
    target
        .clone()
        .exchange()
        .await
        .expect_error(412, "PreconditionFailed");

    // The same URL with another length, another method, another key, another host.
    let length = signed(world.object("PUT", "y").header("content-length", 1)).content_length(None);
    let mut longer = length.clone().body(b"xyz").content_length(None);
    longer = longer.replace_header("content-length", "3");
    longer
        .exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    length
        .body(b"x")
        .content_length(None)
        .exchange()
        .await
        .expect_status(200);

    let get = signed(world.object("GET", "x"));
    get.clone()
        .with_method("HEAD")
        .exchange()
        .await
        .expect_status(403);
    get.clone()
        .with_path("/files/y")
        .exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    let host = get.clone().replace_header("host", "evil.example");
    host.exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    target
        .without_header("if-none-match")
        .exchange()
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    get.exchange().await.expect_status(200);
}

#[tokio::test]
async fn a_put_says_how_long_it_is() {
    let world = World::new().await;
    let put = world.object("PUT", "x").presigned().content_length(None);
    put.clone()
        .exchange()
        .await
        .expect_error(411, "MissingContentLength");
    let chunked = put.unsigned_header("transfer-encoding", "chunked");
    let chunked = chunked.body(b"1\r\nx\r\n0\r\n\r\n").content_length(None);
    chunked
        .exchange()
        .await
        .expect_error(411, "MissingContentLength");
}

#[tokio::test]
async fn what_is_not_implemented_is_refused_rather_than_ignored() {
    let world = World::new().await;
    for (name, value, status, code) in [
        (
            "x-amz-server-side-encryption",
            "AES256",
            501,
            "NotImplemented",
        ),
        (
            "x-amz-object-lock-mode",
            "GOVERNANCE",
            501,
            "NotImplemented",
        ),
        ("x-amz-storage-class", "GLACIER", 400, "InvalidStorageClass"),
        (
            "x-amz-acl",
            "public-read",
            400,
            "AccessControlListNotSupported",
        ),
        (
            "x-amz-grant-read",
            "id=1",
            400,
            "AccessControlListNotSupported",
        ),
        (
            "x-amz-expected-bucket-owner",
            "111111111111",
            403,
            "AccessDenied",
        ),
        ("if-none-match", "\"etag\"", 501, "NotImplemented"),
    ] {
        let put = world.object("PUT", "x").header(name, value).body(b"x");
        put.send().await.expect_error(status, code);
    }
    world
        .object("GET", "x")
        .query("versionId", "1")
        .send()
        .await
        .expect_error(404, "NoSuchVersion");
    world.get("x").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let world = World::new().await;
    let put = world
        .object("PUT", "x")
        .secret("wrong")
        .body(bytes(1, 16 * MIB));
    put.send().await.expect_error(403, "SignatureDoesNotMatch");
}
