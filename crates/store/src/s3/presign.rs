//! The requests clients may send: pure computation, no call to storage.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::request::Method as ClientMethod;
use valetkey_protocol::{Algorithm, Checksum, ObjectKey, PresignedRequest, PresignedUrl};
use valetkey_sign::s3::headers::{
    CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, X_AMZ_CHECKSUM_CRC32C, X_AMZ_CHECKSUM_CRC64NVME,
    X_AMZ_CHECKSUM_SHA256,
};
use valetkey_sign::s3::{Method, Parts, Presigner};
use valetkey_sign::{Endpoint, SignError};

use super::keys::SigningKeys;
use crate::{GetGrant, PartGrant, PutGrant, StoreError, Validity};

/// Signs for clients: with our keys, for the address they reach the bucket at.
pub(super) struct ClientSigner {
    pub(super) endpoint: Endpoint,
    keys: Arc<SigningKeys>,
    /// What all requests of the last second have in common.
    latest: Mutex<Option<Arc<Batch>>>,
}

impl ClientSigner {
    pub(super) fn new(endpoint: Endpoint, keys: Arc<SigningKeys>) -> Self {
        Self {
            endpoint,
            keys,
            latest: Mutex::new(None),
        }
    }

    pub(super) fn put(
        &self,
        put: &PutGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        let size = put.size.to_string();
        let checksum = put.checksum.map(checksum_header);
        let mut signed = vec![
            (CONTENT_LENGTH, size.as_str()),
            (CONTENT_TYPE, put.content_type.as_str()),
            (IF_NONE_MATCH, "*"),
        ];
        signed.extend(checksum.as_ref().map(|(name, value)| (*name, &**value)));
        self.batch(valid)?
            .request(ClientMethod::Put, put.key, &[], &signed)
    }

    pub(super) fn parts(
        &self,
        key: &ObjectKey,
        upload_id: &str,
        parts: &[PartGrant],
        valid: Validity,
    ) -> Result<Vec<PresignedRequest>, StoreError> {
        check_upload_id(upload_id)?;
        let batch = self.batch(valid)?;
        let mut signers = PartSigners {
            batch: &batch,
            key,
            upload_id,
            made: Vec::new(),
        };
        parts.iter().map(|part| signers.part(part)).collect()
    }

    pub(super) fn get(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        let overrides = [
            ("response-content-disposition", get.content_disposition),
            ("response-content-type", get.content_type),
        ];
        self.batch(valid)?
            .request(ClientMethod::Get, get.key, &overrides, &[])
    }

    /// Made once for each second and lifetime.
    fn batch(&self, valid: Validity) -> Result<Arc<Batch>, StoreError> {
        let second = valid.now.as_second();
        // A batch is replaced whole, so one that a panicking thread left behind is still good.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |batch: &&Arc<Batch>| (batch.second, batch.seconds) == (second, valid.seconds);
        if let Some(batch) = latest.as_ref().filter(fits) {
            return Ok(Arc::clone(batch));
        }
        let key = self.keys.at(valid.now).map_err(unsignable)?;
        let presigner = Presigner::new(&self.endpoint, &key, valid.now, valid.seconds);
        let lifetime = SignedDuration::from_secs(i64::from(valid.seconds));
        // A signature carries whole seconds: what storage counts from is what is promised.
        let expires_at =
            Timestamp::from_second(second).and_then(|signed_at| signed_at.checked_add(lifetime));
        let batch = Batch {
            second,
            seconds: valid.seconds,
            presigner: presigner.map_err(unsignable)?,
            expires_at: expires_at.map_err(|error| unsignable_because(error.to_string()))?,
        };
        Ok(Arc::clone(latest.insert(Arc::new(batch))))
    }
}

/// Requests that are signed at one instant for one lifetime.
struct Batch {
    second: i64,
    seconds: u32,
    presigner: Presigner,
    expires_at: Timestamp,
}

/// Holds most presigned URLs without growing; a session token makes longer ones.
const URL_CAPACITY: usize = 640;

