use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use valetkey_embedded::{AccessKey, CorsRules, EmbeddedStore, Options};

use crate::support::*;

/// A store whose days go by when the test says so. Header signatures are measured by the machine's clock.
struct Calendar {
    store: EmbeddedStore,
    address: SocketAddr,
    now: Arc<Mutex<Timestamp>>,
    folder: TempDir,
}

impl Calendar {
    async fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), "2026-03-01T10:30:00Z").await
    }

    async fn on(folder: TempDir, now: &str) -> Self {
        let now = Arc::new(Mutex::new(now.parse::<Timestamp>().unwrap()));
        let clock = Arc::clone(&now);
        let store = EmbeddedStore::open(Options {
            data_dir: folder.path().to_owned(),
            region: REGION.to_owned(),
            access_key: AccessKey::new(KEY_ID, SECRET),
            cors: CorsRules::default(),
            buckets: vec![BUCKET.to_owned(), "other".to_owned()],
            domain: None,
            clock: Arc::new(move || *clock.lock().unwrap()),
        })
        .unwrap();
        let (address, _) = serve(store.service()).await;
        Self {
            store,
            address,
            now,
            folder,
        }
    }

    /// Lets days go by and sweeps.
    async fn days_later(&self, days: i64) {
        *self.now.lock().unwrap() += SignedDuration::from_hours(24 * days);
        assert!(self.store.sweep().await.finished);
    }

    fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    async fn put(&self, key: &str, body: &[u8]) {
        let call = self.call("PUT", &format!("/{BUCKET}/{key}")).body(body);
        call.send().await.expect_status(200);
    }

    async fn put_tagged(&self, key: &str, tags: &str) {
        let call = self.call("PUT", &format!("/{BUCKET}/{key}"));
        let call = call.header("x-amz-tagging", tags).body(b"x");
        call.send().await.expect_status(200);
    }

    async fn start_upload(&self, key: &str) -> String {
        let call = self.call("POST", &format!("/{BUCKET}/{key}"));
        let reply = call.query("uploads", "").send().await;
        let id = reply.expect_status(200).tag("UploadId").unwrap();
        let part = self.call("PUT", &format!("/{BUCKET}/{key}"));
        let part = part.query("partNumber", 1).query("uploadId", &id);
        part.body(b"part").send().await.expect_status(200);
        id
    }

    async fn rules(&self, rules: &str) -> Reply {
        let rules = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        let call = self.call("PUT", &format!("/{BUCKET}"));
        call.query("lifecycle", "").body(rules).send().await
    }

    async fn keys(&self) -> Vec<String> {
        let call = self.call("GET", &format!("/{BUCKET}"));
        call.query("list-type", 2).send().await.tags("Key")
    }

    async fn uploads(&self) -> Vec<String> {
        let call = self.call("GET", &format!("/{BUCKET}"));
        call.query("uploads", "").send().await.tags("Key")
    }

    fn blobs(&self) -> usize {
        let shards = std::fs::read_dir(self.folder.path().join("blobs")).unwrap();
        shards
            .map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count())
            .sum()
    }
}

fn rule(inner: &str) -> String {
    format!("<Rule><Status>Enabled</Status>{inner}</Rule>")
}

#[tokio::test]
async fn objects_under_the_prefix_go_at_the_midnight_after_their_days() {
    let world = Calendar::new().await;
    for key in ["log/a", "log/b", "logbook", "keep"] {
        world.put(key, b"x").await;
    }
    world
        .rules(&rule(
            "<Filter><Prefix>log/</Prefix></Filter><Expiration><Days>3</Days></Expiration>",
        ))
        .await
        .expect_status(200);
    world.days_later(3).await;
    assert_eq!(world.keys().await.len(), 4, "the third day is not over");
    world.put("log/b", b"written again").await;
    world.days_later(1).await;
    assert_eq!(world.keys().await, ["keep", "log/b", "logbook"]);
    world.days_later(3).await;
    assert_eq!(world.keys().await, ["keep", "logbook"]);
    world.store.close().await;
    assert_eq!(world.blobs(), 2, "their bytes are gone too");
}

#[tokio::test]
async fn a_date_takes_everything_from_then_on() {
    let world = Calendar::new().await;
    world.put("a", b"x").await;
    world
        .rules(&rule(
            "<Filter/><Expiration><Date>2026-03-03T00:00:00Z</Date></Expiration>",
        ))
        .await
        .expect_status(200);
    world.days_later(1).await;
    assert_eq!(world.keys().await, ["a"]);
    world.days_later(1).await;
    assert!(world.keys().await.is_empty());
    world.put("b", b"x").await;
    world.days_later(1).await;
    assert!(world.keys().await.is_empty());
}

