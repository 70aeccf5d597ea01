//! Late uploads: of clients that say neither how many bytes they send nor when they have sent them.

use std::sync::atomic::Ordering;

use crate::support::memory::Fault;
use crate::support::{World, admin, alice, bob, code};
use valetkey_catalog::Transfer;
use valetkey_engine::{BucketRules, Error, LateGrant, LateUpload, Reading};
use valetkey_protocol::download::Download;
use valetkey_protocol::file::{FilePage, Integrity, ListFiles};
use valetkey_protocol::sweep::{Action, FindingKind};
use valetkey_protocol::upload::{SignParts, State};
use valetkey_protocol::{Code, ContentType, FileId, Filename, ObjectKey, PartNumber};

const MOST: u64 = 10;

const WAITING: (FindingKind, Action) = (FindingKind::BytesAwaited, Action::Waiting);
const COMPLETED: (FindingKind, Action) = (FindingKind::BytesAwaited, Action::Completed);
const EMPTIED: (FindingKind, Action) = (FindingKind::LeftoversOver, Action::Removed);

fn rules() -> BucketRules {
    BucketRules {
        undeclared_limit: MOST,
        principal_quota: 25,
        ..BucketRules::default()
    }
}

fn wish(content_type: Option<&str>) -> LateUpload {
    LateUpload {
        bucket: None,
        filename: Filename::parse("cat.png").unwrap(),
        content_type: content_type.map(|text| ContentType::parse(text).unwrap()),
    }
}

impl World {
    async fn late(&self) -> LateGrant {
        let wish = wish(Some("image/png"));
        let created = self.engine.create_late_upload(&alice(), wish).await;
        created.unwrap()
    }

    /// Creates a late upload and sends its bytes.
    async fn late_with(&self, bytes: &[u8]) -> LateGrant {
        let late = self.late().await;
        self.store.put_plain(late.id, bytes);
        late
    }

    async fn read(&self, late: &LateGrant) -> Result<Download, Error> {
        let (who, key) = (alice(), late.key.as_str());
        let read = self.engine.create_download_by_key(&who, None, key).await;
        read.map(|(download, seconds)| {
            assert_eq!(seconds, 900);
            download
        })
    }

    async fn listed(&self) -> Vec<FileId> {
        let (who, query) = (alice(), ListFiles::default());
        let list = self.engine.list_files_late(&who, query).await;
        let FilePage { files, .. } = list.unwrap();
        files.into_iter().map(|file| file.id).collect()
    }

    async fn swept(&self) -> Vec<(FindingKind, Action)> {
        let findings = self.engine.sweep_due().await.unwrap();
        findings.iter().map(|one| (one.kind, one.action)).collect()
    }

    async fn reserved_and_stored(&self) -> (u64, u64) {
        let usage = self.engine.get_usage(&alice()).await.unwrap();
        let yours = &usage.buckets[0].yours;
        (yours.reserved_bytes, yours.stored_bytes)
    }

    async fn state(&self, id: FileId) -> State {
        self.catalog.find(id).await.unwrap().unwrap().state
    }
}

#[tokio::test]
async fn creating_one_makes_no_call_to_storage_and_signs_no_size() {
    let world = World::with_rules(rules());
    let late = world.late().await;
    let url = late.request.url.expose();
    assert!(url.contains("size=None"), "{url}");
    assert_eq!(late.public_name, format!("{}.png", late.id));
    assert_eq!(
        late.key.as_str(),
        format!("files/alice/{}/cat.png", late.id)
    );
    assert_eq!(world.store.calls.load(Ordering::SeqCst), 0);
    // Fresh requests within its session have none either, however large it may become.
    let sign = SignParts {
        part_numbers: vec![PartNumber::new(1).unwrap()],
        checksums: Default::default(),
        expires_in: None,
    };
    let signed = world.engine.sign_parts(&alice(), late.id, sign).await;
    let part = signed.unwrap().parts.remove(0);
    assert!(part.request.url.expose().contains("size=None"));
    let large = World::new();
    let late = large.late().await;
    let record = large.catalog.find(late.id).await.unwrap().unwrap();
    assert_eq!(record.upload.transfer, Transfer::Single);
    assert_eq!(record.upload.size, 5 << 30);
}

