use super::{Row, row};
use crate::support::*;

const PAST: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
const FUTURE: &str = "Wed, 21 Oct 2065 07:28:00 GMT";
const OTHER: &str = "\"0123456789abcdef0123456789abcdef\"";

fn copy(world: &World, source: &str) -> Call {
    let source = format!("/{BUCKET}/{}", encode(source, true));
    world.object("PUT", "t").header("x-amz-copy-source", source)
}

async fn with_source() -> (World, String) {
    let world = World::in_memory().await;
    let put = world.object("PUT", "s").header("content-type", "text/html");
    let put = put
        .header("x-amz-meta-a", "1")
        .header("x-amz-tagging", "t=1")
        .body(b"source");
    let etag = put.send().await.expect_status(200).etag();
    (world, etag)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("a copy has the bytes, metadata and tags of its source, and outlives it", "API/API_CopyObject", |_world| {
            let (world, _) = with_source().await;
            copy(&world, "s").send().await.expect_status(200);
            world.object("DELETE", "s").send().await.expect_status(204);
            let got = world.get("t").await.expect_status(200);
            assert_eq!((got.text().as_str(), got.header("x-amz-meta-a")), ("source", Some("1")));
            assert_eq!((got.header("content-type"), got.header("x-amz-tagging-count")), (Some("text/html"), Some("1")));
        }),
        row!("a source's name is percent-decoded, with or without a leading slash", "API/API_CopyObject", |world| {
            world.put("ä b+c", b"source").await;
            copy(&world, "ä b+c").send().await.expect_status(200);
            let bare = format!("{BUCKET}/{}", encode("ä b+c", true));
            world.object("PUT", "u").header("x-amz-copy-source", bare).send().await.expect_status(200);
        }),
        row!("`x-amz-metadata-directive: REPLACE`: only what the request says", "API/API_CopyObject", |_world| {
            let (world, _) = with_source().await;
            let replace = copy(&world, "s").header("x-amz-metadata-directive", "REPLACE");
            replace.header("content-type", "text/plain").send().await.expect_status(200);
            let got = world.get("t").await;
            assert_eq!((got.header("content-type"), got.header("x-amz-meta-a")), (Some("text/plain"), None));
        }),
        row!("`x-amz-tagging-directive: REPLACE`: only these tags", "API/API_CopyObject", |_world| {
            let (world, _) = with_source().await;
            let replace = copy(&world, "s").header("x-amz-tagging-directive", "REPLACE");
            replace.header("x-amz-tagging", "u=1&v=2").send().await.expect_status(200);
            assert_eq!(world.get("t").await.header("x-amz-tagging-count"), Some("2"));
        }),
        row!("`x-amz-copy-source-if-match`: 412 unless the source is this version", "API/API_CopyObject", |_world| {
            let (world, etag) = with_source().await;
            let call = |etag: &str| copy(&world, "s").header("x-amz-copy-source-if-match", etag).send();
            call(OTHER).await.expect_error(412, "PreconditionFailed");
            call(&etag).await.expect_status(200);
        }),
        row!("`x-amz-copy-source-if-none-match`: 412 when it is", "API/API_CopyObject", |_world| {
            let (world, etag) = with_source().await;
            let call = |etag: &str| copy(&world, "s").header("x-amz-copy-source-if-none-match", etag).send();
            call(&etag).await.expect_error(412, "PreconditionFailed");
            call(OTHER).await.expect_status(200);
        }),
        row!("`x-amz-copy-source-if-modified-since`: 412 when it was not", "API/API_CopyObject", |_world| {
            let (world, _) = with_source().await;
            let call = |date: &str| copy(&world, "s").header("x-amz-copy-source-if-modified-since", date).send();
            call(FUTURE).await.expect_error(412, "PreconditionFailed");
            call(PAST).await.expect_status(200);
        }),
        row!("`x-amz-copy-source-if-unmodified-since`: 412 when it was", "API/API_CopyObject", |_world| {
            let (world, _) = with_source().await;
            let call = |date: &str| copy(&world, "s").header("x-amz-copy-source-if-unmodified-since", date).send();
            call(PAST).await.expect_error(412, "PreconditionFailed");
            call(FUTURE).await.expect_status(200);
        }),
        row!("if-match that holds beside if-unmodified-since that does not: copied", "API/API_CopyObject", |_world| {
            let (world, etag) = with_source().await;
            let call = copy(&world, "s").header("x-amz-copy-source-if-match", etag);
            let call = call.header("x-amz-copy-source-if-unmodified-since", PAST);
            call.send().await.expect_status(200);
        }),
        row!("if-none-match that does not hold beside if-modified-since that does: 412", "API/API_CopyObject", |_world| {
            let (world, etag) = with_source().await;
            let call = copy(&world, "s").header("x-amz-copy-source-if-none-match", etag);
            let call = call.header("x-amz-copy-source-if-modified-since", PAST);
            call.send().await.expect_error(412, "PreconditionFailed");
        }),
        row!("`If-None-Match: *` of the target: 412 when something is there", "API/API_CopyObject", |_world| {
            let (world, _) = with_source().await;
            let call = || copy(&world, "s").header("if-none-match", "*").send();
            call().await.expect_status(200);
            call().await.expect_error(412, "PreconditionFailed");
        }),
        row!("a source there is not: `NoSuchKey`; in a bucket there is not: `NoSuchBucket`", "API/ErrorResponses", |world| {
            copy(&world, "missing").send().await.expect_error(404, "NoSuchKey");
            let call = world.object("PUT", "t").header("x-amz-copy-source", "no-such-bucket/x");
            call.send().await.expect_error(404, "NoSuchBucket");
        }),
        row!("onto itself without a change: `InvalidRequest`", "API/API_CopyObject", |world| {
            world.put("t", b"").await;
            copy(&world, "t").send().await.expect_error(400, "InvalidRequest");
        }),
        row!("a copy of an object that was uploaded in parts has the MD5 of its bytes as ETag", "API/API_CopyObject", |world| {
            let create = world.object("POST", "s").query("uploads", "").send().await;
            let id = create.tag("UploadId").unwrap();
            let part = world.object("PUT", "s").query("uploadId", &id).query("partNumber", 1).body(b"part");
            let etag = part.send().await.etag();
            let complete = world.object("POST", "s").query("uploadId", &id).body(format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
            ));
            complete.send().await.expect_status(200);
            copy(&world, "s").send().await.expect_status(200);
            assert_eq!(world.get("t").await.etag(), format!("\"{}\"", md5_hex(b"part")));
        }).differs("a copy shares its source's bytes and keeps its ETag; no byte is read"),
        row!("UploadPartCopy copies a range of an object into a part", "API/API_UploadPartCopy", |_world| {
            let (world, _) = with_source().await;
            let create = world.object("POST", "t").query("uploads", "").send().await;
            let id = create.tag("UploadId").unwrap();
            let part = copy(&world, "s").query("uploadId", &id).query("partNumber", 1);
            let part = part.header("x-amz-copy-source-range", "bytes=1-3");
            let etag = part.send().await.expect_status(200).tag("ETag").unwrap();
            assert!(etag.contains(&md5_hex(b"our")));
        }),
        row!("UploadPartCopy of a range beyond the source: refused", "API/API_UploadPartCopy", |_world| {
            let (world, _) = with_source().await;
            let create = world.object("POST", "t").query("uploads", "").send().await;
            let id = create.tag("UploadId").unwrap();
            let part = copy(&world, "s").query("uploadId", &id).query("partNumber", 1);
            let part = part.header("x-amz-copy-source-range", "bytes=1-6");
            part.send().await.expect_error(416, "InvalidRange");
        }),
    ]
}
