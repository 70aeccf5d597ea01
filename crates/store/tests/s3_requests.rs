//! What we sign for clients, what we send ourselves, and where both go.

mod support;

use std::sync::Arc;
use std::time::Duration;
use support::stub::{Stub, answer, head_answer};
use support::{Fixed, content_type, instant, key, settings, store};
use valetkey_protocol::{Algorithm, Checksum, PresignedRequest};
use valetkey_store::s3::{AddressingStyle, AtRest, Credentials, Encryption, S3Settings, S3Store};
use valetkey_store::{
    CopyObject, CreateMultipart, GetGrant, ObjectStore, PartGrant, PutGrant, StoreError,
    StoredPart, Validity,
};

const CREATED: &str =
    "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>";

#[test]
fn a_put_signs_everything_that_matters() {
    let store = store(settings("https://s3.example"));
    let key = key("quarantine/a");
    let content_type = content_type("image/png");
    let put = |checksum: Option<Checksum>| {
        let grant = PutGrant {
            key: &key,
            size: Some(12),
            content_type: Some(&content_type),
            checksum: checksum.as_ref(),
        };
        store.presign_put(&grant, validity(900)).unwrap()
    };
    for (checksum, name, value) in [
        (Checksum::Crc64Nvme(1), "crc64nvme", "AAAAAAAAAAE="),
        (Checksum::Crc32c(1), "crc32c", "AAAAAQ=="),
        (
            Checksum::Sha256([0; 32]),
            "sha256",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
    ] {
        let request = put(Some(checksum));
        let name = format!("x-amz-checksum-{name}");
        assert_eq!(
            signed_headers(&request),
            format!("content-length;content-type;host;if-none-match;{name}")
        );
        let sent: Vec<_> = request.headers.iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("content-type", "image/png"),
            pair("if-none-match", "*"),
            pair(&name, value),
        ];
        assert_eq!(
            sent,
            expected.iter().map(|(n, v)| (n, v)).collect::<Vec<_>>()
        );
    }
    let plain = put(None);
    assert_eq!(
        signed_headers(&plain),
        "content-length;content-type;host;if-none-match"
    );
    assert_eq!(plain.method.as_str(), "PUT");
    assert_eq!(plain.expires_at.to_string(), "2026-03-01T12:15:00Z");
    assert!(plain.url.expose().contains("&X-Amz-Expires=900&"));
    assert_eq!(plain, put(None));
}

#[test]
fn a_put_of_any_size_signs_nothing_that_a_client_of_old_would_not_send() {
    let store = store(settings("https://s3.example"));
    let (key, png) = (key("quarantine/a"), content_type("image/png"));
    for (content_type, signed) in [(Some(&png), "content-type;host"), (None, "host")] {
        let grant = PutGrant {
            key: &key,
            size: None,
            content_type,
            checksum: None,
        };
        let request = store.presign_put(&grant, validity(900)).unwrap();
        assert_eq!(signed_headers(&request), signed);
        assert_eq!(request.headers.len(), usize::from(content_type.is_some()));
    }
}

#[test]
fn what_is_promised_is_what_storage_counts_from() {
    let late = jiff::SignedDuration::from_millis(999);
    let valid = Validity {
        now: instant() + late,
        seconds: 900,
    };
    let key = key("files/a");
    let get = GetGrant {
        key: &key,
        content_type: "text/plain",
        content_disposition: "attachment",
    };
    let request = store(settings("https://s3.example"))
        .presign_get(&get, valid)
        .unwrap();
    assert_eq!(request.expires_at.to_string(), "2026-03-01T12:15:00Z");
}

