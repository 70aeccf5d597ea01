use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use valetkey_embedded::{
    AccessKey, CorsRules, EmbeddedStore, Fault, FaultPlan, FaultRule, Faults, Feature,
    JournalPlace, Options,
};

use crate::support::*;

/// A store with faults, which are chosen later.
struct Trouble {
    store: EmbeddedStore,
    address: SocketAddr,
    folder: TempDir,
}

impl Trouble {
    async fn new() -> Self {
        Self::with(JournalPlace::None).await
    }

    async fn with(journal: JournalPlace) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults {
            journal,
            rules: Vec::new(),
        };
        let store = EmbeddedStore::open_with_faults(options(&folder), faults).unwrap();
        let (address, _) = serve(store.service()).await;
        Self {
            store,
            address,
            folder,
        }
    }

    fn plan(&self) -> &FaultPlan {
        self.store.faults().unwrap()
    }

    fn rule(&self, rule: FaultRule) {
        self.plan().set_rules(vec![rule]);
    }

    fn lacks(&self, feature: Feature) {
        let features = vec![feature];
        self.rule(Fault::Lacks { features }.into());
    }

    fn calm(&self) {
        self.plan().set_rules(Vec::new());
    }

    fn object(&self, method: &str, key: &str) -> Call {
        Call::new(self.address, method, &format!("/{BUCKET}/{key}"))
    }

    fn list(&self) -> Call {
        Call::new(self.address, "GET", &format!("/{BUCKET}")).query("list-type", 2)
    }

    async fn put(&self, key: &str, body: impl AsRef<[u8]>) -> Reply {
        self.object("PUT", key).body(body).send().await
    }

    async fn get(&self, key: &str) -> Reply {
        self.object("GET", key).send().await
    }

    /// An upload with one part; its id and the body that completes it.
    async fn upload(&self, key: &str, part: &[u8]) -> (String, String) {
        let start = self.object("POST", key).query("uploads", "").send().await;
        let id = start.expect_status(200).tag("UploadId").unwrap();
        let put = self.object("PUT", key).query("partNumber", 1);
        let put = put.query("uploadId", &id).body(part).send().await;
        let etag = put.expect_status(200).etag();
        let parts = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        (id, parts)
    }

    async fn complete(&self, key: &str, id: &str, parts: &str) -> Reply {
        let call = self.object("POST", key).query("uploadId", id);
        call.body(parts).send().await
    }
}

fn options(folder: &TempDir) -> Options {
    Options {
        data_dir: folder.path().to_owned(),
        region: REGION.to_owned(),
        access_key: AccessKey::new(KEY_ID, SECRET),
        cors: CorsRules::default(),
        buckets: vec![BUCKET.to_owned()],
        domain: None,
        clock: valetkey_embedded::system_clock(),
    }
}

fn on(operation: &str, fault: Fault) -> FaultRule {
    FaultRule {
        operation: Some(operation.to_owned()),
        ..FaultRule::from(fault)
    }
}

/// Everything that comes back before the connection ends, however it does.
async fn until_the_end(call: Call) -> Vec<u8> {
    let mut stream = call.signed_at(now()).begin().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_store_has_no_faults_unless_it_was_opened_with_them() {
    let world = World::new().await;
    assert!(world.store.faults().is_none());
}

#[tokio::test]
async fn a_delayed_request_waits_while_others_go_by() {
    let world = Trouble::new().await;
    let millis = 3_600_000;
    world.rule(FaultRule {
        key_prefix: Some("slow/".to_owned()),
        ..on("PutObject", Fault::Delay { millis })
    });
    let slow = tokio::spawn(world.object("PUT", "slow/a").body(b"x").send());
    while world.plan().struck() != [1] {
        tokio::task::yield_now().await;
    }
    world.put("fast/a", b"x").await.expect_status(200);
    world.get("slow/a").await.expect_error(404, "NoSuchKey");
    assert!(!slow.is_finished());
    slow.abort();
}

#[tokio::test]
async fn a_rule_picks_the_requests_it_befalls() {
    let world = Trouble::new().await;
    world.rule(FaultRule {
        every: Some(2),
        times: Some(2),
        ..on("PutObject", Fault::SlowDown)
    });
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(world.put("a", b"x").await.status);
        world.get("a").await.expect_status(200);
    }
    assert_eq!(statuses, [200, 503, 200, 503, 200, 200]);
    world.rule(FaultRule {
        nth: Some(2),
        ..Fault::InternalError.into()
    });
    world.get("a").await.expect_status(200);
    world.get("a").await.expect_error(500, "InternalError");
    world.get("a").await.expect_status(200);
    assert_eq!(world.plan().struck(), [1]);
    world.rule(FaultRule {
        bucket: Some("another".to_owned()),
        ..Fault::SlowDown.into()
    });
    world.get("a").await.expect_status(200);
}