#[tokio::test]
async fn tags_and_sizes_narrow_a_rule_and_all_of_them_count() {
    let world = Calendar::new().await;
    world.put_tagged("t/both", "kind=tmp&team=a").await;
    world.put_tagged("t/one", "kind=tmp").await;
    world.put_tagged("elsewhere", "kind=tmp&team=a").await;
    for (key, size) in [("s/10", 10), ("s/11", 11), ("s/19", 19), ("s/20", 20)] {
        world.put(key, &vec![0; size]).await;
    }
    let tag =
        |name: &str, value: &str| format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>");
    let and = |inner: &str| {
        format!("<Filter><And>{inner}</And></Filter><Expiration><Days>1</Days></Expiration>")
    };
    let tagged = and(&format!(
        "<Prefix>t/</Prefix>{}{}",
        tag("kind", "tmp"),
        tag("team", "a")
    ));
    let sized = and(
        "<Prefix>s/</Prefix><ObjectSizeGreaterThan>10</ObjectSizeGreaterThan><ObjectSizeLessThan>20</ObjectSizeLessThan>",
    );
    let rules = format!("{}{}", rule(&tagged), rule(&sized));
    world.rules(&rules).await.expect_status(200);
    world.days_later(2).await;
    assert_eq!(world.keys().await, ["elsewhere", "s/10", "s/20", "t/one"]);
}

#[tokio::test]
async fn uploads_nobody_completes_are_aborted_with_their_parts() {
    let world = Calendar::new().await;
    let old = world.start_upload("in/old").await;
    world.start_upload("out/old").await;
    world
        .rules(&rule(
            "<Filter><Prefix>in/</Prefix></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
        ))
        .await
        .expect_status(200);
    world.days_later(1).await;
    world.start_upload("in/young").await;
    world.days_later(1).await;
    assert_eq!(world.uploads().await, ["in/young", "out/old"]);
    let part = world.call("PUT", &format!("/{BUCKET}/in/old"));
    let part = part.query("partNumber", 2).query("uploadId", old);
    part.body(b"x")
        .send()
        .await
        .expect_error(404, "NoSuchUpload");
    world.store.close().await;
    assert_eq!(world.blobs(), 2);
}

#[tokio::test]
async fn more_than_one_page_is_swept_and_other_buckets_are_left_alone() {
    let world = Calendar::new().await;
    let other = world.call("PUT", "/other/p/x").body(b"x");
    other.send().await.expect_status(200);
    for batch in 0..25 {
        let puts = (0..100).map(|i| {
            let key = format!("p/{batch:02}-{i:02}");
            let call = world.call("PUT", &format!("/{BUCKET}/{key}"));
            call.send()
        });
        futures_util::future::join_all(puts).await;
    }
    world
        .rules(&rule(
            "<Filter><Prefix>p/</Prefix></Filter><Expiration><Days>1</Days></Expiration>",
        ))
        .await
        .expect_status(200);
    *world.now.lock().unwrap() += SignedDuration::from_hours(48);
    let swept = world.store.sweep().await;
    assert_eq!((swept.objects, swept.finished), (2500, true));
    assert!(world.keys().await.is_empty());
    let kept = world.call("GET", "/other/p/x").send().await;
    kept.expect_status(200);
}

