use jiff::SignedDuration;

use super::{Row, row};
use crate::support::*;

/// A presigned GET of `x`, signed so many seconds ago.
async fn aged(world: &World, age: i64, expires: &str) -> Reply {
    let at = now()
        .saturating_sub(SignedDuration::from_secs(age))
        .unwrap();
    world
        .object("GET", "x")
        .presigned_at(at, expires)
        .exchange()
        .await
}

async fn with_object() -> World {
    let world = World::in_memory().await;
    world.put("x", b"secret").await;
    world
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "presigned PUT, GET, HEAD and DELETE do what they say",
            "API/sigv4-query-string-auth",
            |world| {
                let call = |method: &str| world.object(method, "x").presigned();
                call("PUT")
                    .body(b"bytes")
                    .exchange()
                    .await
                    .expect_status(200);
                assert_eq!(
                    call("GET").exchange().await.expect_status(200).text(),
                    "bytes"
                );
                call("HEAD").exchange().await.expect_status(200);
                call("DELETE").exchange().await.expect_status(204);
            }
        ),
        row!(
            "presigned parts and Complete",
            "API/sigv4-query-string-auth",
            |world| {
                let create = world
                    .object("POST", "x")
                    .query("uploads", "")
                    .presigned()
                    .exchange()
                    .await;
                let id = create.expect_status(200).tag("UploadId").unwrap();
                let part = world
                    .object("PUT", "x")
                    .query("uploadId", &id)
                    .query("partNumber", 1);
                let etag = part
                    .body(b"part")
                    .presigned()
                    .exchange()
                    .await
                    .expect_status(200)
                    .etag();
                let complete = world.object("POST", "x").query("uploadId", &id).body(format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
            ));
                complete.presigned().exchange().await.expect_status(200);
            }
        ),
        row!(
            "without a signature: `AccessDenied`",
            "API/ErrorResponses",
            |_world| {
                with_object()
                    .await
                    .object("GET", "x")
                    .exchange()
                    .await
                    .expect_error(403, "AccessDenied");
            }
        ),
        row!(
            "with another secret: `SignatureDoesNotMatch`",
            "API/ErrorResponses",
            |_world| {
                let world = with_object().await;
                let get = || world.object("GET", "x").secret("wrong");
                get()
                    .send()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                get()
                    .presigned()
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
            }
        ),
        row!(
            "with an unknown access key: `InvalidAccessKeyId`",
            "API/ErrorResponses",
            |_world| {
                let world = with_object().await;
                let date = now().strftime("%Y%m%dT%H%M%SZ").to_string();
                let authorization = format!(
                    "AWS4-HMAC-SHA256 Credential=NOBODY/{}/{REGION}/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}",
                    &date[..8],
                    "0".repeat(64)
                );
                let get = world
                    .object("GET", "x")
                    .unsigned_header("authorization", authorization);
                let get = get
                    .header("x-amz-date", date)
                    .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
                get.exchange().await.expect_error(403, "InvalidAccessKeyId");
            }
        ),
        row!(
            "an expired URL: `AccessDenied`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                aged(&world, 30, "60").await.expect_status(200);
                aged(&world, 70, "60")
                    .await
                    .expect_error(403, "AccessDenied");
            }
        ),
        row!(
            "a URL may live seven days, not a second longer: `AuthorizationQueryParametersError`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                aged(&world, 6 * 24 * 3600, "604800")
                    .await
                    .expect_status(200);
                aged(&world, 0, "604801")
                    .await
                    .expect_error(400, "AuthorizationQueryParametersError");
            }
        ),
        row!(
            "an `X-Amz-Expires` that is negative or no number: `AuthorizationQueryParametersError`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                for expires in ["-1", "soon", ""] {
                    aged(&world, 0, expires)
                        .await
                        .expect_error(400, "AuthorizationQueryParametersError");
                }
            }
        ),
        row!(
            "a URL dated more than 15 minutes ahead: `AccessDenied`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                aged(&world, -600, "60").await.expect_status(200);
                aged(&world, -1000, "60")
                    .await
                    .expect_error(403, "AccessDenied");
            }
        ),
        row!(
            "a signed header dated more than 15 minutes off: `RequestTimeTooSkewed`",
            "API/ErrorResponses",
            |_world| {
                let world = with_object().await;
                for age in [1000, -1000] {
                    let at = now()
                        .saturating_sub(SignedDuration::from_secs(age))
                        .unwrap();
                    let get = world.object("GET", "x").signed_at(at).exchange().await;
                    get.expect_error(403, "RequestTimeTooSkewed");
                }
            }
        ),
        row!(
            "signed for another region: `AuthorizationHeaderMalformed`, in a URL `AuthorizationQueryParametersError`",
            "API/ErrorResponses",
            |_world| {
                let world = with_object().await;
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
        ),
        row!(
            "a parameter of the signature missing: `AuthorizationQueryParametersError`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                let get = world
                    .object("GET", "x")
                    .query("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
                get.exchange()
                    .await
                    .expect_error(400, "AuthorizationQueryParametersError");
            }
        ),
        row!(
            "a query parameter twice is refused",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                let get = world
                    .object("GET", "x")
                    .presigned()
                    .query("X-Amz-Expires", "600");
                assert_eq!(get.exchange().await.status, 400);
            }
        ),
        row!(
            "a query parameter more: `SignatureDoesNotMatch`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                let get = world
                    .object("GET", "x")
                    .presigned()
                    .query("response-content-type", "text/html");
                get.exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
            }
        ),
        row!(
            "an `x-amz-*` header that was not signed (ACL, metadata, copy source, tags): `AccessDenied`",
            "API/sigv4-query-string-auth",
            |world| {
                for (name, value) in [
                    ("x-amz-acl", "private"),
                    ("x-amz-meta-evil", "1"),
                    ("x-amz-copy-source", "files/y"),
                    ("x-amz-tagging", "a=1"),
                ] {
                    let put = world
                        .object("PUT", "x")
                        .presigned()
                        .unsigned_header(name, value);
                    put.exchange().await.expect_error(403, "AccessDenied");
                }
            }
        ),
        row!(
            "a signed header left out or changed: `SignatureDoesNotMatch`",
            "API/sigv4-query-string-auth",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("if-none-match", "*")
                    .header("content-type", "a/b");
                let put = put.presigned();
                let without = put.clone().without_header("if-none-match");
                without
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                let changed = put.clone().replace_header("content-type", "text/html");
                changed
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                put.exchange().await.expect_status(200);
            }
        ),
        row!(
            "a signed Content-Length holds the sender to it",
            "API/sigv4-query-string-auth",
            |world| {
                let put = world
                    .object("PUT", "x")
                    .header("content-length", 1)
                    .content_length(None)
                    .presigned();
                let longer = put
                    .clone()
                    .replace_header("content-length", "3")
                    .body(b"xyz")
                    .content_length(None);
                longer
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                put.body(b"x")
                    .content_length(None)
                    .exchange()
                    .await
                    .expect_status(200);
            }
        ),
        row!(
            "another method, key or host than was signed: `SignatureDoesNotMatch`",
            "API/sigv4-query-string-auth",
            |_world| {
                let world = with_object().await;
                let get = world.object("GET", "x").presigned();
                assert_eq!(get.clone().with_method("HEAD").exchange().await.status, 403);
                get.clone()
                    .with_method("DELETE")
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                get.clone()
                    .with_path("/files/y")
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
                let elsewhere = get.replace_header("host", "evil.example");
                elsewhere
                    .exchange()
                    .await
                    .expect_error(403, "SignatureDoesNotMatch");
            }
        ),
        row!(
            "signature version 2 is refused, in the header and in the query",
            "userguide/VirtualHosting",
            |_world| {
                let world = with_object().await;
                let header = world
                    .object("GET", "x")
                    .unsigned_header("authorization", "AWS AKID:c2ln");
                header.exchange().await.expect_error(400, "InvalidRequest");
                let query = world
                    .object("GET", "x")
                    .query("AWSAccessKeyId", KEY_ID)
                    .query("Signature", "c2ln");
                query
                    .query("Expires", "4102444800")
                    .exchange()
                    .await
                    .expect_error(400, "InvalidRequest");
            }
        ),
        row!(
            "a signature in the header and in the query: refused",
            "API/ErrorResponses",
            |_world| {
                let world = with_object().await;
                let both = world.object("GET", "x").presigned().signed_at(now());
                both.exchange().await.expect_error(400, "InvalidArgument");
            }
        ),
        row!(
            "a refusal is XML with Code, Message and a request id",
            "API/ErrorResponses",
            |world| {
                let reply = world.get("x").await;
                assert_eq!(reply.header("content-type"), Some("application/xml"));
                assert!(reply.tag("Code").is_some() && reply.tag("Message").is_some());
            }
        ),
    ]
}
