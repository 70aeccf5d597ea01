use crate::support::*;

#[tokio::test]
async fn what_is_put_comes_back_with_everything_said_about_it() {
    let world = World::new().await;
    let facts = [
        ("content-type", "image/png"),
        ("content-disposition", "attachment; filename=\"a.png\""),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("cache-control", "max-age=60"),
        ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("x-amz-meta-colour", "blue"),
    ];
    let body = bytes(1, 3 * MIB + 17);
    let mut put = world.object("PUT", "photo.png").body(&body);
    for (name, value) in facts {
        put = put.header(name, value);
    }
    let put = put.send().await.expect_status(200);
    assert_eq!(put.etag(), format!("\"{}\"", md5_hex(&body)));

    let got = world.get("photo.png").await.expect_status(200);
    let head = world
        .object("HEAD", "photo.png")
        .header("x-amz-checksum-mode", "ENABLED")
        .send()
        .await
        .expect_status(200);
    assert!(got.body == body);
    for reply in [&got, &head] {
        for (name, value) in facts {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
        assert_eq!(reply.header("etag"), Some(put.etag().as_str()));
        assert_eq!(
            reply.header("content-length"),
            Some(body.len().to_string().as_str())
        );
        assert!(reply.header("last-modified").is_some());
        assert!(reply.header("x-amz-request-id").is_some());
    }
    assert_eq!(got.header("x-amz-checksum-crc64nvme"), None);
    let crc = crc64_base64(&body);
    assert_eq!(head.header("x-amz-checksum-crc64nvme"), Some(crc.as_str()));
    assert_eq!(head.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let world = World::new().await;
    world.put("empty", b"").await;
    let got = world.get("empty").await.expect_status(200);
    assert_eq!(got.body, b"");
    assert_eq!(got.header("content-length"), Some("0"));
    world.get("other").await.expect_error(404, "NoSuchKey");
    world
        .object("GET", "empty")
        .header("range", "bytes=0-")
        .send()
        .await
        .expect_error(416, "InvalidRange");
}

#[tokio::test]
async fn a_range_answers_exactly_its_bytes() {
    let world = World::new().await;
    let body = bytes(2, MIB);
    world.put("big", &body).await;
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=300000-700000", 300_000..700_001),
        ("bytes=1048570-", 1_048_570..MIB),
        ("bytes=-5", MIB - 5..MIB),
        ("bytes=1000-9999999", 1000..MIB),
    ] {
        let got = world
            .object("GET", "big")
            .header("range", range)
            .send()
            .await;
        assert_eq!(got.status, 206, "{range}");
        assert!(got.body == body[expected.clone()], "{range}");
        let described = format!("bytes {}-{}/{MIB}", expected.start, expected.end - 1);
        assert_eq!(got.header("content-range"), Some(described.as_str()));
    }
    for ignored in ["bytes=0-1,5-6", "lines=1-2", "bytes=5-2"] {
        let got = world
            .object("GET", "big")
            .header("range", ignored)
            .send()
            .await;
        assert_eq!((got.status, got.body.len()), (200, MIB), "{ignored}");
    }
    let beyond = world
        .object("GET", "big")
        .header("range", "bytes=1048576-")
        .send()
        .await;
    assert_eq!(beyond.header("content-range"), Some("bytes */1048576"));
    beyond.expect_error(416, "InvalidRange");
}

#[tokio::test]
async fn a40_of_a_thousand_ranges_the_whole_object_is_sent_once() {
    let world = World::new().await;
    let body = bytes(2, MIB);
    world.put("big", &body).await;
    for ranges in [
        format!("bytes={}", vec!["0-"; 1000].join(",")),
        format!("bytes={}", vec!["0-0"; 1000].join(",")),
        format!("bytes={}", vec!["-1"; 1000].join(", ")),
    ] {
        let call = world.object("GET", "big").header("range", &ranges);
        let got = call.presigned().exchange().await;
        assert_eq!((got.status, got.header("content-range")), (200, None));
        assert!(got.body == body);
    }
}

#[tokio::test]
async fn a_signed_override_changes_the_answer_only() {
    let world = World::new().await;
    world.put("page", b"<b>").await;
    for method in ["GET", "HEAD"] {
        let got = world
            .object(method, "page")
            .query("response-content-type", "text/plain")
            .query(
                "response-content-disposition",
                "inline; filename*=UTF-8''%C3%A4",
            )
            .presigned()
            .exchange()
            .await
            .expect_status(200);
        assert_eq!(got.header("content-type"), Some("text/plain"), "{method}");
        assert_eq!(
            got.header("content-disposition"),
            Some("inline; filename*=UTF-8''%C3%A4")
        );
    }
    let plain = world.get("page").await;
    assert_eq!(plain.header("content-type"), Some("binary/octet-stream"));
}

#[tokio::test]
async fn deleting_twice_is_fine() {
    let world = World::new().await;
    world.put("gone", b"x").await;
    for _ in 0..2 {
        world
            .object("DELETE", "gone")
            .send()
            .await
            .expect_status(204);
    }
    world.get("gone").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn keys_that_look_like_paths_stay_distinct() {
    let world = World::new().await;
    let longest = "k".repeat(1024);
    let keys = [
        "a",
        "a/b",
        "a/",
        "a//b",
        "/a",
        "u2",
        "u1/../u2",
        "u1/./u2",
        "../../etc/passwd",
        "..",
        ".",
        "ünï/😀",
        "a b+c%2F",
        "a?b&c=d#e",
        "A",
        longest.as_str(),
    ];
    for (number, key) in keys.iter().enumerate() {
        world.put(key, format!("body {number}").as_bytes()).await;
    }
    for (number, key) in keys.iter().enumerate() {
        let got = world.get(key).await.expect_status(200);
        assert_eq!(got.text(), format!("body {number}"), "{key}");
    }
    let too_long = "k".repeat(1025);
    world
        .object("PUT", &too_long)
        .send()
        .await
        .expect_error(400, "KeyTooLongError");
}

#[tokio::test]
async fn many_are_deleted_in_one_call_and_each_is_answered_for() {
    let world = World::new().await;
    world.put("one", b"1").await;
    world.put("two", b"2").await;
    let body = "<Delete><Object><Key>one</Key></Object><Object><Key>never</Key></Object><Object><Key>two</Key><ETag>\"0\"</ETag></Object></Delete>";
    let reply = world
        .call("POST", &format!("/{BUCKET}"))
        .query("delete", "")
        .body(body)
        .send()
        .await
        .expect_status(200);
    assert_eq!(reply.tags("Key"), ["one", "never", "two"]);
    assert_eq!(reply.tag("Code").as_deref(), Some("PreconditionFailed"));
    world.get("one").await.expect_error(404, "NoSuchKey");
    world.get("two").await.expect_status(200);
}

#[tokio::test]
async fn conditions_on_reads_are_kept() {
    let world = World::new().await;
    let etag = world.put("x", b"x").await.etag();
    let past = "Wed, 21 Oct 2015 07:28:00 GMT";
    let future = "Wed, 21 Oct 2065 07:28:00 GMT";
    for (name, value, status) in [
        ("if-match", etag.as_str(), 200),
        ("if-match", "*", 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", future, 304),
        ("if-modified-since", past, 200),
        ("if-modified-since", "whenever", 200),
        ("if-unmodified-since", past, 412),
        ("if-unmodified-since", future, 200),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = world.object(method, "x").header(name, value).send().await;
            assert_eq!(reply.status, status, "{method} {name}: {value}");
            if status == 304 {
                assert_eq!(reply.header("etag"), Some(etag.as_str()));
                assert_eq!(reply.body, b"");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_digest_never_becomes_visible() {
    let world = World::new().await;
    let other = bytes(9, 10);
    let md5 = base64(&md5_raw(&other));
    let sha256 = sha256_base64(&other);
    let crc = crc64_base64(&other);
    for (name, value) in [
        ("content-md5", md5.as_str()),
        ("x-amz-checksum-sha256", sha256.as_str()),
        ("x-amz-checksum-crc64nvme", crc.as_str()),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-crc32c", "AAAAAA=="),
        ("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ] {
        world
            .object("PUT", "x")
            .header(name, value)
            .body(b"bytes")
            .send()
            .await
            .expect_error(400, "BadDigest");
    }
    let payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    world
        .object("PUT", "x")
        .payload(payload)
        .body(b"bytes")
        .send()
        .await
        .expect_error(400, "XAmzContentSHA256Mismatch");
    for (name, value, code) in [
        ("content-md5", "short", "InvalidDigest"),
        ("x-amz-checksum-sha256", "AAAA", "InvalidRequest"),
        ("x-amz-sdk-checksum-algorithm", "CRC32", "InvalidRequest"),
    ] {
        let put = world.object("PUT", "x").header(name, value).body(b"bytes");
        put.send().await.expect_error(400, code);
    }
    world.get("x").await.expect_error(404, "NoSuchKey");
    let (sha256, md5) = (sha256_base64(b"bytes"), base64(&md5_raw(b"bytes")));
    let put = world
        .object("PUT", "x")
        .header("content-md5", md5)
        .header("x-amz-checksum-sha256", &sha256)
        .body(b"bytes")
        .send()
        .await
        .expect_status(200);
    assert_eq!(put.header("x-amz-checksum-sha256"), Some(sha256.as_str()));
}

fn md5_raw(bytes: &[u8]) -> [u8; 16] {
    use md5::Digest as _;
    md5::Md5::digest(bytes).into()
}

#[tokio::test]
async fn a_checksum_in_a_presigned_query_is_enforced() {
    let world = World::new().await;
    let put = |value: String| {
        world
            .object("PUT", "x")
            .query("x-amz-checksum-sha256", value)
            .body(b"bytes")
            .presigned()
            .exchange()
    };
    put(sha256_base64(b"")).await.expect_error(400, "BadDigest");
    put(sha256_base64(b"bytes")).await.expect_status(200);
}

#[tokio::test]
async fn a_truncated_body_leaves_the_old_object() {
    let world = World::new().await;
    world.put("x", b"old").await;
    for payload in ["UNSIGNED-PAYLOAD", &"0".repeat(64)] {
        let reply = world
            .object("PUT", "x")
            .payload(payload)
            .body(bytes(1, 2 * MIB))
            .content_length(Some(2 * MIB + 1))
            .send()
            .await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
    assert_eq!(world.get("x").await.text(), "old");
}

#[tokio::test]
async fn a_checksum_behind_the_body_is_enforced() {
    let world = World::new().await;
    let put = |trailer: &str| {
        let body = format!("5\r\nhello\r\n6\r\n world\r\n0\r\n{trailer}\r\n");
        world
            .object("PUT", "x")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-trailer", "x-amz-checksum-crc64nvme")
            .header("x-amz-decoded-content-length", "11")
            .payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .body(body)
            .send()
    };
    let wrong = format!("x-amz-checksum-crc64nvme:{}\r\n", crc64_base64(b"hello"));
    put(&wrong).await.expect_error(400, "BadDigest");
    put("").await.expect_error(400, "MalformedTrailerError");
    world.get("x").await.expect_error(404, "NoSuchKey");
    let right = format!(
        "x-amz-checksum-crc64nvme:{}\r\n",
        crc64_base64(b"hello world")
    );
    put(&right).await.expect_status(200);
    let got = world.get("x").await;
    assert_eq!(got.text(), "hello world");
    assert_eq!(got.header("content-encoding"), None);
}

#[tokio::test]
async fn tags_are_kept_and_replaced() {
    let world = World::new().await;
    world
        .object("PUT", "x")
        .header("x-amz-tagging", "a=1&b=two%20words")
        .send()
        .await
        .expect_status(200);
    let tags = world.object("GET", "x").query("tagging", "").send().await;
    assert_eq!(tags.tags("Value"), ["1", "two words"]);
    assert_eq!(
        world.get("x").await.header("x-amz-tagging-count"),
        Some("2")
    );
    world
        .object("PUT", "x")
        .query("tagging", "")
        .body("<Tagging><TagSet><Tag><Key>c</Key><Value>3</Value></Tag></TagSet></Tagging>")
        .send()
        .await
        .expect_status(200);
    let tags = world.object("GET", "x").query("tagging", "").send().await;
    assert_eq!(tags.tags("Key"), ["c"]);
    world
        .object("DELETE", "x")
        .query("tagging", "")
        .send()
        .await
        .expect_status(204);
    assert_eq!(world.get("x").await.header("x-amz-tagging-count"), None);
}

#[tokio::test]
async fn what_the_projects_own_signer_signs_is_accepted() {
    use valetkey_sign::s3::{Method, Presigner, SigningKey};
    use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

    let world = World::new().await;
    let origin = format!("http://{}", world.address);
    let endpoint = Endpoint::parse(&origin, BUCKET, AddressingStyle::Path).unwrap();
    let at = now();
    let credentials = Credentials::new(KEY_ID, SECRET);
    let key = SigningKey::derive(&credentials, at, REGION, "s3").unwrap();
    let presigner = Presigner::new(&endpoint, &key, at, 60).unwrap();
    let mut url = String::new();
    let headers = [("content-length", "5"), ("if-none-match", "*")];
    presigner
        .presign(Method::Put, "ä b/c".as_bytes(), &[], &headers, &mut url)
        .unwrap();
    let target = url.strip_prefix(&origin).unwrap();
    let put = |body: &str| {
        world
            .call("PUT", target)
            .unsigned_header("if-none-match", "*")
            .body(body)
            .exchange()
    };
    put("longer")
        .await
        .expect_error(403, "SignatureDoesNotMatch");
    put("bytes").await.expect_status(200);
    put("other").await.expect_error(412, "PreconditionFailed");
    assert_eq!(world.get("ä b/c").await.text(), "bytes");
}
