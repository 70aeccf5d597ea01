use crate::support::*;

const PART: usize = 5 * MIB;

/// An upload that is being made.
struct Upload<'w> {
    world: &'w World,
    key: &'static str,
    id: String,
}

impl<'w> Upload<'w> {
    async fn new(world: &'w World, key: &'static str, headers: &[(&str, &str)]) -> Self {
        let mut call = world.object("POST", key).query("uploads", "");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        let id = call
            .send()
            .await
            .expect_status(200)
            .tag("UploadId")
            .unwrap();
        Self { world, key, id }
    }

    fn put_call(&self, number: u32, body: &[u8]) -> Call {
        self.world
            .object("PUT", self.key)
            .query("partNumber", number)
            .query("uploadId", &self.id)
            .body(body)
    }

    async fn put(&self, number: u32, body: &[u8]) -> String {
        self.put_call(number, body)
            .send()
            .await
            .expect_status(200)
            .etag()
    }

    fn complete_call(&self, parts: &[(u32, &str)]) -> Call {
        let parts: String = parts
            .iter()
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        self.world
            .object("POST", self.key)
            .query("uploadId", &self.id)
            .body(format!(
                "<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
            ))
    }

    async fn complete(&self, parts: &[(u32, &str)]) -> Reply {
        self.complete_call(parts).send().await
    }

    fn list(&self) -> Call {
        self.world
            .object("GET", self.key)
            .query("uploadId", &self.id)
    }
}

#[tokio::test]
async fn parts_become_one_object() {
    let world = World::new().await;
    let upload = Upload::new(
        &world,
        "big",
        &[("content-type", "video/mp4"), ("x-amz-meta-a", "1")],
    )
    .await;
    let whole = bytes(4, 2 * PART + 1234);
    let second = upload.put(2, &whole[PART..2 * PART]).await;
    let first = upload.put(1, &whole[..PART]).await;
    let third = upload.put(3, &whole[2 * PART..]).await;
    world.get("big").await.expect_error(404, "NoSuchKey");
    let parts = [(1, first.as_str()), (2, &second), (3, &third)];
    let done = upload.complete(&parts).await.expect_status(200);

    let etags = [&whole[..PART], &whole[PART..2 * PART], &whole[2 * PART..]]
        .map(|part| <[u8; 16]>::from(<md5::Md5 as md5::Digest>::digest(part)));
    let etag = format!("{}-3", md5_hex(&etags.concat()));
    assert!(done.tag("ETag").unwrap().contains(&etag));
    let crc = crc64_base64(&whole);
    assert_eq!(done.tag("ChecksumCRC64NVME").as_deref(), Some(crc.as_str()));
    assert_eq!(done.tag("ChecksumType").as_deref(), Some("FULL_OBJECT"));

    let got = world.get("big").await.expect_status(200);
    assert!(got.body == whole);
    assert_eq!(got.etag(), format!("\"{etag}\""));
    assert_eq!(got.header("content-type"), Some("video/mp4"));
    assert_eq!(got.header("x-amz-meta-a"), Some("1"));
    let across = world
        .object("GET", "big")
        .header("range", format!("bytes={}-{}", PART - 10, 2 * PART + 9))
        .send()
        .await;
    assert!(across.body == whole[PART - 10..2 * PART + 10]);
    let one = world
        .object("GET", "big")
        .query("partNumber", 2)
        .send()
        .await
        .expect_status(206);
    assert!(one.body == whole[PART..2 * PART]);
    assert_eq!(one.header("x-amz-mp-parts-count"), Some("3"));
    upload.list().send().await.expect_error(404, "NoSuchUpload");
}

#[tokio::test]
async fn a_refused_complete_can_be_repeated_rightly() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    let (large, small) = (bytes(1, PART), bytes(2, 100));
    let first = upload.put(1, &large).await;
    let short = upload.put(2, &small).await;
    let last = upload.put(3, &small).await;
    let foreign = "\"0123456789abcdef0123456789abcdef\"";
    for (parts, code) in [
        (vec![(1, first.as_str()), (4, &last)], "InvalidPart"),
        (vec![(1, foreign), (3, &last)], "InvalidPart"),
        (vec![(3, last.as_str()), (1, &first)], "InvalidPartOrder"),
        (vec![(1, first.as_str()), (1, &first)], "InvalidPartOrder"),
        (
            vec![(1, first.as_str()), (2, &short), (3, &last)],
            "EntityTooSmall",
        ),
        (vec![], "MalformedXML"),
    ] {
        upload.complete(&parts).await.expect_error(400, code);
    }
    let right = [(1, first.as_str()), (3, last.as_str())];
    for (name, value, status, code) in [
        (
            "x-amz-checksum-crc64nvme",
            crc64_base64(b"other"),
            400,
            "BadDigest",
        ),
        (
            "x-amz-mp-object-size",
            "7".to_owned(),
            400,
            "InvalidRequest",
        ),
        ("if-match", foreign.to_owned(), 404, "NoSuchKey"),
    ] {
        upload
            .complete_call(&right)
            .header(name, value)
            .send()
            .await
            .expect_error(status, code);
    }
    world.get("x").await.expect_error(404, "NoSuchKey");
    assert_eq!(
        upload.list().send().await.tags("PartNumber"),
        ["1", "2", "3"]
    );
    let whole = [large, small].concat();
    upload
        .complete_call(&right)
        .header("x-amz-checksum-crc64nvme", crc64_base64(&whole))
        .header("x-amz-mp-object-size", whole.len())
        .send()
        .await
        .expect_status(200);
    assert!(world.get("x").await.body == whole);
}

