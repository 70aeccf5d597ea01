use super::{Row, row};
use crate::support::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "PUT answers with the ETag, the MD5 of the bytes",
            "API/API_PutObject",
            |world| {
                assert_eq!(
                    world.put("x", b"bytes").await.etag(),
                    format!("\"{}\"", md5_hex(b"bytes"))
                );
            }
        ),
        row!(
            "the last PUT wins, and replaces everything said about the object",
            "API/API_PutObject",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-meta-a", "1")
                    .body(b"old");
                put.send().await.expect_status(200);
                world.put("x", b"new").await;
                let got = world.get("x").await;
                assert_eq!(
                    (got.text().as_str(), got.header("x-amz-meta-a")),
                    ("new", None)
                );
            }
        ),
        row!(
            "what was put is read at once, by every request",
            "userguide/Welcome",
            |world| {
                for round in 0..20 {
                    world.put("x", round.to_string().as_bytes()).await;
                    assert_eq!(world.get("x").await.text(), round.to_string());
                }
            }
        ),
        row!(
            "Content-Type, -Disposition, -Encoding, -Language, Cache-Control and Expires are kept",
            "API/API_PutObject",
            |world| {
                let facts = [
                    ("content-type", "image/png"),
                    ("content-disposition", "attachment; filename=\"a.png\""),
                    ("content-encoding", "gzip"),
                    ("content-language", "de"),
                    ("cache-control", "max-age=60"),
                    ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
                ];
                let put = world.object("PUT", "x");
                let put = facts
                    .iter()
                    .fold(put, |put, (name, value)| put.header(name, value));
                put.send().await.expect_status(200);
                let got = world.get("x").await;
                assert!(
                    facts
                        .iter()
                        .all(|(name, value)| got.header(name) == Some(value))
                );
            }
        ),
        row!(
            "without a Content-Type it is `binary/octet-stream`",
            "API/API_PutObject",
            |world| {
                world.put("x", b"").await;
                assert_eq!(
                    world.get("x").await.header("content-type"),
                    Some("binary/octet-stream")
                );
            }
        ),
        row!(
            "`x-amz-meta-*` come back with names in lower case",
            "userguide/UsingMetadata",
            |world| {
                let put = world.object("PUT", "x").presigned();
                put.exchange().await.expect_status(200);
                let put = world.object("PUT", "x").header("x-amz-meta-colour", "blue");
                put.send().await.expect_status(200);
                assert_eq!(
                    world
                        .object("HEAD", "x")
                        .send()
                        .await
                        .header("x-amz-meta-colour"),
                    Some("blue")
                );
            }
        ),
        row!(
            "user metadata over 2 KB is refused: `MetadataTooLarge`",
            "userguide/UsingMetadata",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-meta-a", "v".repeat(2048));
                put.send().await.expect_error(400, "MetadataTooLarge");
            }
        ),
        row!(
            "a key has up to 1,024 bytes; longer: `KeyTooLongError`",
            "userguide/object-keys",
            |world| {
                world.put(&"k".repeat(1024), b"").await;
                let put = world.object("PUT", &"k".repeat(1025)).send().await;
                put.expect_error(400, "KeyTooLongError");
            }
        ),
        row!(
            "any UTF-8 is a key: `a`, `a/`, `a//b`, `../x`, `?&#+%2F` are all different objects",
            "userguide/object-keys",
            |world| {
                let keys = [
                    "a",
                    "a/",
                    "a//b",
                    "/a",
                    "../x",
                    ".",
                    "a?b&c#d+e%2F",
                    "ünï/😀",
                ];
                for key in keys {
                    world.put(key, key.as_bytes()).await;
                }
                for key in keys {
                    assert_eq!(world.get(key).await.text(), key);
                }
            }
        ),
        row!(
            "a PUT without Content-Length: `MissingContentLength`",
            "API/ErrorResponses",
            |world| {
                let put = world.object("PUT", "x").presigned().content_length(None);
                put.exchange()
                    .await
                    .expect_error(411, "MissingContentLength");
            }
        ),
        row!(
            "a body shorter than its Content-Length: `IncompleteBody`, and the old object stays",
            "API/ErrorResponses",
            |world| {
                world.put("x", b"old").await;
                let put = world
                    .object("PUT", "x")
                    .body(b"new")
                    .content_length(Some(4));
                put.send().await.expect_error(400, "IncompleteBody");
                assert_eq!(world.get("x").await.text(), "old");
            }
        ),
        row!(
            "a PUT over 5 GiB: `EntityTooLarge`",
            "API/ErrorResponses",
            |world| {
                let put = world.object("PUT", "x").payload("UNSIGNED-PAYLOAD");
                let put = put.content_length(Some((5 << 30) + 1));
                put.send().await.expect_error(400, "EntityTooLarge");
            }
        ),
        row!(
            "`x-amz-tagging` sets tags; `?tagging` reads, replaces and removes them",
            "userguide/object-tagging",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-tagging", "a=1&b=two%20words");
                put.send().await.expect_status(200);
                let tags = || world.object("GET", "x").query("tagging", "").send();
                assert_eq!(tags().await.tags("Value"), ["1", "two words"]);
                let xml =
                    "<Tagging><TagSet><Tag><Key>c</Key><Value>3</Value></Tag></TagSet></Tagging>";
                world
                    .object("PUT", "x")
                    .query("tagging", "")
                    .body(xml)
                    .send()
                    .await
                    .expect_status(200);
                assert_eq!(tags().await.tags("Key"), ["c"]);
                world
                    .object("DELETE", "x")
                    .query("tagging", "")
                    .send()
                    .await
                    .expect_status(204);
                assert!(tags().await.tags("Key").is_empty());
            }
        ),
        row!(
            "more than ten tags are refused",
            "userguide/object-tagging",
            |world| {
                let tags: Vec<_> = (0..11).map(|number| format!("t{number}=1")).collect();
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-tagging", tags.join("&"));
                assert_eq!(put.send().await.status, 400);
            }
        ),
        row!(
            "DELETE answers 204, also when there is nothing",
            "API/API_DeleteObject",
            |world| {
                world.put("x", b"").await;
                for _ in 0..2 {
                    world.object("DELETE", "x").send().await.expect_status(204);
                }
                world.get("x").await.expect_error(404, "NoSuchKey");
            }
        ),
        row!(
            "DeleteObjects removes many and answers for each",
            "API/API_DeleteObjects",
            |world| {
                world.put("a", b"").await;
                let xml =
                    "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>";
                let post = world
                    .call("POST", &format!("/{BUCKET}"))
                    .query("delete", "");
                let post = post.header("content-md5", md5_base64(xml)).body(xml);
                assert_eq!(post.send().await.expect_status(200).tags("Key"), ["a", "b"]);
                world.get("a").await.expect_error(404, "NoSuchKey");
            }
        ),
        row!(
            "DeleteObjects with `Quiet` names only what failed",
            "API/API_DeleteObjects",
            |world| {
                let xml = "<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object></Delete>";
                let post = world
                    .call("POST", &format!("/{BUCKET}"))
                    .query("delete", "");
                let post = post.header("content-md5", md5_base64(xml)).body(xml);
                assert!(post.send().await.expect_status(200).tags("Key").is_empty());
            }
        ),
        row!(
            "DeleteObjects of more than 1,000 keys: `MalformedXML`",
            "API/API_DeleteObjects",
            |world| {
                let xml = format!(
                    "<Delete>{}</Delete>",
                    "<Object><Key>a</Key></Object>".repeat(1001)
                );
                let post = world
                    .call("POST", &format!("/{BUCKET}"))
                    .query("delete", "");
                let post = post.header("content-md5", md5_base64(&xml)).body(xml);
                post.send().await.expect_error(400, "MalformedXML");
            }
        ),
        row!(
            "DeleteObjects without Content-MD5 or a checksum is refused",
            "API/API_DeleteObjects",
            |world| {
                let xml = "<Delete><Object><Key>a</Key></Object></Delete>";
                let post = world
                    .call("POST", &format!("/{BUCKET}"))
                    .query("delete", "")
                    .body(xml);
                assert_eq!(post.send().await.status, 400);
            }
        )
        .differs("the signature already covers the body; some clients leave it out"),
        row!(
            "an ACL other than the owner's: `AccessControlListNotSupported`",
            "userguide/about-object-ownership",
            |world| {
                let put = world.object("PUT", "x").header("x-amz-acl", "public-read");
                put.send()
                    .await
                    .expect_error(400, "AccessControlListNotSupported");
            }
        ),
        row!(
            "`x-amz-server-side-encryption: AES256` encrypts",
            "userguide/UsingServerSideEncryption",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-server-side-encryption", "AES256");
                put.send().await.expect_status(200);
            }
        )
        .differs("refused with `NotImplemented` rather than ignored"),
        row!(
            "a storage class there is not: `InvalidStorageClass`",
            "API/ErrorResponses",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-storage-class", "CELLAR");
                put.send().await.expect_error(400, "InvalidStorageClass");
            }
        ),
        row!(
            "`x-amz-expected-bucket-owner` of somebody else: `AccessDenied`",
            "userguide/bucket-owner-condition",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("x-amz-expected-bucket-owner", "111111111111");
                put.send().await.expect_error(403, "AccessDenied");
            }
        ),
    ]
}

fn md5_base64(text: &str) -> String {
    base64(&<md5::Md5 as md5::Digest>::digest(text))
}
