use super::{Row, row};
use crate::support::*;

const PART: usize = 5 * MIB;
const FOREIGN: &str = "\"0123456789abcdef0123456789abcdef\"";

async fn create(world: &World, headers: &[(&str, &str)]) -> String {
    let call = world.object("POST", "x").query("uploads", "");
    let call = headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, value));
    call.send()
        .await
        .expect_status(200)
        .tag("UploadId")
        .unwrap()
}

fn part(world: &World, id: &str, number: u32, body: &[u8]) -> Call {
    let put = world.object("PUT", "x").query("partNumber", number);
    put.query("uploadId", id).body(body)
}

async fn put(world: &World, id: &str, number: u32, body: &[u8]) -> String {
    part(world, id, number, body)
        .send()
        .await
        .expect_status(200)
        .etag()
}

fn complete(world: &World, id: &str, parts: &[(u32, &str)]) -> Call {
    let line = |(number, etag): &(u32, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    let parts: String = parts.iter().map(line).collect();
    let post = world.object("POST", "x").query("uploadId", id);
    post.body(format!(
        "<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    ))
}

/// An object of two parts.
async fn of_two_parts(world: &World) -> Vec<u8> {
    let body = bytes(1, PART + 100);
    let id = create(world, &[]).await;
    let first = put(world, &id, 1, &body[..PART]).await;
    let second = put(world, &id, 2, &body[PART..]).await;
    complete(world, &id, &[(1, &first), (2, &second)])
        .send()
        .await
        .expect_status(200);
    body
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "parts in any order become one object, invisible until Complete",
            "userguide/mpuoverview",
            |world| {
                let body = bytes(2, PART + 1);
                let id = create(&world, &[]).await;
                let second = put(&world, &id, 2, &body[PART..]).await;
                let first = put(&world, &id, 1, &body[..PART]).await;
                world.get("x").await.expect_error(404, "NoSuchKey");
                complete(&world, &id, &[(1, &first), (2, &second)])
                    .send()
                    .await
                    .expect_status(200);
                assert!(world.get("x").await.body == body);
            }
        ),
        row!(
            "its ETag is the MD5 of the parts' MD5s and their number",
            "API/API_CompleteMultipartUpload",
            |world| {
                let body = of_two_parts(&world).await;
                let md5 = |bytes: &[u8]| <[u8; 16]>::from(<md5::Md5 as md5::Digest>::digest(bytes));
                let md5s = [md5(&body[..PART]), md5(&body[PART..])].concat();
                assert_eq!(
                    world.get("x").await.etag(),
                    format!("\"{}-2\"", md5_hex(&md5s))
                );
            }
        ),
        row!(
            "what is said at Create is the object's: type and metadata",
            "API/API_CreateMultipartUpload",
            |world| {
                let id = create(
                    &world,
                    &[("content-type", "video/mp4"), ("x-amz-meta-a", "1")],
                )
                .await;
                let etag = put(&world, &id, 1, b"part").await;
                complete(&world, &id, &[(1, &etag)])
                    .send()
                    .await
                    .expect_status(200);
                let got = world.get("x").await;
                assert_eq!(
                    (got.header("content-type"), got.header("x-amz-meta-a")),
                    (Some("video/mp4"), Some("1"))
                );
            }
        ),
        row!(
            "a part put again replaces the first; Complete with the old ETag: `InvalidPart`",
            "API/API_UploadPart",
            |world| {
                let id = create(&world, &[]).await;
                let old = put(&world, &id, 1, b"old").await;
                let new = put(&world, &id, 1, b"new").await;
                complete(&world, &id, &[(1, &old)])
                    .send()
                    .await
                    .expect_error(400, "InvalidPart");
                complete(&world, &id, &[(1, &new)])
                    .send()
                    .await
                    .expect_status(200);
                assert_eq!(world.get("x").await.text(), "new");
            }
        ),
        row!(
            "a part that was never put, or with a foreign ETag: `InvalidPart`",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                for parts in [[(2, etag.as_str())], [(1, FOREIGN)]] {
                    complete(&world, &id, &parts)
                        .send()
                        .await
                        .expect_error(400, "InvalidPart");
                }
            }
        ),
        row!(
            "parts out of order, or twice: `InvalidPartOrder`",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                put(&world, &id, 2, b"part").await;
                for parts in [[(2, etag.as_str()), (1, &etag)], [(1, &etag), (1, &etag)]] {
                    complete(&world, &id, &parts)
                        .send()
                        .await
                        .expect_error(400, "InvalidPartOrder");
                }
            }
        ),
        row!(
            "a part under 5 MiB that is not the last: `EntityTooSmall`",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                put(&world, &id, 2, b"part").await;
                let complete = complete(&world, &id, &[(1, &etag), (2, &etag)]);
                complete.send().await.expect_error(400, "EntityTooSmall");
            }
        ),
        row!(
            "Complete without parts: `MalformedXML`",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                complete(&world, &id, &[])
                    .send()
                    .await
                    .expect_error(400, "MalformedXML");
            }
        ),
        row!(
            "after a refused Complete the upload is as it was",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                complete(&world, &id, &[(1, FOREIGN)])
                    .send()
                    .await
                    .expect_error(400, "InvalidPart");
                complete(&world, &id, &[(1, &etag)])
                    .send()
                    .await
                    .expect_status(200);
            }
        ),
        row!(
            "Complete again answers as the first time",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                let first = complete(&world, &id, &[(1, &etag)])
                    .send()
                    .await
                    .expect_status(200);
                let again = complete(&world, &id, &[(1, &etag)])
                    .send()
                    .await
                    .expect_status(200);
                assert_eq!(first.body, again.body);
            }
        ),
        row!(
            "Complete may leave out parts that were put",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"kept").await;
                put(&world, &id, 2, b"left out").await;
                complete(&world, &id, &[(1, &etag)])
                    .send()
                    .await
                    .expect_status(200);
                assert_eq!(world.get("x").await.text(), "kept");
            }
        ),
        row!(
            "`x-amz-mp-object-size` that is wrong: `InvalidRequest`",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                let wrong = complete(&world, &id, &[(1, &etag)]).header("x-amz-mp-object-size", 5);
                wrong.send().await.expect_error(400, "InvalidRequest");
            }
        ),
        row!(
            "part numbers are 1 to 10,000: `InvalidArgument`",
            "userguide/qfacts",
            |world| {
                let id = create(&world, &[]).await;
                for number in [0, 10_001] {
                    part(&world, &id, number, b"part")
                        .send()
                        .await
                        .expect_error(400, "InvalidArgument");
                }
                put(&world, &id, 10_000, b"part").await;
            }
        ),
        row!(
            "an upload there is not, or of another key: `NoSuchUpload`",
            "API/ErrorResponses",
            |world| {
                part(&world, &"0".repeat(32), 1, b"")
                    .send()
                    .await
                    .expect_error(404, "NoSuchUpload");
                let id = create(&world, &[]).await;
                let foreign = world
                    .object("PUT", "y")
                    .query("partNumber", 1)
                    .query("uploadId", &id);
                foreign.send().await.expect_error(404, "NoSuchUpload");
            }
        ),
        row!(
            "Abort removes the upload; then `NoSuchUpload`",
            "API/API_AbortMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                let abort = || world.object("DELETE", "x").query("uploadId", &id).send();
                abort().await.expect_status(204);
                abort().await.expect_error(404, "NoSuchUpload");
                complete(&world, &id, &[(1, &etag)])
                    .send()
                    .await
                    .expect_error(404, "NoSuchUpload");
            }
        ),
        row!(
            "ListParts is sorted and paged",
            "API/API_ListParts",
            |world| {
                let id = create(&world, &[]).await;
                for number in [7, 1, 3] {
                    put(&world, &id, number, b"part").await;
                }
                let list = || world.object("GET", "x").query("uploadId", &id);
                let page = list().query("max-parts", 2).send().await;
                assert_eq!(page.tags("PartNumber"), ["1", "3"]);
                assert_eq!(page.tag("IsTruncated").as_deref(), Some("true"));
                let rest = list().query(
                    "part-number-marker",
                    page.tag("NextPartNumberMarker").unwrap(),
                );
                assert_eq!(rest.send().await.tags("PartNumber"), ["7"]);
            }
        ),
        row!(
            "ListMultipartUploads is sorted by key, then age",
            "API/API_ListMultipartUploads",
            |world| {
                let mut ids = Vec::new();
                for key in ["b", "a", "b"] {
                    let create = world.object("POST", key).query("uploads", "").send().await;
                    ids.push(create.tag("UploadId").unwrap());
                }
                let list = world
                    .call("GET", &format!("/{BUCKET}"))
                    .query("uploads", "")
                    .send()
                    .await;
                assert_eq!(
                    list.tags("UploadId"),
                    [&ids[1], &ids[0], &ids[2]].map(String::as_str)
                );
            }
        ),
        row!(
            "ListMultipartUploads knows prefix, delimiter and markers",
            "API/API_ListMultipartUploads",
            |world| {
                for key in ["a/1", "a/2", "b"] {
                    world
                        .object("POST", key)
                        .query("uploads", "")
                        .send()
                        .await
                        .expect_status(200);
                }
                let list = || {
                    world
                        .call("GET", &format!("/{BUCKET}"))
                        .query("uploads", "")
                };
                let grouped = list().query("delimiter", "/").send().await;
                assert_eq!(
                    (grouped.tags("Key"), grouped.tags("CommonPrefixes").len()),
                    (vec!["b".to_owned()], 1)
                );
                let some = list()
                    .query("prefix", "a/")
                    .query("key-marker", "a/1")
                    .send()
                    .await;
                assert_eq!(some.tags("Key"), ["a/2"]);
            }
        ),
        row!(
            "`?partNumber=n` reads one part, with `x-amz-mp-parts-count`",
            "API/API_GetObject",
            |world| {
                let body = of_two_parts(&world).await;
                let got = world
                    .object("GET", "x")
                    .query("partNumber", 2)
                    .send()
                    .await
                    .expect_status(206);
                assert!(got.body == body[PART..]);
                assert_eq!(got.header("x-amz-mp-parts-count"), Some("2"));
                assert_eq!(
                    world
                        .object("GET", "x")
                        .query("partNumber", 3)
                        .send()
                        .await
                        .status,
                    416
                );
            }
        ),
        row!(
            "a range may lie across parts",
            "API/API_GetObject",
            |world| {
                let body = of_two_parts(&world).await;
                let range = format!("bytes={}-{}", PART - 10, PART + 9);
                let got = world
                    .object("GET", "x")
                    .header("range", range)
                    .send()
                    .await
                    .expect_status(206);
                assert!(got.body == body[PART - 10..PART + 10]);
            }
        ),
        row!(
            "FULL_OBJECT: the checksum of all bytes (CRC64NVME unless another CRC is named)",
            "userguide/checking-object-integrity",
            |world| {
                let body = of_two_parts(&world).await;
                let head = world
                    .object("HEAD", "x")
                    .header("x-amz-checksum-mode", "ENABLED")
                    .send()
                    .await;
                assert_eq!(
                    head.header("x-amz-checksum-crc64nvme"),
                    Some(crc64_base64(&body).as_str())
                );
                assert_eq!(head.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
            }
        ),
        row!(
            "COMPOSITE: the checksum of the parts' checksums, and their number",
            "userguide/checking-object-integrity",
            |world| {
                let id = create(&world, &[("x-amz-checksum-algorithm", "SHA256")]).await;
                let sum = sha256_base64(b"part");
                let put = part(&world, &id, 1, b"part").header("x-amz-checksum-sha256", &sum);
                let etag = put.send().await.expect_status(200).etag();
                let xml = format!(
                    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{sum}</ChecksumSHA256></Part></CompleteMultipartUpload>"
                );
                world
                    .object("POST", "x")
                    .query("uploadId", &id)
                    .body(xml)
                    .send()
                    .await
                    .expect_status(200);
                let raw: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(b"part").into();
                let head = world
                    .object("HEAD", "x")
                    .header("x-amz-checksum-mode", "ENABLED")
                    .send()
                    .await;
                assert_eq!(
                    head.header("x-amz-checksum-sha256"),
                    Some(format!("{}-1", sha256_base64(&raw)).as_str())
                );
                assert_eq!(head.header("x-amz-checksum-type"), Some("COMPOSITE"));
            }
        ),
        row!(
            "SHA-1 and SHA-256 are COMPOSITE only, CRC64NVME is FULL_OBJECT only: `InvalidRequest`",
            "userguide/checking-object-integrity",
            |world| {
                for (algorithm, coverage) in [
                    ("SHA256", "FULL_OBJECT"),
                    ("SHA1", "FULL_OBJECT"),
                    ("CRC64NVME", "COMPOSITE"),
                ] {
                    let create = world.object("POST", "x").query("uploads", "");
                    let create = create.header("x-amz-checksum-algorithm", algorithm);
                    create
                        .header("x-amz-checksum-type", coverage)
                        .send()
                        .await
                        .expect_error(400, "InvalidRequest");
                }
            }
        ),
        row!(
            "a part with another algorithm than its upload's, or without a composite's: `InvalidRequest`",
            "API/API_UploadPart",
            |world| {
                let id = create(&world, &[("x-amz-checksum-algorithm", "SHA256")]).await;
                part(&world, &id, 1, b"part")
                    .send()
                    .await
                    .expect_error(400, "InvalidRequest");
                let other = part(&world, &id, 1, b"part")
                    .header("x-amz-checksum-crc64nvme", crc64_base64(b"part"));
                other.send().await.expect_error(400, "InvalidRequest");
            }
        ),
        row!(
            "a part's checksum or Content-MD5 of other bytes: `BadDigest`",
            "API/API_UploadPart",
            |world| {
                let id = create(&world, &[]).await;
                for (name, value) in [
                    ("x-amz-checksum-crc64nvme", crc64_base64(b"other")),
                    (
                        "content-md5",
                        base64(&<md5::Md5 as md5::Digest>::digest(b"other")),
                    ),
                ] {
                    let put = part(&world, &id, 1, b"part").header(name, value);
                    put.send().await.expect_error(400, "BadDigest");
                }
            }
        ),
        row!(
            "Complete with a checksum of other bytes: `BadDigest`",
            "API/API_CompleteMultipartUpload",
            |world| {
                let id = create(&world, &[]).await;
                let etag = put(&world, &id, 1, b"part").await;
                let wrong = complete(&world, &id, &[(1, &etag)])
                    .header("x-amz-checksum-crc64nvme", crc64_base64(b"other"));
                wrong.send().await.expect_error(400, "BadDigest");
            }
        ),
    ]
}