#[tokio::test]
async fn completing_twice_completes_once() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    let part = upload.put(1, b"only").await;
    let first = upload.complete(&[(1, &part)]).await.expect_status(200);
    let modified = world
        .get("x")
        .await
        .header("last-modified")
        .map(str::to_owned);
    let again = upload.complete(&[(1, &part)]).await.expect_status(200);
    assert_eq!(first.body, again.body);
    assert_eq!(
        world
            .get("x")
            .await
            .header("last-modified")
            .map(str::to_owned),
        modified
    );
    upload
        .complete(&[(1, "\"0123456789abcdef0123456789abcdef\"")])
        .await
        .expect_error(404, "NoSuchUpload");
}

#[tokio::test]
async fn a_complete_that_must_be_first_is_refused_and_stays_possible() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    let part = upload.put(1, b"part").await;
    world.put("x", b"there already").await;
    let complete = || {
        upload
            .complete_call(&[(1, &part)])
            .header("if-none-match", "*")
            .send()
    };
    complete().await.expect_error(412, "PreconditionFailed");
    assert_eq!(world.get("x").await.text(), "there already");
    world.object("DELETE", "x").send().await.expect_status(204);
    complete().await.expect_status(200);
    assert_eq!(world.get("x").await.text(), "part");
}

#[tokio::test]
async fn a_full_object_checksum_needs_none_of_the_parts() {
    let world = World::new().await;
    let whole = bytes(5, PART + 77);
    let crc32 = base64(&crc_fast::crc32_iso_hdlc(&whole).to_be_bytes());
    for (algorithm, expected) in [("CRC64NVME", crc64_base64(&whole)), ("CRC32", crc32)] {
        let headers = [
            ("x-amz-checksum-algorithm", algorithm),
            ("x-amz-checksum-type", "FULL_OBJECT"),
        ];
        let upload = Upload::new(&world, "x", &headers).await;
        let first = upload.put(1, &whole[..PART]).await;
        let second = upload.put(2, &whole[PART..]).await;
        upload
            .complete(&[(1, &first), (2, &second)])
            .await
            .expect_status(200);
        let head = world
            .object("HEAD", "x")
            .header("x-amz-checksum-mode", "ENABLED")
            .send()
            .await;
        let name = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        assert_eq!(head.header(&name), Some(expected.as_str()));
        assert_eq!(head.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    }
}

#[tokio::test]
async fn a_composite_checksum_is_made_of_the_parts() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[("x-amz-checksum-algorithm", "SHA256")]).await;
    upload
        .put_call(1, b"part")
        .send()
        .await
        .expect_error(400, "InvalidRequest");
    upload
        .put_call(1, b"part")
        .header(
            "x-amz-checksum-crc32",
            base64(&crc_fast::crc32_iso_hdlc(b"part").to_be_bytes()),
        )
        .send()
        .await
        .expect_error(400, "InvalidRequest");
    let checksum = sha256_base64(b"part");
    let etag = upload
        .put_call(1, b"part")
        .header("x-amz-checksum-sha256", &checksum)
        .send()
        .await
        .expect_status(200)
        .etag();
    upload
        .complete(&[(1, &etag)])
        .await
        .expect_error(400, "InvalidRequest");
    let complete = |checksum: &str| {
        world.object("POST", "x").query("uploadId", &upload.id).body(format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{checksum}</ChecksumSHA256></Part></CompleteMultipartUpload>"
        )).send()
    };
    complete(&sha256_base64(b"other"))
        .await
        .expect_error(400, "InvalidPart");
    let done = complete(&checksum).await.expect_status(200);
    let raw: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(b"part").into();
    let composite = format!("{}-1", sha256_base64(&raw));
    assert_eq!(
        done.tag("ChecksumSHA256").as_deref(),
        Some(composite.as_str())
    );
    assert_eq!(done.tag("ChecksumType").as_deref(), Some("COMPOSITE"));
}

