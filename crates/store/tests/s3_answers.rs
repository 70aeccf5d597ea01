//! What storage may answer, and what it means to us.

mod support;

use std::time::Duration;

use support::stub::{Reply, Stub, answer, error_document, head_answer, refusal};
use support::{SECRET, content_type, key, settings, store};
use valetkey_protocol::Checksum;
use valetkey_store::s3::{Credentials, S3Settings, S3Store, Timeouts};
use valetkey_store::{CopyObject, CreateMultipart, ObjectStore, StoreError, StoredPart};

const COPIED: &str = "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>";
const COMPLETED: &str =
    "<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>";

#[tokio::test]
async fn a16_a_200_that_carries_an_error_is_an_error() {
    let internal = error_document("InternalError");
    let denied = error_document("AccessDenied");
    let stub = scripted([
        answer(200, &[], &internal),
        answer(200, &[], &denied),
        answer(200, &[], &internal),
        answer(200, &[], &denied),
    ])
    .await;
    let store = store_at(&stub);
    // The first error of the copy is worth another try, the second is not.
    assert!(matches!(
        copy(&store).await,
        Err(StoreError::Refused { .. })
    ));
    let error = complete(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    let error = complete(&store).await.unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");
}

#[tokio::test]
async fn white_space_before_a_late_answer_is_no_error() {
    let stub = scripted([
        answer(
            200,
            &[],
            &format!("  \n \n<?xml version=\"1.0\"?>\n{COPIED}"),
        ),
        answer(200, &[], &format!(" \n{COMPLETED}")),
    ])
    .await;
    let store = store_at(&stub);
    copy(&store).await.unwrap();
    complete(&store).await.unwrap();
}

#[tokio::test]
async fn truncated_xml_is_no_answer() {
    let cut = &COMPLETED[..COMPLETED.len() - 5];
    let stub = scripted([answer(200, &[], cut), answer(200, &[], "")]).await;
    let store = store_at(&stub);
    for _ in 0..2 {
        let error = complete(&store).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_read_again() {
    let broken = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n<CopyObjectResult>".to_vec();
    let stub = scripted([Reply::Bytes(broken), answer(200, &[], COPIED)]).await;
    copy(&store_at(&stub)).await.unwrap();
    assert_eq!(stub.received().len(), 2);
}

#[tokio::test]
async fn an_upload_that_storage_does_not_know_is_not_found() {
    let stub = scripted((0..3).map(|_| refusal(404, "NoSuchUpload"))).await;
    let store = store_at(&stub);
    assert!(matches!(complete(&store).await, Err(StoreError::NotFound)));
    assert_eq!(store.list_parts(&key("k"), "u").await.unwrap(), None);
    store.abort_multipart(&key("k"), "u").await.unwrap();
}

#[tokio::test]
async fn a_missing_bucket_is_not_a_missing_object() {
    let stub = scripted([refusal(404, "NoSuchBucket"), head_answer(404, 0, &[])]).await;
    let store = store_at(&stub);
    for error in [
        store.delete(&key("k")).await.unwrap_err(),
        store.ping().await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Refused { .. }));
        assert!(error.to_string().contains("\"bucket\""), "{error}");
    }
}

#[tokio::test]
async fn where_versions_are_kept_all_of_them_are_deleted() {
    let marked = || {
        answer(
            204,
            &["x-amz-delete-marker: true", "x-amz-version-id: 3"],
            "",
        )
    };
    let list = |versions: &str| {
        let text = format!("<ListVersionsResult><Name>b</Name>{versions}</ListVersionsResult>");
        answer(200, &[], &text)
    };
    let three = "<DeleteMarker><Key>k</Key><VersionId>3</VersionId></DeleteMarker>\
         <Version><Key>k</Key><VersionId>2/+</VersionId></Version>\
         <Version><Key>k</Key><VersionId>null</VersionId></Version>\
         <Version><Key>kk</Key><VersionId>9</VersionId></Version>";
    let gone = || answer(204, &[], "");
    let stub = scripted([
        marked(),
        list(three),
        gone(),
        refusal(404, "NoSuchVersion"),
        gone(),
        list("<Version><Key>kk</Key><VersionId>9</VersionId></Version>"),
    ])
    .await;
    store_at(&stub).delete(&key("k")).await.unwrap();
    let sent: Vec<_> = stub
        .received()
        .into_iter()
        .map(|one| (one.method, one.target))
        .collect();
    let expected = [
        ("DELETE", "/bucket/k"),
        ("GET", "/bucket?encoding-type=url&prefix=k&versions="),
        ("DELETE", "/bucket/k?versionId=3"),
        ("DELETE", "/bucket/k?versionId=2%2F%2B"),
        ("DELETE", "/bucket/k?versionId=null"),
        ("GET", "/bucket?encoding-type=url&prefix=k&versions="),
    ];
    assert_eq!(
        sent,
        expected.map(|(method, target)| (method.to_owned(), target.to_owned()))
    );

    // Who may not see versions is told so: they would stay for ever.
    let stub = scripted([marked(), refusal(403, "AccessDenied")]).await;
    let error = store_at(&stub).delete(&key("k")).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Refused { status: 403, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn slow_down_and_resets_are_tried_again_up_to_three_times() {
    let found = head_answer(200, 7, &["etag: \"e\"", "content-type: text/plain"]);
    let stub = scripted([head_answer(503, 0, &[]), Reply::Reset, found]).await;
    let info = store_at(&stub).head(&key("k")).await.unwrap().unwrap();
    assert_eq!((info.size, info.etag.as_str()), (7, "\"e\""));
    assert_eq!(info.content_type.as_deref(), Some("text/plain"));
    assert_eq!(stub.received().len(), 3);

    let stub = scripted((0..3).map(|_| refusal(503, "SlowDown"))).await;
    let error = store_at(&stub).delete(&key("k")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { what } if what.contains("SlowDown")));
    assert_eq!(stub.received().len(), 3);
}

#[tokio::test]
async fn storage_that_names_a_moment_is_not_asked_before() {
    let busy = || answer(503, &["retry-after: 1"], "");
    let stub = scripted([busy(), answer(204, &[], "")]).await;
    let store = store(S3Settings {
        timeouts: Timeouts {
            call: Duration::from_millis(300),
            ..Timeouts::default()
        },
        ..settings(&stub.url)
    });
    let error = store.delete(&key("k")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { what } if what.contains("300ms")));
    assert_eq!(stub.received().len(), 1);

    let stub = scripted([answer(503, &["retry-after: 60"], "")]).await;
    let error = store_at(&stub).delete(&key("k")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { what } if what.contains("503")));
    assert_eq!(stub.received().len(), 1, "a minute is too long to wait");
}