#[tokio::test]
async fn the_most_is_reserved_and_what_there_is_is_stored() {
    let world = World::with_rules(rules());
    let [first, second] = [world.late().await, world.late().await];
    assert_eq!(world.reserved_and_stored().await, (20, 0));
    let third = world.engine.create_late_upload(&alice(), wish(None)).await;
    assert_eq!(code(third), Code::QuotaExceeded);
    world.store.put_plain(first.id, b"hello");
    world.read(&first).await.unwrap();
    assert_eq!(world.reserved_and_stored().await, (10, 5));
    let file = world.engine.get_file(&alice(), first.id).await.unwrap();
    assert_eq!((file.size, file.integrity), (5, Integrity::Size));
    world
        .engine
        .delete_by_key(&alice(), None, second.key.as_str())
        .await
        .unwrap();
    world
        .engine
        .delete_by_key(&alice(), None, first.key.as_str())
        .await
        .unwrap();
    assert_eq!(world.reserved_and_stored().await, (0, 0));
}

#[tokio::test]
async fn a_file_may_have_the_most_and_not_a_byte_more_and_none() {
    let world = World::with_rules(rules());
    let most = world.late_with(b"0123456789").await;
    world.read(&most).await.unwrap();
    let none = world.late_with(b"").await;
    world.read(&none).await.unwrap();
    let over = world.late_with(b"0123456789x").await;
    for _ in 0..2 {
        let problem = world.read(&over).await.unwrap_err().problem();
        assert_eq!(problem.code, Code::FileTooLarge);
        assert_eq!(problem.facts["limit"], MOST);
    }
    // It was never promoted, and what was sent is gone.
    assert_eq!(world.store.bytes(over.key.as_str()), None);
    let quarantined = ObjectKey::quarantine(over.id);
    assert_eq!(world.store.bytes(quarantined.as_str()).unwrap(), b"");
    assert_eq!(world.listed().await, [none.id, most.id]);
    assert_eq!(world.reserved_and_stored().await, (0, MOST));
}

#[tokio::test]
async fn the_first_to_read_it_completes_it_and_nobody_else_may() {
    let world = World::with_rules(rules());
    let unsent = world.late().await;
    assert_eq!(code(world.read(&unsent).await), Code::NotFound);
    let sent = world.late_with(b"hello").await;
    for key in [
        sent.key.as_str().to_owned(),
        format!("{}x", sent.key),
        format!("files/alice/{}", sent.id),
        "malformed".to_owned(),
    ] {
        let read = world
            .engine
            .create_download_by_key(&bob(), None, &key)
            .await;
        assert_eq!(code(read), Code::NotFound, "{key}");
        let deleted = world.engine.delete_by_key(&bob(), None, &key).await;
        assert_eq!(code(deleted), Code::NotFound, "{key}");
    }
    assert_eq!(world.state(sent.id).await, State::Pending);
    world.read(&sent).await.unwrap();
    assert_eq!(world.state(sent.id).await, State::Available);
    let (root, key) = (admin(), sent.key.as_str());
    let all = world.engine.create_download_by_key(&root, None, key).await;
    all.unwrap();
}

#[tokio::test]
async fn a_list_shows_what_was_just_sent_and_leaves_others_alone() {
    let world = World::with_rules(BucketRules {
        undeclared_limit: MOST,
        ..BucketRules::default()
    });
    let mut sent = Vec::new();
    for _ in 0..22 {
        sent.push(world.late_with(b"hello").await.id);
    }
    let unsent = world.late().await;
    let over = world.late_with(b"0123456789x").await;
    // Of the newest twenty, two are no files.
    let shown: Vec<_> = sent.iter().skip(4).rev().copied().collect();
    assert_eq!(world.listed().await, shown);
    assert_eq!(world.state(unsent.id).await, State::Pending);
    assert_eq!(world.state(over.id).await, State::Failed);
    let shown: Vec<_> = sent.iter().rev().copied().collect();
    assert_eq!(world.listed().await, shown);
    // What storage does not answer does not keep the list from being shown.
    world.late_with(b"hello").await;
    world.store.arm_for_good(Fault::Down);
    assert_eq!(world.listed().await, shown);
}

