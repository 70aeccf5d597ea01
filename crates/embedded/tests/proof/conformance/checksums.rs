use super::{Row, row};
use crate::support::*;

const BODY: &[u8] = b"bytes";

/// Every algorithm's header and its value for some bytes.
fn sums(bytes: &[u8]) -> [(&'static str, String); 5] {
    [
        (
            "x-amz-checksum-crc32",
            base64(&crc_fast::crc32_iso_hdlc(bytes).to_be_bytes()),
        ),
        (
            "x-amz-checksum-crc32c",
            base64(&crc_fast::crc32_iscsi(bytes).to_be_bytes()),
        ),
        ("x-amz-checksum-crc64nvme", crc64_base64(bytes)),
        (
            "x-amz-checksum-sha1",
            base64(&<sha1::Sha1 as sha1::Digest>::digest(bytes)),
        ),
        ("x-amz-checksum-sha256", sha256_base64(bytes)),
    ]
}

fn chunked(world: &World, trailer: &str) -> Call {
    world
        .object("PUT", "x")
        .header("content-encoding", "aws-chunked")
        .header("x-amz-trailer", "x-amz-checksum-crc64nvme")
        .header("x-amz-decoded-content-length", "11")
        .payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .body(format!("5\r\nhello\r\n6\r\n world\r\n0\r\n{trailer}\r\n"))
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "PUT with `x-amz-checksum-{crc32,crc32c,crc64nvme,sha1,sha256}` keeps it; GET and HEAD show it with `x-amz-checksum-mode`",
            "userguide/checking-object-integrity",
            |world| {
                for (name, value) in sums(BODY) {
                    world
                        .object("PUT", "x")
                        .header(name, &value)
                        .body(BODY)
                        .send()
                        .await
                        .expect_status(200);
                    for method in ["GET", "HEAD"] {
                        let got = world
                            .object(method, "x")
                            .header("x-amz-checksum-mode", "ENABLED")
                            .send()
                            .await;
                        assert_eq!(got.header(name), Some(value.as_str()));
                        assert_eq!(got.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
                    }
                }
            }
        ),
        row!(
            "a checksum of other bytes: `BadDigest`, and nothing becomes visible",
            "userguide/checking-object-integrity",
            |world| {
                for (name, value) in sums(b"other") {
                    let put = world.object("PUT", "x").header(name, &value).body(BODY);
                    put.send().await.expect_error(400, "BadDigest");
                }
                world.get("x").await.expect_error(404, "NoSuchKey");
            }
        ),
        row!(
            "without any, CRC64NVME is computed and kept",
            "userguide/checking-object-integrity",
            |world| {
                world.put("x", BODY).await;
                let head = world
                    .object("HEAD", "x")
                    .header("x-amz-checksum-mode", "ENABLED")
                    .send()
                    .await;
                assert_eq!(
                    head.header("x-amz-checksum-crc64nvme"),
                    Some(crc64_base64(BODY).as_str())
                );
            }
        ),
        row!(
            "without `x-amz-checksum-mode` no checksum is shown",
            "API/API_GetObject",
            |world| {
                world.put("x", BODY).await;
                assert_eq!(
                    world.get("x").await.header("x-amz-checksum-crc64nvme"),
                    None
                );
            }
        ),
        row!(
            "two checksum headers in one request: `InvalidRequest`",
            "API/API_PutObject",
            |world| {
                let put = sums(BODY)
                    .into_iter()
                    .take(2)
                    .fold(world.object("PUT", "x"), |put, (name, value)| {
                        put.header(name, value)
                    });
                put.body(BODY)
                    .send()
                    .await
                    .expect_error(400, "InvalidRequest");
            }
        ),
        row!(
            "a checksum that is not one: `InvalidRequest`",
            "API/API_PutObject",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-checksum-sha256", "AAAA")
                    .body(BODY);
                put.send().await.expect_error(400, "InvalidRequest");
            }
        ),
        row!(
            "a Content-MD5 of other bytes: `BadDigest`; one that is none: `InvalidDigest`",
            "API/ErrorResponses",
            |world| {
                let md5 = base64(&<md5::Md5 as md5::Digest>::digest(b"other"));
                for (value, code) in [(md5.as_str(), "BadDigest"), ("short", "InvalidDigest")] {
                    let put = world
                        .object("PUT", "x")
                        .header("content-md5", value)
                        .body(BODY);
                    put.send().await.expect_error(400, code);
                }
            }
        ),
        row!(
            "`x-amz-content-sha256` of other bytes: `XAmzContentSHA256Mismatch`",
            "API/sig-v4-header-based-auth",
            |world| {
                let put = world.object("PUT", "x").payload(&"0".repeat(64)).body(BODY);
                put.send()
                    .await
                    .expect_error(400, "XAmzContentSHA256Mismatch");
            }
        ),
        row!(
            "a checksum signed in a presigned URL's query is enforced",
            "API/sigv4-query-string-auth",
            |world| {
                let put = |value: String| {
                    let put = world
                        .object("PUT", "x")
                        .query("x-amz-checksum-sha256", value);
                    put.body(BODY).presigned().exchange()
                };
                put(sha256_base64(b"other"))
                    .await
                    .expect_error(400, "BadDigest");
                put(sha256_base64(BODY)).await.expect_status(200);
            }
        ),
        row!(
            "a checksum signed as a header of a presigned URL is enforced, and cannot be left out",
            "API/sigv4-query-string-auth",
            |world| {
                let at = now();
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-checksum-sha256", sha256_base64(BODY));
                let put = put.presigned_at(at, "60");
                let bare = put
                    .clone()
                    .without_header("x-amz-checksum-sha256")
                    .body(BODY);
                bare.exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                put.clone()
                    .body(b"other")
                    .exchange()
                    .await
                    .expect_error(400, "BadDigest");
                put.body(BODY).exchange().await.expect_status(200);
            }
        ),
        row!(
            "an `aws-chunked` body is unpacked, and the framing is not kept as Content-Encoding",
            "API/sigv4-streaming-trailers",
            |world| {
                let trailer = format!(
                    "x-amz-checksum-crc64nvme:{}\r\n",
                    crc64_base64(b"hello world")
                );
                chunked(&world, &trailer).send().await.expect_status(200);
                let got = world.get("x").await;
                assert_eq!(
                    (got.text().as_str(), got.header("content-encoding")),
                    ("hello world", None)
                );
            }
        ),
        row!(
            "a trailing checksum of other bytes: `BadDigest`; a missing one: `MalformedTrailerError`",
            "API/sigv4-streaming-trailers",
            |world| {
                let trailer = format!("x-amz-checksum-crc64nvme:{}\r\n", crc64_base64(b"other"));
                chunked(&world, &trailer)
                    .send()
                    .await
                    .expect_error(400, "BadDigest");
                chunked(&world, "")
                    .send()
                    .await
                    .expect_error(400, "MalformedTrailerError");
                world.get("x").await.expect_error(404, "NoSuchKey");
            }
        ),
    ]
}