#[tokio::test]
async fn a_part_put_again_replaces_the_first_one() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    let old = upload.put(1, b"old").await;
    let new = upload.put(1, b"new").await;
    upload
        .complete(&[(1, &old)])
        .await
        .expect_error(400, "InvalidPart");
    upload.complete(&[(1, &new)]).await.expect_status(200);
    assert_eq!(world.get("x").await.text(), "new");
}

#[tokio::test]
async fn parts_are_listed_in_pages() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    for number in [7, 1, 3, 9] {
        upload
            .put(number, format!("part {number}").as_bytes())
            .await;
    }
    let first = upload
        .list()
        .query("max-parts", 3)
        .send()
        .await
        .expect_status(200);
    assert_eq!(first.tags("PartNumber"), ["1", "3", "7"]);
    assert_eq!(first.tag("IsTruncated").as_deref(), Some("true"));
    let marker = first.tag("NextPartNumberMarker").unwrap();
    let rest = upload
        .list()
        .query("part-number-marker", marker)
        .send()
        .await;
    assert_eq!(rest.tags("PartNumber"), ["9"]);
    assert_eq!(rest.tags("Size"), ["6"]);
    assert_eq!(rest.tag("IsTruncated").as_deref(), Some("false"));
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    let part = upload.put(1, b"part").await;
    let abort = || {
        world
            .object("DELETE", "x")
            .query("uploadId", &upload.id)
            .send()
    };
    abort().await.expect_status(204);
    abort().await.expect_error(404, "NoSuchUpload");
    upload
        .put_call(2, b"late")
        .send()
        .await
        .expect_error(404, "NoSuchUpload");
    upload
        .complete(&[(1, &part)])
        .await
        .expect_error(404, "NoSuchUpload");
}

#[tokio::test]
async fn an_upload_belongs_to_its_key() {
    let world = World::new().await;
    let upload = Upload::new(&world, "x", &[]).await;
    let thief = Upload {
        key: "y",
        id: upload.id.clone(),
        ..upload
    };
    thief
        .put_call(1, b"part")
        .send()
        .await
        .expect_error(404, "NoSuchUpload");
    thief
        .complete(&[(1, "\"0\"")])
        .await
        .expect_error(404, "NoSuchUpload");
    for number in ["0", "10001", "-1"] {
        let put = world
            .object("PUT", "x")
            .query("partNumber", number)
            .query("uploadId", &thief.id);
        put.send().await.expect_error(400, "InvalidArgument");
    }
}

#[tokio::test]
async fn uploads_are_listed_by_key_then_age() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for key in ["b", "a/1", "a/2", "b"] {
        ids.push(Upload::new(&world, key, &[]).await.id);
    }
    let list = || {
        world
            .call("GET", &format!("/{BUCKET}"))
            .query("uploads", "")
    };
    let all = list().send().await.expect_status(200);
    assert_eq!(all.tags("Key"), ["a/1", "a/2", "b", "b"]);
    assert_eq!(
        all.tags("UploadId"),
        [&ids[1], &ids[2], &ids[0], &ids[3]].map(String::as_str)
    );
    let grouped = list()
        .query("delimiter", "/")
        .query("max-uploads", 2)
        .send()
        .await;
    assert!(
        grouped
            .text()
            .contains("<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>")
    );
    assert_eq!(grouped.tags("Key"), ["b"]);
    let rest = list()
        .query("delimiter", "/")
        .query("key-marker", grouped.tag("NextKeyMarker").unwrap())
        .query(
            "upload-id-marker",
            grouped.tag("NextUploadIdMarker").unwrap(),
        )
        .send()
        .await;
    assert_eq!(rest.tags("UploadId"), [ids[3].as_str()]);
    assert!(!rest.text().contains("CommonPrefixes"));
}

#[tokio::test]
async fn a_part_can_be_copied_from_an_object() {
    let world = World::new().await;
    let source = bytes(6, MIB);
    world.put("s", &source).await;
    let upload = Upload::new(&world, "x", &[]).await;
    let copy = |range: &str| {
        upload
            .put_call(1, b"")
            .header("x-amz-copy-source", format!("{BUCKET}/s"))
            .header("x-amz-copy-source-range", range)
    };
    copy("bytes=0-1048576")
        .send()
        .await
        .expect_error(416, "InvalidRange");
    copy("bytes=10-1009")
        .header("x-amz-copy-source-if-match", "\"other\"")
        .send()
        .await
        .expect_error(412, "PreconditionFailed");
    let etag = copy("bytes=10-1009")
        .send()
        .await
        .expect_status(200)
        .tag("ETag")
        .unwrap();
    let etag = etag.replace("&quot;", "\"");
    upload.complete(&[(1, &etag)]).await.expect_status(200);
    assert!(world.get("x").await.body == source[10..1010]);
}
