//! Late uploads: of clients that say neither how many bytes they send nor when they have sent them. The most there may
//! be is reserved, bounds are checked before anything is promoted, and whoever reads first, or the sweep, completes them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use valetkey_catalog::{Postponement, QUARANTINE_GRACE_SECONDS, Record, Transfer};
use valetkey_protocol::sweep::Action;
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{
    ContentType, FileId, Filename, FolderPath, InvalidValue, ObjectKey, PresignedRequest,
};
use valetkey_store::PutGrant;

use super::plan::Plan;
use crate::engine::{from_now, later, validity};
use crate::file::public_name;
use crate::{Engine, Error, Principal};

/// After how long its bytes are looked for first, and the shortest pause between two looks.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(5);
/// The longest pause between two looks.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// How many of the caller's own are completed before a list: the newest.
const COMPLETED_AT_MOST: u32 = 20;
/// How many of them at the same time.
const COMPLETED_AT_ONCE: usize = 8;
/// How long a list waits for them.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// What such a client says.
#[derive(Debug, Clone)]
pub struct LateUpload {
    /// Where it goes; the default bucket when absent.
    pub bucket: Option<String>,
    /// Its true name.
    pub filename: Filename,
    /// Its media type, which the PUT must then have; bytes of no type when absent.
    pub content_type: Option<ContentType>,
}

/// What such a client gets.
#[derive(Debug, Clone)]
pub struct LateGrant {
    /// The id of the upload, and of the file it becomes.
    pub id: FileId,
    /// The object key the file will have.
    pub key: ObjectKey,
    /// The name of the file below `/public/{bucket}/`, where its bucket can be read by everybody.
    pub public_name: String,
    /// The PUT: it has no size and no condition, and the last one before the upload is verified counts.
    pub request: PresignedRequest,
    /// For how many seconds it is signed.
    pub expires_in: u64,
}

impl Engine {
    /// Creates an upload whose client declares no size and will not complete it.
    ///
    /// # Errors
    /// A rule of the bucket, or an outage of the catalog. As much room as such a file may take must be left.
    pub async fn create_late_upload(
        &self,
        who: &Principal,
        late: LateUpload,
    ) -> Result<LateGrant, Error> {
        let now = self.clock.now();
        let plan = self.plan_late(who, &late, None, now)?;
        self.insert_one(&plan).await?;
        let upload = &plan.upload;
        Ok(LateGrant {
            id: upload.id,
            key: upload.key.clone(),
            public_name: public_name(upload.id, &upload.key),
            request: sign_late(&plan, late.content_type.as_ref(), now)?,
            expires_in: plan.seconds,
        })
    }

    /// Creates an upload of so many bytes at most into a folder, whose client sends no type with its PUT and will not
    /// complete it.
    pub(crate) async fn create_untyped_put(
        &self,
        who: &Principal,
        late: LateUpload,
        path: FolderPath,
        size: u64,
    ) -> Result<PresignedRequest, Error> {
        let now = self.clock.now();
        let plan = self.plan_late(who, &late, Some((path, size)), now)?;
        self.insert_one(&plan).await?;
        sign_late(&plan, None, now)
    }

    fn plan_late(
        &self,
        who: &Principal,
        late: &LateUpload,
        known: Option<(FolderPath, u64)>,
        now: Timestamp,
    ) -> Result<Plan<'_>, Error> {
        let bucket = self.requested_bucket(late.bucket.as_deref())?;
        if bucket.rules.checksum_required {
            let detail = format!(
                "bucket {} requires one, and there is no way to declare it here; use POST /v1/uploads",
                bucket.name
            );
            return Err(Error::invalid("checksum", detail));
        }
        let (path, size) = known.unzip();
        let create = CreateUpload {
            filename: late.filename.clone(),
            content_type: match &late.content_type {
                Some(content_type) => content_type.clone(),
                None => untyped().map_err(|error| ("content_type", error))?,
            },
            size: size.unwrap_or(bucket.rules.most_undeclared()),
            checksum: None,
            bucket: late.bucket.clone(),
            path,
            metadata: None,
            expires_in: None,
            retain_for: None,
        };
        let mut plan = self.plan(who, create, now)?;
        let upload = &mut plan.upload;
        upload.transfer = Transfer::Single;
        upload.look_at = Some(from_now(now, FIRST_LOOK));
        // After that no PUT can arrive any more, and what is reserved can be used again.
        let grace = QUARANTINE_GRACE_SECONDS.unsigned_abs();
        upload.session_ends_at = upload.session_ends_at.min(later(upload.urls_end_at, grace));
        Ok(plan)
    }

    /// Completes the caller's newest late uploads of a bucket, as far as their bytes are there and time allows; the
    /// sweep sees to the others.
    pub(crate) async fn complete_awaited(
        self: &Arc<Self>,
        who: &Principal,
        bucket: Option<&str>,
    ) -> Result<(), Error> {
        let bucket = self.requested_bucket(bucket)?.name.clone();
        let awaited = self
            .catalog
            .list_awaited(who.owner(), bucket, COMPLETED_AT_MOST);
        let ids: Vec<_> = awaited.await?.iter().map(|one| one.upload.id).collect();
        let completing = stream::iter(ids)
            .map(|id| async move {
                if let Err(error) = self.complete_late(Some(&who.subject), id).await
                    && !matches!(error, Error::NotFound)
                {
                    tracing::warn!(%id, %error, "left a late upload to the sweep");
                }
            })
            .buffer_unordered(COMPLETED_AT_ONCE)
            .for_each(|()| std::future::ready(()));
        // What was begun goes on.
        let _in_time = tokio::time::timeout(MAX_WAIT, completing).await.is_ok();
        Ok(())
    }

    /// Looks for its bytes again later: the older it is, the later.
    pub(crate) async fn look_later(&self, record: &Record) -> Result<Action, Error> {
        let now = self.clock.now();
        let age = now.duration_since(record.upload.created_at);
        let later = Postponement {
            id: record.upload.id,
            attempt: record.attempts,
            until: from_now(now, (age / 2).clamp(FIRST_LOOK, LONGEST_PAUSE)),
        };
        self.catalog.look_later(later).await?;
        Ok(Action::Waiting)
    }
}

/// A PUT without a size, and with this type or any.
fn sign_late(
    plan: &Plan<'_>,
    content_type: Option<&ContentType>,
    now: Timestamp,
) -> Result<PresignedRequest, Error> {
    let put = PutGrant {
        key: &ObjectKey::quarantine(plan.upload.id),
        size: None,
        content_type,
        checksum: None,
    };
    let valid = validity(now, plan.seconds);
    Ok(plan.bucket.store.presign_put(&put, valid)?)
}

fn untyped() -> Result<ContentType, InvalidValue> {
    ContentType::parse(ContentType::OCTET_STREAM)
}