#[tokio::test]
async fn a_refused_write_did_nothing() {
    let world = Trouble::new().await;
    for (fault, status, code) in [
        (Fault::SlowDown, 503, "SlowDown"),
        (Fault::InternalError, 500, "InternalError"),
    ] {
        world.rule(on("PutObject", fault));
        world
            .put("a", bytes(1, MIB))
            .await
            .expect_error(status, code);
        world.get("a").await.expect_error(404, "NoSuchKey");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_body_leaves_nothing() {
    let world = Trouble::new().await;
    world.rule(on("PutObject", Fault::ResetRequest { after: 1000 }));
    let body = bytes(2, 64 << 10);
    let answer = until_the_end(world.object("PUT", "a").body(body)).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert_eq!(world.plan().struck(), [1]);
    world.get("a").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn an_answer_breaks_after_so_many_bytes() {
    let world = Trouble::new().await;
    let body = bytes(3, MIB);
    world.put("a", &body).await.expect_status(200);
    world.rule(on("GetObject", Fault::ResetResponse { after: 5000 }));
    let answer = until_the_end(world.object("GET", "a")).await;
    let reply = Reply::parse(&answer);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-length"), Some("1048576"));
    assert!(reply.body == body[..5000], "{} bytes", reply.body.len());
}

#[tokio::test]
async fn what_was_applied_is_durable_though_nobody_was_told() {
    let world = Trouble::new().await;
    let (id, parts) = world.upload("c", b"part").await;
    let source = format!("/{BUCKET}/a");
    world.rule(Fault::AppliedThenReset.into());
    let complete = world.object("POST", "c").query("uploadId", id);
    for call in [
        world.object("PUT", "a").body(b"x"),
        world.object("PUT", "b").header("x-amz-copy-source", source),
        complete.body(parts),
    ] {
        assert!(until_the_end(call).await.is_empty());
    }
    world.calm();
    world.store.close().await;
    let world = World::on(world.folder).await;
    for (key, body) in [("a", "x"), ("b", "x"), ("c", "part")] {
        assert_eq!(world.get(key).await.expect_status(200).text(), body);
    }
}

#[tokio::test]
async fn a_success_that_is_an_error_did_nothing() {
    let world = Trouble::new().await;
    let (id, parts) = world.upload("a", b"part").await;
    world.rule(on("CompleteMultipartUpload", Fault::ErrorInOk));
    let lie = world.complete("a", &id, &parts).await;
    lie.expect_error(200, "InternalError");
    world.get("a").await.expect_error(404, "NoSuchKey");
    world.calm();
    let complete = world.complete("a", &id, &parts).await;
    complete.expect_status(200);

    world.rule(on("CopyObject", Fault::ErrorInOk));
    let copy = world.object("PUT", "b");
    let copy = copy.header("x-amz-copy-source", format!("/{BUCKET}/a"));
    copy.send().await.expect_error(200, "InternalError");
    world.get("b").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn half_of_an_xml_answer_looks_whole_to_http() {
    let world = Trouble::new().await;
    world.put("a", b"x").await.expect_status(200);
    let whole = world.list().send().await.text();
    world.rule(on("ListObjectsV2", Fault::TruncatedXml));
    let half = world.list().send().await.expect_status(200);
    let length = half.body.len().to_string();
    assert_eq!(half.header("content-length"), Some(&*length));
    assert!(whole.starts_with(&half.text()) && half.body.len() == whole.len() / 2);
    world.rule(Fault::TruncatedXml.into());
    assert_eq!(world.get("a").await.text(), "x", "files are no XML");
}

#[tokio::test]
async fn a_store_whose_clock_is_wrong_tells_it_and_goes_by_it() {
    let world = Trouble::new().await;
    let hour = SignedDuration::from_hours(1);
    world.rule(Fault::SkewedClock { seconds: 3600 }.into());
    let refused = world.put("a", b"x").await;
    let date = refused.header("date").unwrap().to_owned();
    refused.expect_error(403, "RequestTimeTooSkewed");
    let told = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp();
    let ahead = told.duration_since(now());
    assert!(ahead > SignedDuration::from_mins(55) && ahead < SignedDuration::from_mins(65));

    let put = world.object("PUT", "a").body(b"x");
    let put = put.signed_at(told).exchange().await;
    put.expect_status(200);
    let get = world.object("GET", "a").presigned_at(now(), "300");
    get.exchange().await.expect_error(403, "AccessDenied");
    let get = world.object("GET", "a").presigned_at(told, "300");
    get.exchange().await.expect_status(200);

    world.rule(Fault::SkewedClock { seconds: -3600 }.into());
    world
        .get("a")
        .await
        .expect_error(403, "RequestTimeTooSkewed");
    let get = world.object("GET", "a").signed_at(now() - hour);
    get.exchange().await.expect_status(200);
    world.calm();
    world.get("a").await.expect_status(200);
    let late = world.object("GET", "a").signed_at(now() - hour);
    late.exchange()
        .await
        .expect_error(403, "RequestTimeTooSkewed");
}

#[tokio::test]
async fn a_store_can_lack_the_conditions_of_writes() {
    let world = Trouble::new().await;
    world.put("a", b"x").await.expect_status(200);
    let put = |name: &'static str, value: &'static str| {
        world
            .object("PUT", "a")
            .header(name, value)
            .body(b"y")
            .send()
    };
    put("if-none-match", "*").await.expect_status(412);
    world.lacks(Feature::IfNoneMatch);
    put("if-none-match", "*").await.expect_status(200);
    put("if-match", "\"other\"").await.expect_status(412);
    world.lacks(Feature::IfMatch);
    put("if-match", "\"other\"").await.expect_status(200);

    let copy = || {
        let call = world.object("PUT", "b");
        let call = call.header("x-amz-copy-source", format!("/{BUCKET}/a"));
        call.header("x-amz-copy-source-if-match", "\"other\"")
            .send()
    };
    copy().await.expect_status(412);
    world.lacks(Feature::CopySourceConditions);
    copy().await.expect_status(200);
}

#[tokio::test]
async fn a_store_can_lack_checks_of_what_arrives() {
    let world = Trouble::new().await;
    let wrong_crc = crc64_base64(b"something else");
    let wrong_md5 = base64(&[0; 16]);
    let with_crc = || {
        let call = world.object("PUT", "a").body(b"x");
        call.header("x-amz-checksum-crc64nvme", &wrong_crc).send()
    };
    let with_md5 = || {
        let call = world.object("PUT", "a").body(b"x");
        call.header("content-md5", &wrong_md5).send()
    };
    with_crc().await.expect_error(400, "BadDigest");
    with_md5().await.expect_error(400, "BadDigest");
    world.lacks(Feature::ChecksumChecks);
    with_crc().await.expect_status(200);
    with_md5().await.expect_error(400, "BadDigest");
    world.lacks(Feature::ContentMd5);
    with_md5().await.expect_status(200);
    with_crc().await.expect_error(400, "BadDigest");
}

#[tokio::test]
async fn a_store_can_keep_its_checksums_to_itself() {
    let world = Trouble::new().await;
    let told = world.put("a", b"x").await;
    assert!(told.header("x-amz-checksum-crc64nvme").is_some());
    let (id, parts) = world.upload("b", b"part").await;
    world.lacks(Feature::ChecksumReports);
    let put = world.put("a", b"x").await.expect_status(200);
    assert_eq!(put.header("x-amz-checksum-crc64nvme"), None);
    let head = world.object("HEAD", "a");
    let head = head.header("x-amz-checksum-mode", "ENABLED").send().await;
    let head = head.expect_status(200);
    assert_eq!(head.header("x-amz-checksum-crc64nvme"), None);
    assert_eq!(head.header("x-amz-checksum-type"), None);
    let complete = world.complete("b", &id, &parts).await.expect_status(200);
    assert!(!complete.text().contains("Checksum"));
    assert!(complete.tag("ETag").is_some());
}

#[tokio::test]
async fn a_store_can_take_headers_nobody_signed() {
    let world = Trouble::new().await;
    let put = || {
        let call = world.object("PUT", "a").body(b"x").presigned();
        call.unsigned_header("x-amz-meta-slipped", "in").exchange()
    };
    put().await.expect_error(403, "AccessDenied");
    world.lacks(Feature::SignedHeaders);
    put().await.expect_status(200);
    let head = world.object("HEAD", "a").send().await;
    assert_eq!(head.header("x-amz-meta-slipped"), Some("in"));
}

#[tokio::test]
async fn a_store_can_take_another_length_than_was_signed() {
    let world = Trouble::new().await;
    let presigned = |signed: &str| {
        let call = world.object("PUT", "a").header("content-length", signed);
        let call = call.presigned().without_header("content-length");
        call.body(b"longer than signed").exchange()
    };
    let refused = presigned("3").await;
    refused.expect_error(403, "SignatureDoesNotMatch");
    world.lacks(Feature::SignedLength);
    presigned("3").await.expect_status(200);
    assert_eq!(world.get("a").await.text(), "longer than signed");
    let other = world.object("PUT", "a").body(b"x").secret("another secret");
    let other = other.send().await;
    other.expect_error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn the_journal_tells_every_version_and_part_that_was_accepted() {
    let world = Trouble::with(JournalPlace::Memory).await;
    world.put("a", b"one").await.expect_status(200);
    world.put("a", b"two").await.expect_status(200);
    let sha256 = world.object("PUT", "s").body(b"three");
    let sha256 = sha256.header("x-amz-checksum-sha256", sha256_base64(b"three"));
    sha256.send().await.expect_status(200);
    let bad = world
        .object("PUT", "a")
        .header("content-md5", base64(&[0; 16]));
    bad.body(b"bad").send().await.expect_status(400);
    world.put("empty", b"").await.expect_status(200);
    let copy = world.object("PUT", "b");
    let copy = copy.header("x-amz-copy-source", format!("/{BUCKET}/s"));
    copy.send().await.expect_status(200);
    let (id, parts) = world.upload("m", b"part").await;
    world.complete("m", &id, &parts).await.expect_status(200);

    let journal = world.plan().journal().unwrap();
    let told: Vec<_> = journal
        .iter()
        .map(|entry| {
            let crc: &str = &entry.crc64nvme;
            (&*entry.operation, &*entry.key, entry.part, entry.size, crc)
        })
        .collect();
    let crc = |body: &[u8]| crc64_base64(body);
    assert_eq!(
        told,
        [
            ("PutObject", "a", None, 3, &*crc(b"one")),
            ("PutObject", "a", None, 3, &*crc(b"two")),
            ("PutObject", "s", None, 5, &*crc(b"three")),
            ("PutObject", "empty", None, 0, &*crc(b"")),
            ("CopyObject", "b", None, 5, &*crc(b"three")),
            ("UploadPart", "m", Some(1), 4, &*crc(b"part")),
            ("CompleteMultipartUpload", "m", None, 4, &*crc(b"part")),
        ]
    );
    assert_eq!(journal[1].etag, md5_hex(b"two"));
    assert_eq!(journal[0].bucket, BUCKET);
    assert!(now().duration_since(journal[0].at) < SignedDuration::from_mins(5));
    assert!(journal[0].at > Timestamp::UNIX_EPOCH);
}

#[tokio::test]
async fn a_journal_in_a_file_goes_on_over_a_restart_and_holds_what_nobody_was_told() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("journal");
    let world = Trouble::with(JournalPlace::File(path.clone())).await;
    world.rule(Fault::AppliedThenReset.into());
    until_the_end(world.object("PUT", "a").body(b"x")).await;
    world.store.close().await;
    let faults = Faults {
        journal: JournalPlace::File(path),
        rules: Vec::new(),
    };
    let store = EmbeddedStore::open_with_faults(options(&world.folder), faults).unwrap();
    let (address, _) = serve(store.service()).await;
    let put = Call::new(address, "PUT", &format!("/{BUCKET}/b")).body(b"y");
    put.send().await.expect_status(200);
    let journal = store.faults().unwrap().journal().unwrap();
    let keys: Vec<_> = journal.iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["a", "b"]);
}
