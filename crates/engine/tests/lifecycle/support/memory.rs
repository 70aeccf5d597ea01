//! A store in memory that keeps S3's promises, and breaks them when a test says so.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use valetkey_protocol::request::Method;
use valetkey_protocol::{
    Algorithm, Checksum, FileId, Hasher, ObjectKey, PresignedRequest, PresignedUrl,
};
use valetkey_store::{
    Capabilities, CopyObject, CreateMultipart, GetGrant, ObjectInfo, ObjectStore, OpenMultipart,
    Page, PartGrant, PutGrant, StoreError, StoredObject, StoredPart, Validity,
};

/// Key and name of a multipart upload.
type MultipartName = (String, String);

type Parts = BTreeMap<u32, Vec<u8>>;

#[derive(Default)]
pub(crate) struct MemoryStore {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    parts: Mutex<BTreeMap<MultipartName, Parts>>,
    started: AtomicU64,
    /// Since when everything is there, in seconds since 1970.
    since: AtomicI64,
    faults: Mutex<Vec<Fault>>,
    lasting: Mutex<Vec<Fault>>,
    pub(crate) copies: AtomicU64,
    pub(crate) calls: AtomicU64,
    /// The keys that were read, in order.
    pub(crate) reads: Mutex<Vec<String>>,
    /// What [`Fault::PauseCopy`] and [`Fault::PauseCreate`] pause waits here.
    pub(crate) gate: Gate,
}

pub(crate) struct Gate {
    pub(crate) reached: Semaphore,
    pub(crate) open: Semaphore,
}

impl Gate {
    async fn pause(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            reached: Semaphore::new(0),
            open: Semaphore::new(0),
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The quarantined object is replaced just before it is copied.
    SwapBeforeCopy(Vec<u8>),
    /// The copy lands as other bytes.
    CorruptCopy(Vec<u8>),
    /// Copying does not answer.
    CopyUnavailable,
    /// Copying is refused.
    CopyRefused,
    /// Lists of multipart uploads are refused.
    ListMultipartsRefused,
    /// Nothing that is asked or removed is answered.
    Down,
    /// The copy waits until the gate opens.
    PauseCopy,
    /// Completing a multipart upload is done, but the answer is lost.
    CompleteAnswerLost,
    /// Completing a multipart upload is not done, and does not answer.
    CompleteUnavailable,
    /// Deleting does not answer.
    DeleteUnavailable,
    /// Giving up a multipart upload does not answer.
    AbortUnavailable,
    /// Starting a multipart upload waits until the gate opens.
    PauseCreate,
    /// Starting a multipart upload does not answer.
    CreateUnavailable,
    /// Starting a multipart upload is done, but the answer is lost.
    CreateAnswerLost,
    /// Reading does not answer.
    ReadUnavailable,
}

impl MemoryStore {
    /// Arms a fault for the next call it concerns.
    pub(crate) fn arm(&self, fault: Fault) {
        self.faults.lock().unwrap().push(fault);
    }

    /// Lets a fault last until it is mended.
    pub(crate) fn arm_for_good(&self, fault: Fault) {
        self.lasting.lock().unwrap().push(fault);
    }

    /// Ends every lasting fault.
    pub(crate) fn mend(&self) {
        self.lasting.lock().unwrap().clear();
    }

    fn take(&self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let lasting = self.lasting.lock().unwrap();
        if let Some(fault) = lasting.iter().find(|fault| wanted(fault)) {
            return Some(fault.clone());
        }
        let mut faults = self.faults.lock().unwrap();
        let index = faults.iter().position(wanted)?;
        Some(faults.remove(index))
    }

    /// What a client's PUT does: nothing when an object is there, as `if-none-match: *` says.
    pub(crate) fn put_single(&self, id: FileId, bytes: &[u8]) -> bool {
        let key = ObjectKey::quarantine(id).to_string();
        let mut objects = self.objects.lock().unwrap();
        let free = !objects.contains_key(&key);
        if free {
            objects.insert(key, bytes.to_vec());
        }
        free
    }

    /// What a PUT does that nothing but its type was signed for.
    pub(crate) fn put_plain(&self, id: FileId, bytes: &[u8]) {
        self.put(ObjectKey::quarantine(id).as_str(), bytes);
    }

    /// What a client's PUT of a part does.
    pub(crate) fn put_part(&self, key: &str, number: u32, bytes: &[u8]) {
        let mut uploads = self.parts.lock().unwrap();
        let open = uploads.iter_mut().find(|((one, _), _)| one == key);
        let (_, parts) = open.expect("an open upload");
        parts.insert(number, bytes.to_vec());
    }

