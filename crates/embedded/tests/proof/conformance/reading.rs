use super::{Row, row};
use crate::support::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "GET answers with the bytes, ETag, Last-Modified and Content-Length",
            "API/API_GetObject",
            |world| {
                let etag = world.put("x", b"bytes").await.etag();
                let got = world.get("x").await.expect_status(200);
                assert_eq!((got.text().as_str(), got.etag()), ("bytes", etag));
                assert_eq!(got.header("content-length"), Some("5"));
                assert!(got.header("last-modified").unwrap().ends_with(" GMT"));
            }
        ),
        row!(
            "HEAD answers as GET does, without the bytes",
            "API/API_HeadObject",
            |world| {
                world.put("x", b"bytes").await;
                let head = world.object("HEAD", "x").send().await.expect_status(200);
                assert_eq!(
                    (head.header("content-length"), head.body.len()),
                    (Some("5"), 0)
                );
            }
        ),
        row!(
            "every answer has an `x-amz-request-id`, refusals too",
            "API/RESTCommonResponseHeaders",
            |world| {
                world.put("x", b"").await;
                assert!(world.get("x").await.header("x-amz-request-id").is_some());
                assert!(world.get("y").await.header("x-amz-request-id").is_some());
            }
        ),
        row!(
            "GET of nothing: `NoSuchKey`; HEAD of nothing: 404 without a body",
            "API/ErrorResponses",
            |world| {
                world.get("x").await.expect_error(404, "NoSuchKey");
                let head = world.object("HEAD", "x").send().await;
                assert_eq!((head.status, head.body.len()), (404, 0));
            }
        ),
        row!("an object may be empty", "API/API_PutObject", |world| {
            world.put("x", b"").await;
            let got = world.get("x").await.expect_status(200);
            assert_eq!(
                (got.header("content-length"), got.body.len()),
                (Some("0"), 0)
            );
        }),
        row!(
            "`Range: bytes=a-b`, `a-` and `-n` answer 206 with exactly those bytes",
            "API/API_GetObject",
            |world| {
                let body = bytes(1, 700_000);
                world.put("x", &body).await;
                for (range, expected) in [
                    ("bytes=0-0", 0..1),
                    ("bytes=300000-600000", 300_000..600_001),
                    ("bytes=699990-", 699_990..700_000),
                    ("bytes=-5", 699_995..700_000),
                ] {
                    let got = world
                        .object("GET", "x")
                        .header("range", range)
                        .send()
                        .await
                        .expect_status(206);
                    assert!(got.body == body[expected.clone()]);
                    let described = format!("bytes {}-{}/700000", expected.start, expected.end - 1);
                    assert_eq!(got.header("content-range"), Some(described.as_str()));
                }
            }
        ),
        row!(
            "a range that ends behind the object ends with it",
            "API/API_GetObject",
            |world| {
                world.put("x", b"bytes").await;
                for range in ["bytes=3-99", "bytes=-99"] {
                    let got = world
                        .object("GET", "x")
                        .header("range", range)
                        .send()
                        .await
                        .expect_status(206);
                    assert!(b"bytes".ends_with(&got.body));
                }
            }
        ),
        row!(
            "a range that begins behind the object: 416 `InvalidRange`",
            "API/ErrorResponses",
            |world| {
                world.put("x", b"bytes").await;
                let get = world.object("GET", "x").header("range", "bytes=5-");
                get.send().await.expect_error(416, "InvalidRange");
            }
        ),
        row!(
            "any range of an empty object: 416",
            "API/API_GetObject",
            |world| {
                world.put("x", b"").await;
                let get = world.object("GET", "x").header("range", "bytes=0-");
                get.send().await.expect_error(416, "InvalidRange");
            }
        ),
        row!(
            "several ranges in one request are not supported: the whole object, 200",
            "API/API_GetObject",
            |world| {
                world.put("x", b"bytes").await;
                let get = world.object("GET", "x").header("range", "bytes=0-1,3-4");
                assert_eq!(get.send().await.expect_status(200).text(), "bytes");
            }
        ),
        row!(
            "a malformed range is ignored",
            "API/API_GetObject",
            |world| {
                world.put("x", b"bytes").await;
                for range in ["bytes=4-2", "lines=1-2", "bytes=x"] {
                    let get = world.object("GET", "x").header("range", range);
                    get.send().await.expect_status(200);
                }
            }
        ),
        row!(
            "HEAD with a range answers 206",
            "API/API_HeadObject",
            |world| {
                world.put("x", b"bytes").await;
                let head = world
                    .object("HEAD", "x")
                    .header("range", "bytes=0-1")
                    .send()
                    .await;
                assert_eq!(
                    (head.status, head.header("content-length")),
                    (206, Some("2"))
                );
            }
        ),
        row!(
            "`response-content-type`, `-disposition`, `-encoding`, `-language`, `-cache-control` and `-expires` replace the stored ones in a signed GET",
            "API/API_GetObject",
            |world| {
                world.put("x", b"").await;
                let overrides = [
                    ("content-type", "text/plain"),
                    ("content-disposition", "inline; filename*=UTF-8''%C3%A4"),
                    ("content-encoding", "identity"),
                    ("content-language", "fr"),
                    ("cache-control", "no-store"),
                    ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
                ];
                let get = overrides
                    .iter()
                    .fold(world.object("GET", "x"), |get, (name, value)| {
                        get.query(&format!("response-{name}"), value)
                    });
                let got = get.presigned().exchange().await.expect_status(200);
                for (name, value) in overrides {
                    assert_eq!(got.header(name), Some(value));
                }
            }
        ),
        row!(
            "the number of tags is in `x-amz-tagging-count`",
            "API/API_GetObject",
            |world| {
                let put = world.object("PUT", "x").header("x-amz-tagging", "a=1&b=2");
                put.send().await.expect_status(200);
                assert_eq!(
                    world.get("x").await.header("x-amz-tagging-count"),
                    Some("2")
                );
            }
        ),
        row!(
            "`versionId` of a version that never was: `NoSuchVersion`",
            "API/ErrorResponses",
            |world| {
                world.put("x", b"").await;
                let get = world.object("GET", "x").query("versionId", "1");
                get.send().await.expect_error(404, "NoSuchVersion");
            }
        ),
        row!(
            "a reader gets one version whole while others replace it",
            "userguide/Welcome",
            |world| {
                let versions = [bytes(1, MIB), bytes(2, MIB)];
                world.put("x", &versions[0]).await;
                let put = |number: usize| {
                    tokio::spawn(world.object("PUT", "x").body(&versions[number % 2]).send())
                };
                let writers: Vec<_> = (0..8).map(put).collect();
                while writers.iter().any(|writer| !writer.is_finished()) {
                    assert!(versions.contains(&world.get("x").await.body));
                }
            }
        ),
    ]
}