#[test]
fn a30_nothing_signed_outlives_the_credentials_it_was_signed_with() {
    let until = |seconds: i64| {
        let end = instant() + jiff::SignedDuration::from_secs(seconds);
        let store = store(S3Settings {
            credentials_end: Some(end),
            ..settings("https://s3.example")
        });
        let key = key("files/a");
        let part = PartGrant {
            number: 1,
            size: 1,
            checksum: None,
        };
        let parts = store.presign_parts(&key, "u", &[part], validity(900));
        let get = GetGrant {
            key: &key,
            content_type: "text/plain",
            content_disposition: "attachment",
        };
        assert_eq!(
            store.presign_head(&get, validity(900)).is_ok(),
            seconds > 60
        );
        (parts, store.presign_get(&get, validity(900)))
    };
    for (left, held) in [(90, 30), (61, 1), (959, 899), (960, 900), (100_000, 900)] {
        let (parts, get) = until(left);
        for request in [parts.unwrap().remove(0), get.unwrap()] {
            let expires = format!("&X-Amz-Expires={held}&");
            assert!(request.url.expose().contains(&expires), "{left}");
            let ends = request.expires_at.duration_since(instant());
            assert_eq!(ends.as_secs(), held, "{left}");
        }
    }
    for left in [60, 0, -5] {
        let (parts, get) = until(left);
        let unavailable = |error| matches!(error, StoreError::Unavailable { .. });
        assert!(
            unavailable(parts.unwrap_err()) && unavailable(get.unwrap_err()),
            "{left}"
        );
    }
}

#[test]
fn every_part_signs_its_own_number_length_and_checksum() {
    let store = store(settings("https://s3.example"));
    let part = |number, checksum| PartGrant {
        number,
        size: 8,
        checksum,
    };
    let parts = [part(2, None), part(10, Some(Checksum::Crc32c(1)))];
    let signed = store.presign_parts(&key("k"), "u+1", &parts, validity(60));
    let signed = signed.unwrap();
    assert!(
        signed[0]
            .url
            .expose()
            .contains("&partNumber=2&uploadId=u%2B1")
    );
    assert!(
        signed[1]
            .url
            .expose()
            .contains("&partNumber=10&uploadId=u%2B1")
    );
    assert_eq!(signed_headers(&signed[0]), "content-length;host");
    assert!(signed[0].headers.is_empty());
    assert_eq!(
        signed_headers(&signed[1]),
        "content-length;host;x-amz-checksum-crc32c"
    );
    assert_eq!(signed[1].headers["x-amz-checksum-crc32c"], "AAAAAQ==");
}

#[test]
fn a_get_signs_the_headers_it_shall_be_answered_with() {
    let store = store(settings("https://s3.example"));
    let grant = GetGrant {
        key: &key("k"),
        content_type: "image/png",
        content_disposition: "attachment; filename=\"a b\"",
    };
    let request = store.presign_get(&grant, validity(60)).unwrap();
    let url = request.url.expose();
    assert!(url.contains("response-content-type=image%2Fpng"), "{url}");
    assert!(url.contains("response-content-disposition=attachment%3B%20filename%3D%22a%20b%22"));
    assert!(!url.contains("cache-control"));
    assert_eq!(request.method.as_str(), "GET");
    assert_eq!(signed_headers(&request), "host");
    assert!(request.headers.is_empty());
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let store = store(settings("https://s3.example"));
    let grant = GetGrant {
        key: &key("k"),
        content_type: "image/png",
        content_disposition: "inline",
    };
    for seconds in [0, 604_801] {
        let signed = store.presign_get(&grant, validity(seconds));
        assert!(matches!(signed, Err(StoreError::Unsignable { .. })));
    }
    // Without its upload id a part would be a whole object.
    let signed = store.presign_parts(&key("k"), "", &[], validity(60));
    assert!(matches!(signed, Err(StoreError::Unsignable { .. })));
}

#[tokio::test]
async fn clients_get_the_public_address_and_our_calls_go_to_the_inner_one() {
    let stub = Stub::start([head_answer(200, 0, &[])]).await;
    let store = store(S3Settings {
        public_endpoint: Some("https://files.example:8443".to_owned()),
        ..settings(&stub.url)
    });
    let grant = GetGrant {
        key: &key("k"),
        content_type: "image/png",
        content_disposition: "inline",
    };
    let request = store.presign_get(&grant, validity(60)).unwrap();
    assert!(
        request
            .url
            .expose()
            .starts_with("https://files.example:8443/bucket/k?")
    );
    store.ping().await.unwrap();
    let host = stub.url.trim_start_matches("http://");
    let got = &stub.received()[0];
    assert_eq!(got.header("host"), Some(host));
    assert_eq!(
        (got.method.as_str(), got.target.as_str()),
        ("HEAD", "/bucket")
    );
}