#[tokio::test]
async fn whatever_means_try_again_is_tried_again() {
    for (status, code) in [
        (500, "InternalError"),
        (502, ""),
        (503, "SlowDown"),
        (503, "ServiceUnavailable"),
        (504, ""),
        (429, "TooManyRequests"),
        (400, "RequestTimeout"),
        (409, "OperationAborted"),
    ] {
        let stub = scripted([refusal(status, code), answer(204, &[], "")]).await;
        store_at(&stub).delete(&key("k")).await.unwrap();
        assert_eq!(stub.received().len(), 2, "{status} {code}");
    }
}

#[tokio::test]
async fn the_beginning_and_the_end_of_a_multipart_upload_are_sent_once() {
    let stub = scripted([refusal(503, "SlowDown"), Reply::Reset]).await;
    let store = store_at(&stub);
    let error = create(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    let error = complete(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(stub.received().len(), 2);
}

#[tokio::test]
async fn a_silent_storage_is_given_up_at_the_deadline() {
    let stub = scripted([Reply::Silence, Reply::Silence]).await;
    let moment = Duration::from_millis(50);
    let store = store(S3Settings {
        timeouts: Timeouts {
            connect: moment,
            call: moment,
            read: moment,
            long_call: moment,
        },
        ..settings(&stub.url)
    });
    for error in [
        store.ping().await.unwrap_err(),
        copy(&store).await.unwrap_err(),
    ] {
        assert!(matches!(&error, StoreError::Unavailable { what } if what.contains("50ms")));
    }
}

#[tokio::test]
async fn refusals_keep_their_meaning() {
    let stub = scripted([
        refusal(412, "PreconditionFailed"),
        refusal(507, "XMinioStorageFull"),
        refusal(403, "AccessDenied"),
        head_answer(403, 0, &[]),
        answer(301, &["location: http://127.0.0.1:1/"], ""),
    ])
    .await;
    let store = store_at(&stub);
    assert!(matches!(
        copy(&store).await,
        Err(StoreError::PreconditionFailed)
    ));
    assert!(matches!(
        store.put_empty(&key("k")).await,
        Err(StoreError::Full)
    ));
    let error = store.delete(&key("k")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "storage refuses (403 AccessDenied): because"
    );
    let error = store.head(&key("k")).await.unwrap_err();
    assert!(error.to_string().contains("s3:ListBucket"), "{error}");
    let error = store.delete(&key("k")).await.unwrap_err();
    assert!(error.to_string().contains("region"), "{error}");
    assert_eq!(stub.received().len(), 5);
}

#[tokio::test]
async fn only_checksums_of_the_whole_object_are_reported() {
    // CRC catalogue: the check value of CRC-64/NVME, and the one of CRC-32C.
    let (crc64, crc32c) = (0xae8b_1486_0a79_9888_u64, 0xe306_9283_u32);
    let crc64_header = "x-amz-checksum-crc64nvme: rosUhgp5mIg=";
    let crc32c_header = "x-amz-checksum-crc32c: 4waSgw==";
    let (single, multipart) = ("etag: \"e\"", "etag: \"e-3\"");
    let full = "x-amz-checksum-type: FULL_OBJECT";
    let composite = "x-amz-checksum-type: COMPOSITE";
    let stub = scripted([
        head_answer(200, 9, &[multipart, crc64_header, full]),
        head_answer(200, 9, &[single, crc32c_header, crc64_header]),
        head_answer(200, 9, &[multipart, crc32c_header, composite]),
        head_answer(200, 9, &[multipart, "x-amz-checksum-crc32c: 4waSgw==-3"]),
        head_answer(200, 9, &[multipart, crc32c_header]),
    ])
    .await;
    let store = store_at(&stub);
    let crc64 = Checksum::Crc64Nvme(crc64);
    let expected = [
        vec![crc64],
        vec![crc64, Checksum::Crc32c(crc32c)],
        vec![],
        vec![],
        vec![],
    ];
    for checksums in expected {
        let info = store.head(&key("k")).await.unwrap().unwrap();
        assert_eq!(info.checksums, checksums);
    }
    let request = &stub.received()[0];
    assert_eq!(request.header("x-amz-checksum-mode"), Some("ENABLED"));
}

#[tokio::test]
async fn parts_are_listed_over_all_pages() {
    let stub = scripted([
        answer(200, &[], &page(&[1, 2], Some("2"), true)),
        refusal(500, "InternalError"),
        // Some storage forgets the marker.
        answer(200, &[], &page(&[3, 4], None, true)),
        answer(200, &[], &page(&[5], Some("0"), false)),
    ])
    .await;
    let parts = store_at(&stub).list_parts(&key("k"), "a+b/c=").await;
    let numbers: Vec<_> = parts
        .unwrap()
        .unwrap()
        .iter()
        .map(|part| part.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let targets: Vec<_> = stub.received().into_iter().map(|got| got.target).collect();
    let target = |marker| {
        format!("/bucket/k?max-parts=1000&part-number-marker={marker}&uploadId=a%2Bb%2Fc%3D")
    };
    assert_eq!(targets, [target(0), target(2), target(2), target(4)]);
}

#[tokio::test]
async fn a_list_that_leads_in_circles_ends() {
    let circles = [
        vec![page(&[1], Some("1"), true), page(&[1], Some("1"), true)],
        vec![page(&[7], Some("7"), true), page(&[2], Some("2"), true)],
        vec![page(&[], None, true)],
        vec![page(&[1], Some("1"), true), page(&[1], None, false)],
    ];
    for circle in circles {
        let stub = scripted(circle.iter().map(|body| answer(200, &[], body))).await;
        let listed = store_at(&stub).list_parts(&key("k"), "u").await;
        assert!(matches!(listed, Err(StoreError::Unavailable { .. })));
        assert_eq!(stub.received().len(), circle.len());
    }
}

#[tokio::test]
async fn lists_of_a_bucket_ask_with_the_token_they_were_given() {
    let next = "<NextContinuationToken>t+1=</NextContinuationToken>";
    let uploads =
        |inner: &str| format!("<ListMultipartUploadsResult>{inner}</ListMultipartUploadsResult>");
    let markers = "<IsTruncated>true</IsTruncated><NextKeyMarker>a/b</NextKeyMarker>\
                   <NextUploadIdMarker>u+1</NextUploadIdMarker>";
    let stub = scripted([
        answer(200, &[], &objects_page(next)),
        refusal(503, "SlowDown"),
        answer(200, &[], &objects_page("<IsTruncated>false</IsTruncated>")),
        answer(200, &[], &uploads(markers)),
        answer(200, &[], &uploads("")),
    ])
    .await;
    let store = store_at(&stub);
    let objects = store.list_objects("a b/", None).await.unwrap();
    assert_eq!(objects.next.as_deref(), Some("t+1="));
    let rest = store.list_objects("a b/", objects.next.as_deref()).await;
    assert_eq!(rest.unwrap().next, None);
    let open = store.list_multiparts("a", None).await.unwrap();
    let rest = store.list_multiparts("a", open.next.as_deref()).await;
    assert_eq!(rest.unwrap().next, None);

    let targets: Vec<_> = stub.received().into_iter().map(|got| got.target).collect();
    let objects = "encoding-type=url&list-type=2&max-keys=1000&prefix=a%20b%2F";
    let uploads = "max-uploads=1000&prefix=a";
    assert_eq!(
        targets,
        [
            format!("/bucket?{objects}"),
            format!("/bucket?continuation-token=t%2B1%3D&{objects}"),
            format!("/bucket?continuation-token=t%2B1%3D&{objects}"),
            format!("/bucket?encoding-type=url&{uploads}&uploads="),
            format!(
                "/bucket?encoding-type=url&key-marker=a%2Fb&{uploads}&upload-id-marker=u%2B1&uploads="
            ),
        ]
    );
}

#[tokio::test]
async fn a_list_that_names_the_same_place_again_ends() {
    let next = "<NextContinuationToken>t</NextContinuationToken>";
    let stub = scripted([
        answer(200, &[], &objects_page(next)),
        refusal(404, "NoSuchBucket"),
    ])
    .await;
    let store = store_at(&stub);
    let circle = store.list_objects("", Some("t")).await;
    assert!(matches!(circle, Err(StoreError::Unavailable { .. })));
    let gone = store.list_objects("", None).await.unwrap_err();
    assert!(gone.to_string().contains("create it"), "{gone}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let huge = " ".repeat(9 * 1024 * 1024);
    let stub = scripted((0..3).map(|_| answer(200, &[], &huge))).await;
    let error = store_at(&stub)
        .list_parts(&key("k"), "u")
        .await
        .unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { what } if what.contains("more than")));
}

#[tokio::test]
async fn bytes_of_another_object_or_range_are_never_taken() {
    let part = ["etag: \"e\"", "content-range: bytes 2-4/9"];
    let other = ["etag: \"f\"", "content-range: bytes 2-4/9"];
    let elsewhere = ["etag: \"e\"", "content-range: bytes 0-2/9"];
    let stub = scripted([
        answer(206, &part, "cde"),
        answer(206, &other, "cde"),
        answer(412, &[], ""),
        answer(416, &[], &error_document("InvalidRange")),
    ])
    .await;
    let store = store_at(&stub);
    let read = async || store.read(&key("k"), "\"e\"", 2, 3).await;
    assert_eq!(&read().await.unwrap()[..], b"cde");
    assert!(matches!(read().await, Err(StoreError::PreconditionFailed)));
    assert!(matches!(read().await, Err(StoreError::PreconditionFailed)));
    assert!(read().await.unwrap().is_empty());
    let first = &stub.received()[0];
    assert_eq!(first.header("range"), Some("bytes=2-4"));
    assert_eq!(first.header("if-match"), Some("\"e\""));

    for wrong in [
        answer(206, &elsewhere, "abc"),
        answer(200, &part[..1], "abc"),
    ] {
        let stub = scripted(vec![wrong; 3]).await;
        let read = store_at(&stub).read(&key("k"), "\"e\"", 2, 3).await;
        assert!(matches!(read, Err(StoreError::Unavailable { .. })));
    }
    // Storage without ranges sends everything: more than was asked for is not read.
    let stub = scripted(vec![answer(200, &part[..1], "abcdefghi"); 3]).await;
    let read = store_at(&stub).read(&key("k"), "\"e\"", 0, 3).await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })));
}

