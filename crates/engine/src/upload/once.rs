//! Create once: a client that lost the answer asks again with the same `Idempotency-Key` and gets the same answer.
//!
//! The answer is not kept but made again: signing the same request for the same instant gives the same bytes.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use valetkey_catalog::{Insertion, Once, Record, Transfer};
use valetkey_protocol::upload::{CreateUpload, MAX_SIGNED_PARTS, State, Upload};
use valetkey_protocol::{Checksum, Code, Problem};

use super::plan::Plan;
use crate::{Engine, Error, Principal};

/// How long a key is honoured.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a create may be in progress before another one takes it over.
const IN_PROGRESS: SignedDuration = SignedDuration::from_secs(30);
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
        let now = self.clock.now();
        let (request, checksum) = (fingerprint(&create)?, create.checksum);
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
        if let Insertion::Known(known) = inserted {
            return self.answer_again(&known, request, checksum).await;
        }
        self.check_inserted(&plan, inserted)?;
        let opened = self.open(plan, MAX_SIGNED_PARTS, now).await;
        if opened.is_err() {
            let owner = who.subject.clone();
            self.catalog.forget_key(owner, key.to_owned()).await?;
        }
        opened
    }

    /// Frees the keys that are not honoured any more.
    pub(crate) async fn forget_old_keys(&self, now: Timestamp) -> Result<(), Error> {
        Ok(self.catalog.forget_keys_until(oldest_key(now)).await?)
    }

    /// Makes the first answer again.
    async fn answer_again(
        &self,
        known: &Once,
        request: [u8; 32],
        checksum: Option<Checksum>,
    ) -> Result<Upload, Error> {
        if known.request != request {
            let detail =
                "this key came with another request before; use a new key for a new request";
            return Err(Error::refused(Code::IdempotencyMismatch, detail));
        }
        let record = self.catalog.find(known.upload).await?;
        let record =
            record.ok_or_else(|| Error::Internal("a key stands for nothing".to_owned()))?;
        self.check_settled(&record)?;
        let bucket = self.bucket_of(&record)?;
        let mut upload = record.upload;
        // A checksum that came with complete was not in the first answer.
        upload.checksum = checksum;
        let (created_at, seconds) = (upload.created_at, known.valid_for);
        let plan = Plan {
            bucket,
            upload,
            seconds,
        };
        self.open(plan, MAX_SIGNED_PARTS, created_at).await
    }

    /// Lets the one that is creating it finish, unless it takes too long to be alive.
    fn check_settled(&self, record: &Record) -> Result<(), Error> {
        let unnamed = matches!(
            record.upload.transfer,
            Transfer::Multipart {
                upload_id: None,
                ..
            }
        );
        let age = self.clock.now().duration_since(record.upload.created_at);
        match (unnamed, record.state) {
            (false, _) => Ok(()),
            (true, State::Pending) if age > IN_PROGRESS => Ok(()),
            (true, State::Pending) => {
                let detail = "the same request is being served; ask again in a moment";
                let problem = Problem::new(Code::RequestInProgress, detail);
                Err(Error::Refused(problem.with("retry_after", 1)))
            }
            (true, _) => Err(super::closed(record)),
        }
    }
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
