//! Create once: a client that lost the answer asks again with the same `Idempotency-Key` and gets the same answer.
//!
//! The answer is not kept but made again: signing the same request for the same instant gives the same bytes.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use valetkey_catalog::{Insertion, Once, Record, Transfer};
use valetkey_protocol::upload::{CreateUpload, MAX_SIGNED_PARTS, State, Upload};
use valetkey_protocol::{Checksum, Code, FileId, Problem};

use super::plan::Plan;
use crate::{Engine, Error, Principal};

/// How long a key is honoured.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a create may be in progress before another one takes it over.
const IN_PROGRESS: SignedDuration = SignedDuration::from_secs(30);
/// How often a create begins anew because what its key stood for came to nothing.
const MAX_TRIES: usize = 3;
/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;

impl Engine {
    /// Creates one upload, once for each key of the caller within 24 hours.
    ///
    /// # Errors
    /// As [`Engine::create_upload`]; `idempotency_mismatch` when the key came with another request before, and
    /// `request_in_progress` while that one is being served. A create that failed does not use its key up.
    pub async fn create_upload_once(
        &self,
        who: &Principal,
        key: &str,
        create: CreateUpload,
    ) -> Result<Upload, Error> {
        check_key(key)?;
        let key = &self.once_key(who, key);
        let request = fingerprint(&create)?;
        // A key whose upload came to nothing, because the one who created it was cut off, is freed on the way.
        for _ in 0..MAX_TRIES {
            if let Some(upload) = self.try_once(who, key, request, create.clone()).await? {
                return Ok(upload);
            }
        }
        Err(in_progress())
    }

    /// Creates, or answers again; `None` when the key stood for an upload that came to nothing, and is free now.
    async fn try_once(
        &self,
        who: &Principal,
        key: &str,
        request: [u8; 32],
        create: CreateUpload,
    ) -> Result<Option<Upload>, Error> {
        let (now, checksum) = (self.clock.now(), create.checksum);
        let plan = self.plan(who, create, now)?;
        let once = Once {
            key: key.to_owned(),
            request,
            upload: plan.upload.id,
            valid_for: plan.seconds,
        };
        let inserted = self
            .catalog
            .insert_once(plan.intent(), once, oldest_key(now))
            .await?;
        let (upload, answer) = match inserted {
            Insertion::Known(known) if known.request != request => {
                let detail =
                    "this key came with another request before; use a new key for a new request";
                return Err(Error::refused(Code::IdempotencyMismatch, detail));
            }
            Insertion::Known(known) => (known.upload, self.answer_again(&known, checksum).await),
            inserted => {
                self.check_inserted(&plan, inserted)?;
                let upload = plan.upload.id;
                let opened = self.open(plan, MAX_SIGNED_PARTS, now).await;
                (upload, opened.map(Some))
            }
        };
        let answered = matches!(answer, Ok(Some(_)));
        if !answered && matches!(self.came_to_nothing(upload).await, Ok(true)) {
            let (owner, key) = (who.owner(), key.to_owned());
            self.catalog.forget_key(owner, key, upload).await?;
        }
        answer
    }

    /// Frees the keys that are not honoured any more, and forgets tickets that are over.
    ///
    /// # Errors
    /// The catalog does not answer.
    pub async fn forget_old_keys(&self) -> Result<(), Error> {
        let now = self.clock.now();
        self.catalog.forget_tickets_until(now).await?;
        Ok(self.catalog.forget_keys_until(oldest_key(now)).await?)
    }

    /// Makes the first answer again; `None` when there never was one and never will be.
    async fn answer_again(
        &self,
        known: &Once,
        checksum: Option<Checksum>,
    ) -> Result<Option<Upload>, Error> {
        let Some(record) = self.catalog.find(known.upload).await? else {
            return Ok(None);
        };
        if is_unnamed(&record) {
            let age = self.clock.now().duration_since(record.upload.created_at);
            match record.state {
                // Lets the one that is creating it finish, unless it takes too long to be alive.
                State::Pending if age <= IN_PROGRESS => return Err(in_progress()),
                State::Pending => {}
                _ => return Ok(None),
            }
        }
        let bucket = self.bucket_of(&record)?;
        let mut upload = record.upload;
        // A checksum that came with complete was not in the first answer.
        upload.checksum = checksum;
        let (created_at, seconds) = (upload.created_at, known.valid_for);
        let plan = Plan {
            bucket,
            upload,
            ticket: None,
            seconds,
        };
        let opened = self.open(plan, MAX_SIGNED_PARTS, created_at).await;
        opened.map(Some)
    }

    /// Whether nobody can ever have got an answer about an upload.
    async fn came_to_nothing(&self, upload: FileId) -> Result<bool, Error> {
        let record = self.catalog.find(upload).await?;
        let over = |record: Record| is_unnamed(&record) && record.state != State::Pending;
        Ok(record.is_none_or(over))
    }
}

/// Whether an upload waits for storage's name for it: the answer to its creation has that.
fn is_unnamed(record: &Record) -> bool {
    let transfer = &record.upload.transfer;
    matches!(
        transfer,
        Transfer::Multipart {
            upload_id: None,
            ..
        }
    )
}

fn in_progress() -> Error {
    let detail = "the same request is being served; ask again in a moment";
    let problem = Problem::new(Code::RequestInProgress, detail);
    Error::Refused(problem.with("retry_after", 1))
}

/// Keys used later than this are honoured.
fn oldest_key(now: Timestamp) -> Timestamp {
    now.checked_sub(KEPT).unwrap_or(now)
}

fn check_key(key: &str) -> Result<(), Error> {
    let plain = key.bytes().all(|b| b.is_ascii_graphic());
    if plain && (1..=MAX_KEY_BYTES).contains(&key.len()) {
        return Ok(());
    }
    let detail = format!("must be 1 to {MAX_KEY_BYTES} visible ASCII characters, such as a UUID");
    Err(Error::invalid("Idempotency-Key", detail))
}

/// What was asked, whatever the order and spacing of its JSON.
fn fingerprint(create: &CreateUpload) -> Result<[u8; 32], Error> {
    let bytes = serde_json::to_vec(create).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Sha256::digest(bytes).into())
}