#[tokio::test]
async fn a28_no_error_shows_a_signature_a_token_or_an_address() {
    let echo = "GET /bucket/k?X-Amz-Signature=0123abcd&amp;X-Amz-Security-Token=a-token";
    let body = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><Message>{echo}</Message><StringToSign>0123abcd</StringToSign></Error>"
    );
    let stub = scripted([
        answer(403, &[], &body),
        Reply::Reset,
        Reply::Reset,
        Reply::Reset,
    ])
    .await;
    let store = store(S3Settings {
        credentials: Credentials::new("AKID", SECRET).with_session_token("a-token"),
        ..settings(&stub.url)
    });
    let refused = store.delete(&key("k")).await.unwrap_err();
    assert!(refused.to_string().contains("[redacted]"), "{refused}");
    let reset = store.delete(&key("secret-key-name")).await.unwrap_err();
    let host = stub.url.trim_start_matches("http://");
    for error in [refused, reset] {
        let text = format!("{error} {error:?} {store:?}");
        for secret in ["0123abcd", "a-token", SECRET, "secret-key-name"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(!error.to_string().contains(host), "{error}");
    }
    let request = &stub.received()[0];
    assert_eq!(request.header("x-amz-security-token"), Some("a-token"));
}

async fn scripted(replies: impl IntoIterator<Item = Reply>) -> Stub {
    Stub::start(replies).await
}