#[tokio::test]
async fn a_store_sweeps_when_it_is_opened() {
    let world = Calendar::new().await;
    world.put("a", b"x").await;
    world
        .rules(&rule(
            "<Prefix></Prefix><Expiration><Days>1</Days></Expiration>",
        ))
        .await
        .expect_status(200);
    world.store.close().await;
    let world = Calendar::on(world.folder, "2026-03-05T00:00:00Z").await;
    // The thread of the store does it; nobody asked.
    let swept = async {
        while !world.keys().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let deadline = std::time::Duration::from_secs(60);
    tokio::time::timeout(deadline, swept).await.unwrap();
}

#[tokio::test]
async fn a_disabled_rule_does_nothing_and_a_deleted_one_is_gone() {
    let world = Calendar::new().await;
    world.put("a", b"x").await;
    let disabled = "<Rule><ID>off</ID><Status>Disabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>";
    world.rules(disabled).await.expect_status(200);
    world.days_later(9).await;
    assert_eq!(world.keys().await, ["a"]);
    let lifecycle = |method| {
        let call = world.call(method, &format!("/{BUCKET}"));
        call.query("lifecycle", "").send()
    };
    let got = lifecycle("GET").await.expect_status(200);
    assert_eq!(got.tag("ID").as_deref(), Some("off"));
    assert_eq!(got.tag("Status").as_deref(), Some("Disabled"));
    assert_eq!(got.tag("Days").as_deref(), Some("1"));
    lifecycle("DELETE").await.expect_status(204);
    lifecycle("GET")
        .await
        .expect_error(404, "NoSuchLifecycleConfiguration");
}

#[tokio::test]
async fn what_is_not_done_is_refused_and_the_rules_stay_as_they_were() {
    let world = Calendar::new().await;
    let good = rule("<ID>good</ID><Filter/><Expiration><Days>1</Days></Expiration>");
    world.rules(&good).await.expect_status(200);
    let days = "<Expiration><Days>1</Days></Expiration>";
    let transition = "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>";
    let noncurrent = "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>";
    let abort = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    let tag = "<Tag><Key>a</Key><Value>b</Value></Tag>";
    for (inner, status, code) in [
        (format!("<Filter/>{transition}"), 501, "NotImplemented"),
        (format!("<Filter/>{noncurrent}"), 501, "NotImplemented"),
        ("<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>".to_owned(), 501, "NotImplemented"),
        ("<Filter/>".to_owned(), 400, "InvalidRequest"),
        (format!("<Filter>{tag}</Filter>{abort}"), 400, "InvalidRequest"),
        (format!("<Filter><ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>{abort}"), 400, "InvalidRequest"),
        ("<Filter/><Expiration><Days>0</Days></Expiration>".to_owned(), 400, "InvalidArgument"),
        ("<Filter/><Expiration><Date>2026-03-03T01:00:00Z</Date></Expiration>".to_owned(), 400, "InvalidArgument"),
        ("<Filter/><Expiration/>".to_owned(), 400, "MalformedXML"),
        (days.to_owned(), 400, "MalformedXML"),
        (format!("<Filter/><Prefix>a</Prefix>{days}"), 400, "MalformedXML"),
        (format!("<Filter><Prefix>a</Prefix>{tag}</Filter>{days}"), 400, "MalformedXML"),
        (format!("<Filter/>{days}<Surprise/>"), 400, "MalformedXML"),
    ] {
        let refused = world.rules(&rule(&inner)).await;
        refused.expect_error(status, code);
    }
    let twice = rule(&format!("<ID>x</ID><Filter/>{days}")).repeat(2);
    world
        .rules(&twice)
        .await
        .expect_error(400, "InvalidRequest");
    let unclear = format!("<Rule><Status>Perhaps</Status><Filter/>{days}</Rule>");
    world
        .rules(&unclear)
        .await
        .expect_error(400, "MalformedXML");
    let got = world.call("GET", &format!("/{BUCKET}"));
    let got = got.query("lifecycle", "").send().await;
    assert_eq!(got.tags("ID"), ["good"]);
}

#[tokio::test]
async fn filters_are_given_back_in_the_form_they_came_in() {
    let world = Calendar::new().await;
    let days = "<Expiration><Days>1</Days></Expiration>";
    let date = "<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>";
    let old = rule(&format!("<ID>old</ID><Prefix>o/</Prefix>{days}"));
    let one = rule(&format!(
        "<ID>one</ID><Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>{days}"
    ));
    let and = rule(&format!(
        "<ID>and</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>{date}"
    ));
    let rules = format!("{old}{one}{and}");
    world.rules(&rules).await.expect_status(200);
    let got = world.call("GET", &format!("/{BUCKET}"));
    let got = got.query("lifecycle", "").send().await.expect_status(200);
    let [old, one, and] = got.tags("Rule").try_into().unwrap();
    assert!(
        old.contains("<Prefix>o/</Prefix>") && !old.contains("<Filter>"),
        "{old}"
    );
    assert!(one.contains("<Filter><ObjectSizeGreaterThan>5<"), "{one}");
    assert!(
        and.contains("<Filter><And>") && and.contains("<Key>k</Key>"),
        "{and}"
    );
    assert!(and.contains("<Date>2030-01-01T00:00:00"), "{and}");
}
