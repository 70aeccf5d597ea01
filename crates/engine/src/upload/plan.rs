//! From a wish to a plan: every rule is checked before anything is remembered.

use jiff::Timestamp;
use valetkey_catalog::{Intent, NewUpload, TicketUse, Transfer};
use valetkey_protocol::policy::PolicyAction as Action;
use valetkey_protocol::upload::CreateUpload;
use valetkey_protocol::{Checksum, Code, FolderPath, PartPlan, Problem};

use crate::engine::{check_retention, later};
use crate::policy::{self, Wish};
use crate::{Bucket, Engine, Error, Principal};

/// An upload that may be made.
pub(crate) struct Plan<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) upload: NewUpload,
    /// Under which ticket.
    pub(crate) ticket: Option<TicketUse>,
    /// For how many seconds its requests are signed.
    pub(crate) seconds: u64,
}

impl Plan<'_> {
    /// What is to be remembered, and within which limits.
    pub(super) fn intent(&self) -> Intent {
        Intent {
            upload: self.upload.clone(),
            limits: self.bucket.rules.limits(),
            ticket: self.ticket,
        }
    }
}

impl Engine {
    /// Checks a wish against the rules of its bucket and cuts it into parts.
    pub(crate) fn plan(
        &self,
        who: &Principal,
        create: CreateUpload,
        now: Timestamp,
    ) -> Result<Plan<'_>, Error> {
        policy::check_may(who, Action::CreateUpload)?;
        let create = self.narrowed(who, create)?;
        let bucket = self.requested_bucket(create.bucket.as_deref())?;
        bucket.store.check_signing()?;
        check_rules(bucket, &create)?;
        let seconds = bucket.rules.validity(create.expires_in)?;
        self.check_create(who, bucket, wish(&create), seconds)?;
        let seconds = seconds.min(bucket.rules.session_ttl_seconds);
        let transfer = transfer(bucket, &create)?;
        let id = self.ids.file_id(now);
        let key = bucket
            .rules
            .object_key(&who.owner(), id, &create.filename, now)?;
        let upload = NewUpload {
            id,
            bucket: bucket.name.clone(),
            key,
            tenant: who.tenant.clone(),
            owner: who.subject.clone(),
            filename: create.filename,
            path: create.path.unwrap_or_default(),
            content_type: create.content_type,
            size: create.size,
            checksum: create.checksum,
            metadata: create.metadata.unwrap_or_default(),
            transfer,
            created_at: now,
            session_ends_at: later(now, bucket.rules.session_ttl_seconds),
            urls_end_at: later(now, seconds),
            retain_for: create.retain_for,
            look_at: None,
        };
        Ok(Plan {
            bucket,
            upload,
            ticket: self.ticket_use(who),
            seconds,
        })
    }
}

/// What policies are told of it.
fn wish(create: &CreateUpload) -> Wish<'_> {
    Wish {
        filename: create.filename.as_str(),
        path: create.path.as_ref().map_or("", FolderPath::as_str),
        content_type: create.content_type.essence(),
        size: create.size,
    }
}

fn check_rules(bucket: &Bucket, create: &CreateUpload) -> Result<(), Error> {
    let rules = &bucket.rules;
    if !rules.takes(&create.content_type) {
        let detail = format!(
            "bucket {} does not take {}; it takes {}",
            bucket.name,
            create.content_type.essence(),
            rules.content_types.join(", ")
        );
        return Err(Error::refused(Code::ContentTypeNotAllowed, detail));
    }
    if create.size > rules.max_size {
        let detail = format!(
            "bucket {} takes files of up to {} bytes",
            bucket.name, rules.max_size
        );
        let problem = Problem::new(Code::FileTooLarge, detail).with("limit", rules.max_size);
        return Err(Error::Refused(problem));
    }
    bucket.check_wish(create)?;
    create.retain_for.map_or(Ok(()), check_retention)
}

fn transfer(bucket: &Bucket, create: &CreateUpload) -> Result<Transfer, Error> {
    if create.size <= bucket.rules.single_limit {
        return Ok(Transfer::Single);
    }
    check_verifiable(bucket, create.checksum.as_ref(), create.size)?;
    let plan =
        PartPlan::new(create.size, bucket.rules.part_size).map_err(|error| ("size", error))?;
    Ok(Transfer::Multipart {
        part_size: plan.part_size(),
        upload_id: None,
    })
}

/// Refuses a checksum of a multipart upload that could neither be asked of storage nor be read back.
pub(super) fn check_verifiable(
    bucket: &Bucket,
    checksum: Option<&Checksum>,
    size: u64,
) -> Result<(), Error> {
    let Some(checksum) = checksum else {
        return Ok(());
    };
    let native = bucket.rules.checksum_algorithm;
    let asked_of_storage =
        bucket.store.capabilities().full_object_checksums && checksum.algorithm() == native;
    if asked_of_storage || size <= bucket.rules.rehash_limit {
        return Ok(());
    }
    let detail = format!(
        "a {} of more than {} bytes cannot be verified here; declare a {native}",
        checksum.algorithm(),
        bucket.rules.rehash_limit
    );
    Err(Error::invalid("checksum", detail))
}