#[tokio::test]
async fn a_sweep_completes_it_soon_and_looks_ever_more_seldom() {
    let world = World::with_rules(rules());
    let late = world.late().await;
    assert_eq!(world.swept().await, []);
    world.clock.forward(5);
    assert_eq!(world.swept().await, [WAITING]);
    assert_eq!(world.swept().await, []);
    world.clock.forward(5);
    assert_eq!(world.swept().await, [WAITING]);
    let mut looks = 0;
    for _ in 0..115 {
        world.clock.forward(5);
        looks += world.swept().await.len();
    }
    assert!((8..=12).contains(&looks), "{looks}");
    let backlog = world.catalog.backlog(jiff::Timestamp::MAX).await.unwrap();
    assert_eq!(backlog.postponed, 0);
    world.store.put_plain(late.id, b"hello");
    world.clock.forward(300);
    assert_eq!(world.swept().await, [COMPLETED]);
    assert_eq!(world.state(late.id).await, State::Available);
}

#[tokio::test]
async fn without_bytes_its_room_is_free_when_none_can_come_any_more() {
    let world = World::with_rules(rules());
    let late = world.late().await;
    world.clock.forward((15 + 75) * 60 - 1);
    assert_eq!(world.swept().await, [WAITING]);
    assert_eq!(world.reserved_and_stored().await, (MOST, 0));
    world.clock.forward(300);
    let findings = world.swept().await;
    let ended = findings.iter().any(|(_, action)| *action == Action::Ended);
    assert!(ended && findings.contains(&EMPTIED), "{findings:?}");
    assert_eq!(world.state(late.id).await, State::Expired);
    assert_eq!(world.reserved_and_stored().await, (0, 0));
}

#[tokio::test]
async fn bytes_that_came_with_the_last_transfer_are_a_file_when_the_session_ends() {
    let world = World::with_rules(rules());
    let late = world.late().await;
    world.clock.forward((15 + 75) * 60);
    world.store.put_plain(late.id, b"hello");
    assert_eq!(world.swept().await[0].1, Action::Completed);
    assert_eq!(world.state(late.id).await, State::Available);
}

#[tokio::test]
async fn the_url_changes_nothing_after_it_was_verified_or_deleted() {
    let world = World::with_rules(rules());
    let late = world.late_with(b"hello").await;
    world.read(&late).await.unwrap();
    let file = world.engine.get_file(&alice(), late.id).await.unwrap();
    let quarantined = ObjectKey::quarantine(late.id);
    world.store.put_plain(late.id, b"jello!");
    world.read(&late).await.unwrap();
    let still = world.engine.get_file(&alice(), late.id).await.unwrap();
    assert_eq!((still.etag, still.receipt), (file.etag, file.receipt));
    assert_eq!(world.store.bytes(late.key.as_str()).unwrap(), b"hello");
    let (who, key) = (alice(), late.key.as_str());
    let deleted = world.engine.delete_by_key(&who, None, key).await;
    deleted.unwrap();
    world.store.put_plain(late.id, b"hello");
    assert_eq!(code(world.read(&late).await), Code::NotFound);
    assert_eq!(world.store.bytes(late.key.as_str()), None);
    // Nothing of it is left once its URL is dead.
    world.clock.forward((15 + 75) * 60);
    assert_eq!(world.swept().await, [EMPTIED]);
    assert_eq!(world.store.bytes(quarantined.as_str()), None);
    assert_eq!(world.store.bytes(late.key.as_str()), None);
}