#[tokio::test]
async fn a_copy_names_its_source_its_condition_and_its_own_metadata() {
    let stub = Stub::start([answer(200, &[], "<CopyObjectResult/>")]).await;
    let store = store(settings(&stub.url));
    let copy = CopyObject {
        source: &key("quarantine/a_b.c-d"),
        source_etag: "\"e\"",
        target: &key("final/a"),
        content_type: &content_type("image/png"),
    };
    store.copy(&copy).await.unwrap();
    let got = &stub.received()[0];
    assert_eq!(
        (got.method.as_str(), got.target.as_str()),
        ("PUT", "/bucket/final/a")
    );
    for (name, value) in [
        ("x-amz-copy-source", "/bucket/quarantine/a_b.c-d"),
        ("x-amz-copy-source-if-match", "\"e\""),
        ("x-amz-metadata-directive", "REPLACE"),
        ("content-type", "image/png"),
        ("content-length", "0"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    assert_eq!(got.header("content-encoding"), None);
}

#[tokio::test]
async fn a_multipart_upload_asks_for_a_checksum_of_the_whole_where_there_is_one() {
    let done = "<CompleteMultipartUploadResult/>";
    for algorithm in Algorithm::ALL {
        let stub = Stub::start([answer(200, &[], CREATED), answer(200, &[], done)]).await;
        let store = store(S3Settings {
            checksum_algorithm: algorithm,
            ..settings(&stub.url)
        });
        let create = CreateMultipart {
            key: &key("k"),
            content_type: &content_type("image/png"),
        };
        assert_eq!(store.create_multipart(&create).await.unwrap(), "u&1");
        let part = StoredPart {
            number: 3,
            size: 5,
            etag: "\"p\"".to_owned(),
        };
        store
            .complete_multipart(&key("k"), "u&1", &[part])
            .await
            .unwrap();

        let [created, completed] = &stub.received()[..] else {
            panic!("two calls");
        };
        let full = algorithm == Algorithm::Crc64Nvme;
        assert_eq!(store.capabilities().full_object_checksums, full);
        assert_eq!(created.target, "/bucket/k?uploads=");
        assert_eq!(created.header("content-type"), Some("image/png"));
        let asked = created.header("x-amz-checksum-algorithm");
        assert_eq!(asked, full.then_some("CRC64NVME"));
        for call in [created, completed] {
            let kind = call.header("x-amz-checksum-type");
            assert_eq!(kind, full.then_some("FULL_OBJECT"));
        }
        assert_eq!(completed.target, "/bucket/k?uploadId=u%261");
        assert!(
            completed
                .body
                .contains("<PartNumber>3</PartNumber><ETag>\"p\"</ETag>")
        );
    }
}

/// The headers that say how an object is kept, as a request has them.
fn at_rest<'a>(header: impl Fn(&str) -> Option<&'a str>) -> [Option<&'a str>; 3] {
    [
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-storage-class",
    ]
    .map(header)
}

/// Ways to encrypt, and the headers that ask for them.
fn encryptions() -> [(Encryption, [Option<&'static str>; 2]); 4] {
    let kms = |key_id: Option<&str>| Encryption::Kms {
        key_id: key_id.map(str::to_owned),
    };
    let by_key = [Some("aws:kms"), Some("alias/files")];
    [
        (Encryption::Unasked, [None, None]),
        (Encryption::S3, [Some("AES256"), None]),
        (kms(None), [Some("aws:kms"), None]),
        (kms(Some("alias/files")), by_key),
    ]
}

fn keeping(encryption: Encryption, url: &str) -> S3Store {
    store(S3Settings {
        at_rest: AtRest {
            encryption,
            storage_class: Some("STANDARD_IA".to_owned()),
        },
        ..settings(url)
    })
}

#[test]
fn what_clients_put_is_encrypted_and_those_of_old_are_asked_for_nothing() {
    let (key, png) = (key("quarantine/a"), content_type("image/png"));
    for (encryption, [encrypted, by]) in encryptions() {
        let store = keeping(encryption, "https://s3.example");
        for (size, checksum) in [
            (Some(12), None),
            (Some(12), Some(&Checksum::Crc32c(1))),
            (None, None),
        ] {
            let grant = PutGrant {
                key: &key,
                size,
                content_type: Some(&png),
                checksum,
            };
            let put = store.presign_put(&grant, validity(60)).unwrap();
            // What lies in quarantine has no class of its own: it does not stay.
            let told = at_rest(|name| put.headers.get(name).map(String::as_str));
            match size {
                Some(_) => assert_eq!(told, [encrypted, by, None]),
                None => assert_eq!(told, [None; 3]),
            }
            let signed = signed_headers(&put);
            for name in put.headers.keys() {
                assert!(signed.split(';').any(|one| one == name), "{name}: {signed}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_we_make_says_how_it_is_kept() {
    let (key, png) = (key("k"), content_type("image/png"));
    for (encryption, [encrypted, by]) in encryptions() {
        let answers = [
            answer(200, &[], "<CopyObjectResult/>"),
            answer(200, &[], CREATED),
            answer(200, &[], ""),
        ];
        let stub = Stub::start(answers).await;
        let store = keeping(encryption, &stub.url);
        let copy = CopyObject {
            source: &key,
            source_etag: "\"e\"",
            target: &key,
            content_type: &png,
        };
        store.copy(&copy).await.unwrap();
        let create = CreateMultipart {
            key: &key,
            content_type: &png,
        };
        store.create_multipart(&create).await.unwrap();
        store.put_empty(&key).await.unwrap();
        let calls = stub.received();
        assert_eq!(calls.len(), 3);
        let class = Some("STANDARD_IA");
        for (call, class) in calls.iter().zip([class, class, None]) {
            assert_eq!(at_rest(|name| call.header(name)), [encrypted, by, class]);
            let signed = call.header("authorization").unwrap();
            assert_eq!(
                signed.contains("x-amz-server-side-encryption"),
                encrypted.is_some()
            );
        }
    }
}

#[tokio::test]
async fn a31_every_call_of_ours_names_the_owner_and_no_clients_does() {
    let stub = Stub::start([head_answer(200, 0, &[]), answer(204, &[], "")]).await;
    let store = store(S3Settings {
        expected_bucket_owner: Some("123456789012".to_owned()),
        ..settings(&stub.url)
    });
    store.ping().await.unwrap();
    store.delete(&key("k")).await.unwrap();
    for got in stub.received() {
        let owner = got.header("x-amz-expected-bucket-owner");
        assert_eq!(owner, Some("123456789012"));
        let authorization = got.header("authorization").unwrap();
        assert!(authorization.contains("x-amz-expected-bucket-owner"));
    }
    let signed = store.presign_parts(
        &key("k"),
        "u",
        &[PartGrant {
            number: 1,
            size: 1,
            checksum: None,
        }],
        validity(60),
    );
    assert!(!signed.unwrap()[0].url.expose().contains("owner"));
}

#[test]
fn settings_that_do_not_fit_are_named() {
    type Break = fn(&mut S3Settings);
    let wrong: [(Break, &str); 8] = [
        (|s| s.endpoint = "ftp://x".to_owned(), "endpoint:"),
        (
            |s| s.public_endpoint = Some("https://u:hunter2@x".to_owned()),
            "public_endpoint:",
        ),
        (|s| s.region = "eu/1".to_owned(), "region"),
        (|s| s.bucket = "a/b".to_owned(), "bucket"),
        (|s| s.credentials = Credentials::new("AKID", ""), "secret"),
        (
            |s| s.expected_bucket_owner = Some(String::new()),
            "expected_bucket_owner",
        ),
        (|s| s.timeouts.call = Duration::ZERO, "timeout"),
        (
            |s| s.addressing = AddressingStyle::VirtualHost,
            "path style",
        ),
    ];
    for (break_one, named) in wrong {
        let mut settings = settings("https://192.0.2.1");
        break_one(&mut settings);
        let refused = S3Store::new(settings, Arc::new(Fixed(instant())));
        let Err(StoreError::Settings { why }) = refused else {
            panic!("{named} is accepted");
        };
        assert!(why.contains(named) && !why.contains("hunter2"), "{why}");
    }
}

fn validity(seconds: u32) -> Validity {
    Validity {
        now: instant(),
        seconds,
    }
}

fn signed_headers(request: &PresignedRequest) -> String {
    let query = request.url.expose().split('&');
    let names = query.filter_map(|one| one.strip_prefix("X-Amz-SignedHeaders="));
    names.collect::<String>().replace("%3B", ";")
}
