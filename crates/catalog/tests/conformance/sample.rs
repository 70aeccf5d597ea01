//! Uploads to try things with, and ways into every state.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Builder;
use valetkey_catalog::{
    Catalog, Edge, FileFacts, Insertion, Intent, Issue, Limits, NewUpload, Owner, Record, Step,
    Transfer,
};
use valetkey_protocol::file::Integrity;
use valetkey_protocol::upload::State;
use valetkey_protocol::{Checksum, Code, FileId, Metadata, Problem, Tenant};

pub(crate) type Shared = Arc<dyn Catalog>;

pub(crate) const BUCKET: &str = "photos";
pub(crate) const SESSION: i64 = 24 * 60 * 60;
pub(crate) const URLS: i64 = 15 * 60;
pub(crate) const LEASE: i64 = 60;
pub(crate) const LOOK: i64 = 5;

/// An instant so many seconds after the uploads were created.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

pub(crate) fn just_before(instant: Timestamp) -> Timestamp {
    instant - SignedDuration::from_millis(1)
}

/// Ids sort as their numbers do.
pub(crate) fn id(number: u64) -> FileId {
    let uuid = Builder::from_unix_timestamp_millis(1_700_000_000_000 + number, &[7; 10]);
    FileId::from_uuid(uuid.into_uuid()).unwrap()
}

pub(crate) fn upload(number: u64) -> NewUpload {
    NewUpload {
        id: id(number),
        bucket: BUCKET.to_owned(),
        key: format!("alice/{}/cat.jpg", id(number)).parse().unwrap(),
        tenant: Tenant::default(),
        owner: "alice".parse().unwrap(),
        filename: "cat.jpg".parse().unwrap(),
        path: "".parse().unwrap(),
        content_type: "image/jpeg".parse().unwrap(),
        size: 5,
        checksum: None,
        metadata: Metadata::default(),
        transfer: Transfer::Single,
        created_at: at(0),
        session_ends_at: at(SESSION),
        urls_end_at: at(URLS),
        retain_for: None,
        look_at: None,
    }
}

/// Somebody in a tenant.
pub(crate) fn owner(tenant: &str, subject: &str) -> Owner {
    Owner {
        tenant: tenant.parse().unwrap(),
        subject: subject.parse().unwrap(),
    }
}

pub(crate) fn multipart(number: u64) -> NewUpload {
    NewUpload {
        transfer: Transfer::Multipart {
            part_size: 5 << 20,
            upload_id: None,
        },
        ..upload(number)
    }
}

/// One whose client declares no size, of which this is the most.
pub(crate) fn late(number: u64, most: u64) -> NewUpload {
    NewUpload {
        size: most,
        look_at: Some(at(LOOK)),
        ..upload(number)
    }
}

pub(crate) fn metadata(key: &str, value: &str) -> Metadata {
    Metadata::new(BTreeMap::from([(key.to_owned(), value.to_owned())])).unwrap()
}

pub(crate) fn verify(now: Timestamp) -> Edge {
    Edge::Verify {
        lease_until: now + SignedDuration::from_secs(LEASE),
        source_etag: Some("\"source\"".to_owned()),
        checksum: None,
    }
}

pub(crate) fn delete(now: Timestamp) -> Edge {
    Edge::Delete {
        lease_until: now + SignedDuration::from_secs(LEASE),
    }
}

pub(crate) fn facts() -> FileFacts {
    FileFacts {
        size: 5,
        etag: "\"final\"".to_owned(),
        checksum: Some(Checksum::Crc64Nvme(0xae8b_1486_0a79_9888)),
        integrity: Integrity::Checksum,
        detected_type: Some("image/jpeg".to_owned()),
        expires_at: None,
    }
}

pub(crate) fn problem() -> Problem {
    Problem::new(Code::SizeMismatch, "send the declared bytes").with("limit", 5)
}

/// An upload that nothing limits.
pub(crate) fn unlimited(upload: NewUpload) -> Intent {
    Intent {
        upload,
        limits: Limits::default(),
        ticket: None,
    }
}

pub(crate) async fn insert(catalog: &Shared, upload: NewUpload) -> Record {
    let id = upload.id;
    let inserted = catalog.insert_uploads(vec![unlimited(upload)]).await;
    assert_eq!(inserted.unwrap(), [Insertion::New]);
    found(catalog, id).await
}

/// Goes along an edge, or not.
pub(crate) async fn step(
    catalog: &Shared,
    id: FileId,
    epoch: u64,
    edge: Edge,
    at: Timestamp,
) -> Option<Record> {
    let step = Step {
        id,
        epoch,
        edge,
        at,
        by: None,
    };
    catalog.advance(step).await.unwrap()
}

pub(crate) async fn found(catalog: &Shared, id: FileId) -> Record {
    catalog.find(id).await.unwrap().unwrap()
}

/// Goes along an edge at the instant of creation.
pub(crate) async fn go(catalog: &Shared, record: &Record, edge: Edge) -> Record {
    let advanced = step(catalog, record.upload.id, record.epoch, edge, at(0)).await;
    advanced.unwrap()
}

/// Inserts an upload and walks it into a state; leases are taken at the instant of creation.
pub(crate) async fn in_state(catalog: &Shared, upload: NewUpload, state: State) -> Record {
    let walk = match state {
        State::Pending => vec![],
        State::Verifying => vec![verify(at(0))],
        State::Available => vec![verify(at(0)), Edge::Finish(facts())],
        State::Failed => vec![verify(at(0)), Edge::Fail(problem())],
        State::Expired => vec![Edge::Expire],
        State::Aborted => vec![Edge::Abort],
        State::Deleting => vec![verify(at(0)), Edge::Finish(facts()), delete(at(0))],
        State::Deleted => vec![
            verify(at(0)),
            Edge::Finish(facts()),
            delete(at(0)),
            Edge::Deleted,
        ],
    };
    let mut record = insert(catalog, upload).await;
    for edge in walk {
        record = go(catalog, &record, edge).await;
    }
    assert_eq!(record.state, state);
    record
}

/// Forgets what an upload left, as it stands.
pub(crate) async fn forget_leftovers(catalog: &Shared, id: FileId) {
    let epoch = found(catalog, id).await.epoch;
    assert!(catalog.forget_leftovers(id, epoch).await.unwrap());
}

/// A download of a file, which nobody is told of.
pub(crate) fn issue(number: u64) -> Issue {
    Issue {
        id: id(number),
        announced_at: None,
    }
}

/// Makes a file of an upload.
pub(crate) async fn file(catalog: &Shared, upload: NewUpload) -> Record {
    in_state(catalog, upload, State::Available).await
}