fn store_at(stub: &Stub) -> S3Store {
    store(settings(&stub.url))
}

async fn copy(store: &S3Store) -> Result<(), StoreError> {
    store
        .copy(&CopyObject {
            source: &key("quarantine/a"),
            source_etag: "\"e\"",
            target: &key("final/a"),
            content_type: &content_type("image/png"),
        })
        .await
}

async fn create(store: &S3Store) -> Result<String, StoreError> {
    store
        .create_multipart(&CreateMultipart {
            key: &key("k"),
            content_type: &content_type("image/png"),
        })
        .await
}

async fn complete(store: &S3Store) -> Result<(), StoreError> {
    let part = StoredPart {
        number: 1,
        size: 5,
        etag: "\"p\"".to_owned(),
    };
    store.complete_multipart(&key("k"), "u", &[part]).await
}

fn page(numbers: &[u32], next: Option<&str>, truncated: bool) -> String {
    let parts: String = numbers
        .iter()
        .map(|n| {
            format!("<Part><PartNumber>{n}</PartNumber><ETag>\"{n}\"</ETag><Size>5</Size></Part>")
        })
        .collect();
    let next = next.unwrap_or_default();
    format!(
        "<ListPartsResult><NextPartNumberMarker>{next}</NextPartNumberMarker>\
         <IsTruncated>{truncated}</IsTruncated>{parts}</ListPartsResult>"
    )
}

fn objects_page(rest: &str) -> String {
    let truncated = if rest.contains("IsTruncated") {
        ""
    } else {
        "<IsTruncated>true</IsTruncated>"
    };
    format!("<ListBucketResult>{truncated}{rest}</ListBucketResult>")
}