    /// Starts a multipart upload, as whoever has the bucket's key can.
    pub(crate) fn start(&self, key: &str) -> String {
        let upload_id = format!("upload-{}", self.started.fetch_add(1, Ordering::SeqCst));
        let name = (key.to_owned(), upload_id.clone());
        self.parts.lock().unwrap().insert(name, BTreeMap::new());
        upload_id
    }

    /// Stores an object, as whoever has the bucket's key can.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.objects
            .lock()
            .unwrap()
            .insert(key.to_owned(), bytes.to_vec());
    }

    /// Says since when everything is there.
    pub(crate) fn all_since(&self, instant: Timestamp) {
        self.since.store(instant.as_second(), Ordering::SeqCst);
    }

    fn age(&self) -> Timestamp {
        Timestamp::from_second(self.since.load(Ordering::SeqCst)).unwrap()
    }

    /// Loses an object.
    pub(crate) fn lose(&self, key: &str) {
        self.objects.lock().unwrap().remove(key).unwrap();
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().get(key).cloned()
    }

    pub(crate) fn open_multiparts(&self) -> usize {
        self.parts.lock().unwrap().len()
    }

    fn answer(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.take(|fault| *fault == Fault::Down) {
            Some(_) => Err(unavailable()),
            None => Ok(()),
        }
    }

    fn refuse(&self, fault: &Fault) -> Result<(), StoreError> {
        match self.take(|armed| armed == fault) {
            Some(_) => Err(StoreError::Refused {
                status: 403,
                code: "AccessDenied".to_owned(),
                message: "no".to_owned(),
            }),
            None => Ok(()),
        }
    }
}

fn etag(bytes: &[u8]) -> String {
    format!(
        "\"{}\"",
        Hasher::digest(Algorithm::Crc32c, bytes).to_base64()
    )
}

fn info(bytes: &[u8]) -> ObjectInfo {
    ObjectInfo {
        size: bytes.len() as u64,
        etag: etag(bytes),
        content_type: None,
        checksums: vec![Hasher::digest(Algorithm::Crc64Nvme, bytes)],
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        what: "no answer".to_owned(),
    }
}

fn named(key: &ObjectKey, upload_id: &str) -> (String, String) {
    (key.to_string(), upload_id.to_owned())
}

fn whole<T>(items: impl Iterator<Item = T>) -> Page<T> {
    Page {
        items: items.collect(),
        next: None,
    }
}

