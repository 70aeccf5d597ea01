use super::{Row, row};
use crate::support::*;

const PAST: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
const FUTURE: &str = "Wed, 21 Oct 2065 07:28:00 GMT";
const OTHER: &str = "\"0123456789abcdef0123456789abcdef\"";

/// The statuses of GET and HEAD under these conditions, on an object with this ETag.
async fn read(world: &World, conditions: &[(&str, &str)]) -> u16 {
    let mut statuses = Vec::new();
    for method in ["GET", "HEAD"] {
        let call = world.object(method, "x");
        let call = conditions
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value));
        statuses.push(call.send().await.status);
    }
    assert_eq!(statuses[0], statuses[1]);
    statuses[0]
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "GET and HEAD `If-Match`: 412 unless the ETag is this one",
            "API/API_GetObject",
            |world| {
                let etag = world.put("x", b"").await.etag();
                assert_eq!(read(&world, &[("if-match", &etag)]).await, 200);
                assert_eq!(read(&world, &[("if-match", OTHER)]).await, 412);
            }
        ),
        row!(
            "GET and HEAD `If-None-Match`: 304 with the ETag, without a body",
            "API/API_GetObject",
            |world| {
                let etag = world.put("x", b"bytes").await.etag();
                let got = world
                    .object("GET", "x")
                    .header("if-none-match", &etag)
                    .send()
                    .await;
                assert_eq!((got.status, got.etag(), got.body.len()), (304, etag, 0));
                assert_eq!(read(&world, &[("if-none-match", OTHER)]).await, 200);
            }
        ),
        row!(
            "GET and HEAD `If-Modified-Since`: 304 when it was not",
            "API/API_GetObject",
            |world| {
                world.put("x", b"").await;
                assert_eq!(read(&world, &[("if-modified-since", FUTURE)]).await, 304);
                assert_eq!(read(&world, &[("if-modified-since", PAST)]).await, 200);
            }
        ),
        row!(
            "GET and HEAD `If-Unmodified-Since`: 412 when it was",
            "API/API_GetObject",
            |world| {
                world.put("x", b"").await;
                assert_eq!(read(&world, &[("if-unmodified-since", PAST)]).await, 412);
                assert_eq!(read(&world, &[("if-unmodified-since", FUTURE)]).await, 200);
            }
        ),
        row!(
            "`If-Match` that holds overrules `If-Unmodified-Since` that does not",
            "API/API_GetObject",
            |world| {
                let etag = world.put("x", b"").await.etag();
                let both = [("if-match", etag.as_str()), ("if-unmodified-since", PAST)];
                assert_eq!(read(&world, &both).await, 200);
            }
        ),
        row!(
            "`If-None-Match` that does not hold overrules `If-Modified-Since` that does",
            "API/API_GetObject",
            |world| {
                let etag = world.put("x", b"").await.etag();
                let both = [
                    ("if-none-match", etag.as_str()),
                    ("if-modified-since", PAST),
                ];
                assert_eq!(read(&world, &both).await, 304);
            }
        ),
        row!(
            "a date that is none is ignored",
            "API/API_GetObject",
            |world| {
                world.put("x", b"").await;
                assert_eq!(
                    read(&world, &[("if-modified-since", "whenever")]).await,
                    200
                );
            }
        ),
        row!(
            "PUT `If-None-Match: *`: only when nothing is there, else 412",
            "userguide/conditional-writes",
            |world| {
                let put = || world.object("PUT", "x").header("if-none-match", "*").send();
                put().await.expect_status(200);
                put().await.expect_error(412, "PreconditionFailed");
            }
        ),
        row!(
            "PUT `If-None-Match` with an ETag: `NotImplemented`",
            "API/API_PutObject",
            |world| {
                let put = world.object("PUT", "x").header("if-none-match", OTHER);
                put.send().await.expect_error(501, "NotImplemented");
            }
        ),
        row!(
            "PUT `If-Match`: only over this version; 412 over another, 404 over nothing",
            "userguide/conditional-writes",
            |world| {
                let put = |etag: &str| {
                    world
                        .object("PUT", "x")
                        .header("if-match", etag)
                        .body(b"new")
                        .send()
                };
                put(OTHER).await.expect_error(404, "NoSuchKey");
                let etag = world.put("x", b"old").await.etag();
                put(OTHER).await.expect_error(412, "PreconditionFailed");
                put(&etag).await.expect_status(200);
            }
        ),
        row!(
            "of eight PUTs with `If-None-Match: *` at once, one succeeds",
            "userguide/conditional-writes",
            |world| {
                let put =
                    |_| tokio::spawn(world.object("PUT", "x").header("if-none-match", "*").send());
                let mut statuses = Vec::new();
                for call in (0..8).map(put).collect::<Vec<_>>() {
                    statuses.push(call.await.unwrap().status);
                }
                statuses.sort_unstable();
                assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
            }
        ),
        row!(
            "DELETE `If-Match`: only this version, else 412",
            "userguide/conditional-deletes",
            |world| {
                let etag = world.put("x", b"").await.etag();
                let delete =
                    |etag: &str| world.object("DELETE", "x").header("if-match", etag).send();
                delete(OTHER).await.expect_error(412, "PreconditionFailed");
                delete(&etag).await.expect_status(204);
            }
        ),
        row!(
            "Complete `If-None-Match: *`: 412 when something is there; the upload can be completed later",
            "userguide/conditional-writes",
            |world| {
                let create = world.object("POST", "x").query("uploads", "").send().await;
                let id = create.tag("UploadId").unwrap();
                let part = world
                    .object("PUT", "x")
                    .query("uploadId", &id)
                    .query("partNumber", 1);
                let etag = part.send().await.expect_status(200).etag();
                world.put("x", b"there").await;
                let complete = || {
                    world.object("POST", "x").query("uploadId", &id).header("if-none-match", "*").body(format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
            )).send()
                };
                complete().await.expect_error(412, "PreconditionFailed");
                world.object("DELETE", "x").send().await.expect_status(204);
                complete().await.expect_status(200);
            }
        ),
    ]
}
