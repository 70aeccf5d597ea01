//! What is remembered of one upload and the file it becomes.

use jiff::Timestamp;
use valetkey_protocol::file::Integrity;
use valetkey_protocol::upload::State;
use valetkey_protocol::{
    Checksum, ContentType, FileId, Filename, FolderPath, Metadata, ObjectKey, Problem, Subject,
    Tenant,
};

/// How long quarantine outlives the last upload URL, in seconds: 15 minutes of clock skew and an hour for a
/// transfer that began in time.
pub const QUARANTINE_GRACE_SECONDS: i64 = (15 + 60) * 60;

/// How the bytes travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transfer {
    /// One PUT into quarantine.
    Single,
    /// Parts to the final key.
    Multipart {
        /// The bytes of every part but the last.
        part_size: u64,
        /// Storage's name for it, once storage was asked.
        upload_id: Option<String>,
    },
}

/// A new upload, as its first durable row says it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewUpload {
    /// Its id.
    pub id: FileId,
    /// Its bucket's name.
    pub bucket: String,
    /// The final object key.
    pub key: ObjectKey,
    /// Among whose customers its owner is.
    pub tenant: Tenant,
    /// Whose it is.
    pub owner: Subject,
    /// Its true name.
    pub filename: Filename,
    /// Its folder.
    pub path: FolderPath,
    /// The declared type.
    pub content_type: ContentType,
    /// The declared bytes. When none were declared, the most there may be, and those of the file once it is one.
    pub size: u64,
    /// The declared checksum.
    pub checksum: Option<Checksum>,
    /// The application's notes.
    pub metadata: Metadata,
    /// How the bytes travel.
    pub transfer: Transfer,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the session ends.
    pub session_ends_at: Timestamp,
    /// When the last upload URL handed out stops working.
    pub urls_end_at: Timestamp,
    /// How long to keep the file, in seconds.
    pub retain_for: Option<u64>,
    /// When its bytes are looked for next. An upload has it when its client says neither how many bytes it sends nor
    /// when it has sent them: then it is completed late, and always single.
    pub look_at: Option<Timestamp>,
}

impl NewUpload {
    /// The bytes its client declared, if it did.
    pub fn declared_size(&self) -> Option<u64> {
        self.look_at.is_none().then_some(self.size)
    }
}

impl Record {
    /// Its bytes, as far as they are known: declared, or those of the file.
    pub fn known_size(&self) -> Option<u64> {
        match self.file {
            Some(_) => Some(self.upload.size),
            None => self.upload.declared_size(),
        }
    }
}

/// All that is remembered under one id.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was declared.
    pub upload: NewUpload,
    /// Where it is in its life.
    pub state: State,
    /// How many edges it went along and patches it took: the fence that the next one must name.
    pub epoch: u64,
    /// Until when the run that verifies or deletes it is left alone.
    pub lease_until: Option<Timestamp>,
    /// The `ETag` of the quarantined object that is being verified.
    pub source_etag: Option<String>,
    /// Why it failed.
    pub problem: Option<Problem>,
    /// What was found when it became available.
    pub file: Option<FileFacts>,
    /// When it became available. A file of before this was remembered has none.
    pub verified_at: Option<Timestamp>,
    /// How many downloads were issued.
    pub download_count: u64,
    /// Whether something besides the file may still lie in storage: a quarantined object, parts, a rejected
    /// final object. True from the insert of every upload, single or multipart, until `forget_leftovers`.
    pub leftovers: bool,
    /// How often it was claimed since it last got on.
    pub attempts: u64,
    /// Until when no sweep looks at it.
    pub postponed_until: Option<Timestamp>,
}

/// What verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFacts {
    /// Its bytes: the declared ones or, when none were declared, those that were found.
    pub size: u64,
    /// The final object's `ETag`.
    pub etag: String,
    /// The checksum of the bytes: the declared one or, without one, storage's own.
    pub checksum: Option<Checksum>,
    /// What was checked.
    pub integrity: Integrity,
    /// The type its first bytes speak of.
    pub detected_type: Option<String>,
    /// When its retention ends.
    pub expires_at: Option<Timestamp>,
}