fn signed(what: String, method: Method, valid: Validity) -> PresignedRequest {
    PresignedRequest {
        method,
        url: PresignedUrl::new(format!(
            "https://store.test/{what}&at={}&for={}&signature=secret",
            valid.now, valid.seconds
        )),
        headers: BTreeMap::new(),
        expires_at: valid.now + SignedDuration::from_secs(i64::from(valid.seconds)),
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            full_object_checksums: true,
        }
    }

    fn presign_put(
        &self,
        put: &PutGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        Ok(signed(
            format!(
                "{}?size={:?}&checksum={:?}",
                put.key, put.size, put.checksum
            ),
            Method::Put,
            valid,
        ))
    }

    fn presign_parts(
        &self,
        key: &ObjectKey,
        _upload_id: &str,
        parts: &[PartGrant],
        valid: Validity,
    ) -> Result<Vec<PresignedRequest>, StoreError> {
        let sign = |part: &PartGrant| {
            let checksum = part
                .checksum
                .as_ref()
                .map(Checksum::to_base64)
                .unwrap_or_default();
            signed(
                format!(
                    "{key}?part={}&size={}&checksum={checksum}",
                    part.number, part.size
                ),
                Method::Put,
                valid,
            )
        };
        Ok(parts.iter().map(sign).collect())
    }

    fn presign_get(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        let what = format!(
            "{}?type={}&disposition={}",
            get.key, get.content_type, get.content_disposition
        );
        Ok(signed(what, Method::Get, valid))
    }

    fn presign_head(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedUrl, StoreError> {
        let signed = self.presign_get(get, valid)?;
        Ok(PresignedUrl::new(format!("{}&head", signed.url.expose())))
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        self.answer()?;
        Ok(self.bytes(key.as_str()).as_deref().map(info))
    }

    async fn copy(&self, copy: &CopyObject<'_>) -> Result<(), StoreError> {
        self.answer()?;
        self.refuse(&Fault::CopyRefused)?;
        if self.take(|fault| *fault == Fault::PauseCopy).is_some() {
            self.gate.pause().await;
        }
        if self
            .take(|fault| *fault == Fault::CopyUnavailable)
            .is_some()
        {
            return Err(unavailable());
        }
        let mut objects = self.objects.lock().unwrap();
        if let Some(Fault::SwapBeforeCopy(bytes)) =
            self.take(|fault| matches!(fault, Fault::SwapBeforeCopy(_)))
        {
            objects.insert(copy.source.to_string(), bytes);
        }
        let bytes = objects
            .get(copy.source.as_str())
            .cloned()
            .ok_or(StoreError::NotFound)?;
        if etag(&bytes) != copy.source_etag {
            return Err(StoreError::PreconditionFailed);
        }
        let corrupt = self.take(|fault| matches!(fault, Fault::CorruptCopy(_)));
        let landed = if let Some(Fault::CorruptCopy(other)) = corrupt {
            other
        } else {
            bytes
        };
        objects.insert(copy.target.to_string(), landed);
        self.copies.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn create_multipart(&self, create: &CreateMultipart<'_>) -> Result<String, StoreError> {
        self.answer()?;
        if self.take(|fault| *fault == Fault::PauseCreate).is_some() {
            self.gate.pause().await;
        }
        if self
            .take(|fault| *fault == Fault::CreateUnavailable)
            .is_some()
        {
            return Err(unavailable());
        }
        let upload_id = self.start(create.key.as_str());
        match self.take(|fault| *fault == Fault::CreateAnswerLost) {
            Some(_) => Err(unavailable()),
            None => Ok(upload_id),
        }
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, StoreError> {
        self.answer()?;
        let uploads = self.parts.lock().unwrap();
        let list = |parts: &Parts| {
            let part = |(number, bytes): (&u32, &Vec<u8>)| StoredPart {
                number: *number,
                size: bytes.len() as u64,
                etag: etag(bytes),
            };
            parts.iter().map(part).collect()
        };
        Ok(uploads.get(&named(key, upload_id)).map(list))
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        _parts: &[StoredPart],
    ) -> Result<(), StoreError> {
        self.answer()?;
        if self
            .take(|fault| *fault == Fault::CompleteUnavailable)
            .is_some()
        {
            return Err(unavailable());
        }
        let parts = self
            .parts
            .lock()
            .unwrap()
            .remove(&named(key, upload_id))
            .ok_or(StoreError::NotFound)?;
        let bytes = parts.into_values().flatten().collect();
        self.objects.lock().unwrap().insert(key.to_string(), bytes);
        match self.take(|fault| *fault == Fault::CompleteAnswerLost) {
            Some(_) => Err(unavailable()),
            None => Ok(()),
        }
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload_id: &str) -> Result<(), StoreError> {
        self.answer()?;
        if self
            .take(|fault| *fault == Fault::AbortUnavailable)
            .is_some()
        {
            return Err(unavailable());
        }
        self.parts.lock().unwrap().remove(&named(key, upload_id));
        Ok(())
    }

    async fn put_empty(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.answer()?;
        self.objects
            .lock()
            .unwrap()
            .insert(key.to_string(), Vec::new());
        Ok(())
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.answer()?;
        if self
            .take(|fault| *fault == Fault::DeleteUnavailable)
            .is_some()
        {
            return Err(unavailable());
        }
        self.objects.lock().unwrap().remove(key.as_str());
        Ok(())
    }

    async fn read(
        &self,
        key: &ObjectKey,
        tag: &str,
        offset: u64,
        length: u64,
    ) -> Result<Bytes, StoreError> {
        self.answer()?;
        self.reads.lock().unwrap().push(key.to_string());
        let unavailable = self.take(|fault| *fault == Fault::ReadUnavailable);
        if unavailable.is_some() {
            return Err(self::unavailable());
        }
        let bytes = self.bytes(key.as_str()).ok_or(StoreError::NotFound)?;
        if etag(&bytes) != tag {
            return Err(StoreError::PreconditionFailed);
        }
        let begin = usize::try_from(offset).unwrap();
        let end = bytes.len().min(begin + usize::try_from(length).unwrap());
        Ok(Bytes::copy_from_slice(&bytes[begin..end]))
    }

    async fn list_objects(
        &self,
        prefix: &str,
        _after: Option<&str>,
    ) -> Result<Page<StoredObject>, StoreError> {
        self.answer()?;
        let objects = self.objects.lock().unwrap();
        let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let items = found.map(|(key, bytes)| StoredObject {
            key: key.clone(),
            size: bytes.len() as u64,
            modified_at: self.age(),
        });
        Ok(whole(items))
    }

    async fn list_multiparts(
        &self,
        prefix: &str,
        _after: Option<&str>,
    ) -> Result<Page<OpenMultipart>, StoreError> {
        self.answer()?;
        self.refuse(&Fault::ListMultipartsRefused)?;
        let uploads = self.parts.lock().unwrap();
        let found = uploads.keys().filter(|(key, _)| key.starts_with(prefix));
        let items = found.map(|(key, upload_id)| OpenMultipart {
            key: key.clone(),
            upload_id: upload_id.clone(),
            started_at: self.age(),
        });
        Ok(whole(items))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