impl Batch {
    fn request(
        &self,
        method: ClientMethod,
        key: &ObjectKey,
        query: &[(&str, &str)],
        signed: &[(&str, &str)],
    ) -> Result<PresignedRequest, StoreError> {
        let verb = match method {
            ClientMethod::Get => Method::Get,
            ClientMethod::Put => Method::Put,
        };
        let mut url = String::with_capacity(URL_CAPACITY);
        self.presigner
            .presign(verb, key.as_str().as_bytes(), query, signed, &mut url)
            .map_err(unsignable)?;
        Ok(self.signed(method, url, signed))
    }

    fn signed(
        &self,
        method: ClientMethod,
        url: String,
        signed: &[(&str, &str)],
    ) -> PresignedRequest {
        let to_send = signed.iter().filter(|(name, _)| *name != CONTENT_LENGTH);
        let headers = to_send.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        PresignedRequest {
            method,
            url: PresignedUrl::new(url),
            headers: BTreeMap::from_iter(headers),
            expires_at: self.expires_at,
        }
    }
}

/// Signs the parts of one upload: what they have in common is hashed once for each checksum's name.
struct PartSigners<'a> {
    batch: &'a Batch,
    key: &'a ObjectKey,
    upload_id: &'a str,
    made: Vec<(Option<&'static str>, Parts)>,
}

impl PartSigners<'_> {
    fn part(&mut self, part: &PartGrant) -> Result<PresignedRequest, StoreError> {
        let size = part.size.to_string();
        let checksum = part.checksum.as_ref().map(checksum_header);
        let parts = self.parts(checksum.as_ref().map(|(name, _)| *name))?;
        let mut url = String::with_capacity(URL_CAPACITY);
        let number = part.number;
        let length = (CONTENT_LENGTH, &*size);
        match &checksum {
            None => {
                let signed = parts.presign(number, &[&size], &mut url);
                signed.map_err(unsignable)?;
                Ok(self.batch.signed(ClientMethod::Put, url, &[length]))
            }
            Some((name, value)) => {
                let signed = parts.presign(number, &[&size, value], &mut url);
                signed.map_err(unsignable)?;
                let headers = [length, (name, value)];
                Ok(self.batch.signed(ClientMethod::Put, url, &headers))
            }
        }
    }

    /// The signer of parts with a checksum of this name, or without one.
    fn parts(&mut self, checksum: Option<&'static str>) -> Result<&Parts, StoreError> {
        let at = match self.made.iter().position(|(name, _)| *name == checksum) {
            Some(at) => at,
            None => {
                let names: Vec<&str> = [CONTENT_LENGTH].into_iter().chain(checksum).collect();
                let key = self.key.as_str().as_bytes();
                let parts = self.batch.presigner.parts(key, self.upload_id, &names);
                self.made.push((checksum, parts.map_err(unsignable)?));
                self.made.len() - 1
            }
        };
        Ok(&self.made[at].1)
    }
}

/// Refuses the upload id that would turn a request about a part into one about the object.
pub(super) fn check_upload_id(upload_id: &str) -> Result<(), StoreError> {
    if upload_id.is_empty() {
        return Err(unsignable_because("the upload id is empty"));
    }
    Ok(())
}

pub(super) fn unsignable(error: SignError) -> StoreError {
    unsignable_because(error.to_string())
}

fn unsignable_because(why: impl Into<String>) -> StoreError {
    StoreError::Unsignable { why: why.into() }
}

fn checksum_header(checksum: &Checksum) -> (&'static str, String) {
    (checksum_name(checksum.algorithm()), checksum.to_base64())
}

/// The header that carries checksums of this algorithm.
pub(super) fn checksum_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => X_AMZ_CHECKSUM_SHA256,
        Algorithm::Crc64Nvme => X_AMZ_CHECKSUM_CRC64NVME,
        Algorithm::Crc32c => X_AMZ_CHECKSUM_CRC32C,
    }
}
