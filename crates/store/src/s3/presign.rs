//! The requests clients may send: pure computation, no call to storage.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::request::Method as ClientMethod;
use valetkey_protocol::{Algorithm, Checksum, ObjectKey, PresignedRequest, PresignedUrl};
use valetkey_sign::s3::headers::{
    CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, X_AMZ_CHECKSUM_CRC32C, X_AMZ_CHECKSUM_CRC64NVME,
    X_AMZ_CHECKSUM_SHA256,
};
use valetkey_sign::s3::{Method, Parts, Presigner, SigningKey, Template};
use valetkey_sign::{Endpoint, SignError};

use super::answer::unavailable;
use super::at_rest::AtRest;
use super::keys::SigningKeys;
use super::recent::Recent;
use crate::{GetGrant, PartGrant, PutGrant, StoreError, Validity};

/// Signs for clients: with our keys, for the address they reach the bucket at.
pub(super) struct ClientSigner {
    pub(super) endpoint: Endpoint,
    keys: Arc<SigningKeys>,
    credentials_end: Option<Timestamp>,
    at_rest: Arc<AtRest>,
    /// What all requests of the last second have in common.
    batches: Recent<Batch>,
}

impl ClientSigner {
    pub(super) fn new(
        endpoint: Endpoint,
        keys: Arc<SigningKeys>,
        at_rest: Arc<AtRest>,
        credentials_end: Option<Timestamp>,
    ) -> Self {
        Self {
            endpoint,
            keys,
            at_rest,
            credentials_end,
            batches: Recent::new(),
        }
    }

    pub(super) fn put(
        &self,
        put: &PutGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedRequest, StoreError> {
        // A client that sends nothing but the type sends none of these; its object is encrypted when it is copied.
        let encryption = match put.size {
            Some(_) => self.at_rest.encryption(),
            None => Vec::new(),
        };
        self.batch(valid)?.put(put, &encryption)
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
        let batch = self.batch(valid)?;
        let url = batch.read(Method::Get, get)?;
        Ok(batch.signed(ClientMethod::Get, url, &[]))
    }

    pub(super) fn head(
        &self,
        get: &GetGrant<'_>,
        valid: Validity,
    ) -> Result<PresignedUrl, StoreError> {
        let url = self.batch(valid)?.read(Method::Head, get)?;
        Ok(PresignedUrl::new(url))
    }

    /// Made once for each second and lifetime.
    fn batch(&self, valid: Validity) -> Result<Arc<Batch>, StoreError> {
        let valid = self.within_credentials(valid)?;
        let named = (valid.now.as_second(), valid.seconds);
        self.batches.get_or_make(
            |batch| (batch.second, batch.seconds) == named,
            || {
                let key = self.keys.at(valid.now).map_err(unsignable)?;
                Batch::new(&self.endpoint, &key, valid)
            },
        )
    }
}

impl ClientSigner {
    /// No longer than the credentials hold: storage would refuse what outlives them.
    fn within_credentials(&self, valid: Validity) -> Result<Validity, StoreError> {
        let Some(end) = self.credentials_end else {
            return Ok(valid);
        };
        let left = end.duration_since(valid.now).as_secs() - CREDENTIALS_MARGIN;
        if left < 1 {
            return Err(unavailable(
                "its credentials end, or have ended: give the service new ones",
            ));
        }
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        Ok(Validity {
            seconds: valid.seconds.min(left),
            ..valid
        })
    }
}

/// Nothing that is signed ends later than this many seconds before the credentials do.
const CREDENTIALS_MARGIN: i64 = 60;

/// Requests that are signed at one instant for one lifetime.
struct Batch {
    second: i64,
    seconds: u32,
    presigner: Presigner,
    /// PUTs differ in the key and in header values only: one template for each set of names, when it is needed.
    puts: [OnceLock<Template>; PUTS],
    expires_at: Timestamp,
}

/// With or without a size, a type, and a checksum of each algorithm or none.
const PUTS: usize = 2 * 2 * 4;

/// Holds most presigned URLs without growing; a session token makes longer ones.
const URL_CAPACITY: usize = 640;

impl Batch {
    fn new(endpoint: &Endpoint, key: &SigningKey, valid: Validity) -> Result<Self, StoreError> {
        let presigner = Presigner::new(endpoint, key, valid.now, valid.seconds);
        let second = valid.now.as_second();
        let lifetime = SignedDuration::from_secs(i64::from(valid.seconds));
        // A signature carries whole seconds: what storage counts from is what is promised.
        let expires_at =
            Timestamp::from_second(second).and_then(|signed_at| signed_at.checked_add(lifetime));
        Ok(Self {
            second,
            seconds: valid.seconds,
            presigner: presigner.map_err(unsignable)?,
            puts: Default::default(),
            expires_at: expires_at.map_err(|error| unsignable_because(error.to_string()))?,
        })
    }

    fn put(
        &self,
        put: &PutGrant<'_>,
        encryption: &[(&str, &str)],
    ) -> Result<PresignedRequest, StoreError> {
        let size = put.size.map(|size| size.to_string());
        let checksum = put.checksum.map(checksum_header);
        let mut signed = Vec::with_capacity(6);
        signed.extend(size.as_deref().map(|size| (CONTENT_LENGTH, size)));
        signed.extend(put.content_type.map(|one| (CONTENT_TYPE, one.as_str())));
        signed.extend(size.is_some().then_some((IF_NONE_MATCH, "*")));
        signed.extend(checksum.as_ref().map(|(name, value)| (*name, &**value)));
        signed.extend(encryption);
        let mut url = String::with_capacity(URL_CAPACITY);
        let values: Vec<&str> = signed.iter().map(|(_, value)| *value).collect();
        self.put_template(put, &signed)?
            .presign(put.key.as_str().as_bytes(), &values, &mut url)
            .map_err(unsignable)?;
        Ok(self.signed(ClientMethod::Put, url, &signed))
    }

    /// The template for PUTs with headers of these names. Those for encryption are the same in all of a kind.
    fn put_template(
        &self,
        put: &PutGrant<'_>,
        headers: &[(&str, &str)],
    ) -> Result<&Template, StoreError> {
        let checksum = match put.checksum.map(Checksum::algorithm) {
            None => 0,
            Some(Algorithm::Sha256) => 1,
            Some(Algorithm::Crc64Nvme) => 2,
            Some(Algorithm::Crc32c) => 3,
        };
        let (sized, typed) = (put.size.is_some(), put.content_type.is_some());
        let template = &self.puts[checksum + 4 * usize::from(sized) + 8 * usize::from(typed)];
        if let Some(template) = template.get() {
            return Ok(template);
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let made = self.presigner.template(Method::Put, &[], &names);
        let made = made.map_err(unsignable)?;
        // Should another thread have made it in between, one of them is as good as the other.
        Ok(template.get_or_init(|| made))
    }

    /// The URL of a request that reads an object, or asks for its headers alone.
    fn read(&self, method: Method, get: &GetGrant<'_>) -> Result<String, StoreError> {
        let overrides = [
            ("response-content-disposition", get.content_disposition),
            ("response-content-type", get.content_type),
        ];
        let key = get.key.as_str().as_bytes();
        let mut url = String::with_capacity(URL_CAPACITY);
        self.presigner
            .presign(method, key, &overrides, &[], &mut url)
            .map_err(unsignable)?;
        Ok(url)
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