#[tokio::test]
async fn bytes_that_are_sent_again_while_they_are_verified_are_verified_anew() {
    let world = World::with_rules(rules());
    let late = world.late_with(b"hello").await;
    world.store.arm(Fault::SwapBeforeCopy(b"jello!".to_vec()));
    assert_eq!(code(world.read(&late).await), Code::NotFound);
    assert_eq!(world.state(late.id).await, State::Pending);
    assert_eq!(world.store.bytes(late.key.as_str()), None);
    world.read(&late).await.unwrap();
    let file = world.engine.get_file(&alice(), late.id).await.unwrap();
    assert_eq!(file.size, 6);
    assert_eq!(world.store.bytes(late.key.as_str()).unwrap(), b"jello!");
}

#[tokio::test]
async fn a_run_that_wakes_after_another_finished_changes_nothing() {
    let world = World::with_rules(rules());
    let late = world.late_with(b"hello").await;
    world.store.arm(Fault::PauseCopy);
    let slow = tokio::spawn({
        let (engine, key) = (world.engine.clone(), late.key.clone());
        async move {
            let (who, key) = (alice(), key.as_str());
            let download = engine.create_download_by_key(&who, None, key).await;
            download.map(|_| ())
        }
    });
    world.store.gate.reached.acquire().await.unwrap().forget();
    world.clock.forward(120);
    world.read(&late).await.unwrap();
    // The URL still lives, and somebody uses it.
    world.store.put_plain(late.id, b"jello!");
    world.store.gate.open.add_permits(1);
    slow.await.unwrap().unwrap();
    assert_eq!(world.store.bytes(late.key.as_str()).unwrap(), b"hello");
    let file = world.engine.get_file(&alice(), late.id).await.unwrap();
    assert_eq!(file.size, 5);
}

#[tokio::test]
async fn a_bucket_that_requires_a_checksum_takes_none_of_them() {
    let world = World::with_rules(BucketRules {
        checksum_required: true,
        ..rules()
    });
    let refused = world.engine.create_late_upload(&alice(), wish(None)).await;
    assert_eq!(code(refused), Code::InvalidRequest);
    let world = World::with_rules(BucketRules {
        content_types: vec!["image/*".to_owned()],
        ..rules()
    });
    for (content_type, expected) in [
        (None, false),
        (Some("text/html"), false),
        (Some("image/gif"), true),
    ] {
        let created = world
            .engine
            .create_late_upload(&alice(), wish(content_type))
            .await;
        assert_eq!(created.is_ok(), expected, "{content_type:?}");
    }
}

#[tokio::test]
async fn what_is_public_is_read_by_everybody_under_its_public_name_and_nothing_else_is() {
    let public = BucketRules {
        public_read: true,
        ..rules()
    };
    let world = World::with_buckets(&[("files", rules()), ("other", public)]);
    let engine = &world.engine;
    let private = world.late_with(b"hello").await;
    world.read(&private).await.unwrap();
    let wish = LateUpload {
        bucket: Some("other".to_owned()),
        ..wish(Some("image/png"))
    };
    let late = engine.create_late_upload(&alice(), wish).await.unwrap();
    let open = async |bucket: &str, name: &str| {
        let opened = engine.open_public(bucket, name, Reading::Bytes).await;
        opened.map(|read| (read.url.expose().to_owned(), read.max_age))
    };
    assert_eq!(code(open("other", &late.public_name).await), Code::NotFound);
    world.other.put_plain(late.id, b"hello");
    for name in [late.public_name.as_str(), late.key.as_str()] {
        let (url, max_age) = open("other", name).await.unwrap();
        assert!(
            url.contains(late.key.as_str()) && url.contains("type=image/png"),
            "{url}"
        );
        assert_eq!(max_age, 300);
    }
    let id = late.id.to_string();
    for (bucket, name) in [
        ("other", id.as_str()),
        ("other", &format!("{id}.jpg")),
        ("other", &format!("x/{id}/cat.png")),
        ("other", &private.public_name),
        ("files", &private.public_name),
        ("files", private.key.as_str()),
        ("files", &late.public_name),
        ("nowhere", &late.public_name),
        ("other", ""),
    ] {
        assert_eq!(
            code(open(bucket, name).await),
            Code::NotFound,
            "{bucket} {name}"
        );
    }
    engine.delete_file(&alice(), late.id).await.unwrap();
    assert_eq!(code(open("other", &late.public_name).await), Code::NotFound);
}
