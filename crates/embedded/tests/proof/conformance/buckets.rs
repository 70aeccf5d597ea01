use super::{Row, row};
use crate::support::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row!(
            "Create, Head, List and Delete",
            "API/API_CreateBucket",
            |world| {
                let bucket = |method: &str| world.call(method, "/second-bucket").send();
                assert_eq!(bucket("HEAD").await.status, 404);
                bucket("PUT").await.expect_status(200);
                bucket("HEAD").await.expect_status(200);
                let all = world.call("GET", "/").send().await.expect_status(200);
                assert_eq!(all.tags("Name"), [BUCKET, "second-bucket"]);
                bucket("DELETE").await.expect_status(204);
                assert_eq!(bucket("HEAD").await.status, 404);
            }
        ),
        row!(
            "one that is there already: `BucketAlreadyOwnedByYou`",
            "API/API_CreateBucket",
            |world| {
                world
                    .call("PUT", &format!("/{BUCKET}"))
                    .send()
                    .await
                    .expect_error(409, "BucketAlreadyOwnedByYou");
            }
        ),
        row!(
            "a name that is not allowed: `InvalidBucketName`",
            "userguide/bucketnamingrules",
            |world| {
                for name in ["/ab", "/UPPER", "/has_underscore", "/192.168.5.4"] {
                    world
                        .call("PUT", name)
                        .send()
                        .await
                        .expect_error(400, "InvalidBucketName");
                }
            }
        ),
        row!(
            "Delete of one with objects: `BucketNotEmpty`",
            "API/API_DeleteBucket",
            |world| {
                world.put("x", b"").await;
                world
                    .call("DELETE", &format!("/{BUCKET}"))
                    .send()
                    .await
                    .expect_error(409, "BucketNotEmpty");
            }
        ),
        row!(
            "anything in one there is not: `NoSuchBucket`",
            "API/ErrorResponses",
            |world| {
                for method in ["GET", "PUT", "DELETE"] {
                    world
                        .call(method, "/no-such-bucket/x")
                        .send()
                        .await
                        .expect_error(404, "NoSuchBucket");
                }
                world
                    .call("GET", "/no-such-bucket")
                    .send()
                    .await
                    .expect_error(404, "NoSuchBucket");
            }
        ),
        row!(
            "GetBucketLocation: empty for us-east-1",
            "API/API_GetBucketLocation",
            |world| {
                let reply = world
                    .call("GET", &format!("/{BUCKET}"))
                    .query("location", "")
                    .send()
                    .await
                    .expect_status(200);
                assert!(
                    reply.text().contains("LocationConstraint")
                        && !reply.text().contains("us-east-1")
                );
            }
        ),
        row!(
            "Create for another region: `IllegalLocationConstraintException`",
            "API/API_CreateBucket",
            |world| {
                let xml = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
                let create = world.call("PUT", "/second-bucket").body(xml);
                create
                    .send()
                    .await
                    .expect_error(400, "IllegalLocationConstraintException");
            }
        ),
        row!(
            "HEAD says the region: `x-amz-bucket-region`",
            "API/API_HeadBucket",
            |world| {
                let head = world.call("HEAD", &format!("/{BUCKET}")).send().await;
                assert_eq!(head.header("x-amz-bucket-region"), Some(REGION));
            }
        ),
    ]
}
