//! The requests clients may send: pure computation, no call to storage.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use valetkey_protocol::request::Method as ClientMethod;
use valetkey_protocol::{Algorithm, Checksum, ObjectKey, PresignedRequest, PresignedUrl};
use valetkey_sign::s3::headers::{
    CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, X_AMZ_CHECKSUM_CRC32C, X_AMZ_CHECKSUM_CRC64NVME,
    X_AMZ_CHECKSUM_SHA256,
};
use valetkey_sign::s3::{Method, Presigner};
use valetkey_sign::{Endpoint, SignError};

use super::keys::SigningKeys;
use crate::{GetGrant, PartGrant, PutGrant, StoreError, Validity};

/// Signs for clients: with our keys, for the address they reach the bucket at.
pub(super) struct ClientSigner {
    pub(super) endpoint: Endpoint,
    pub(super) keys: Arc<SigningKeys>,
}

impl ClientSigner {
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
        let sign = |part: &PartGrant| {
            let number = part.number.to_string();
            let size = part.size.to_string();
            let checksum = part.checksum.as_ref().map(checksum_header);
            let length = (CONTENT_LENGTH, size.as_str());
            let query = [("partNumber", number.as_str()), ("uploadId", upload_id)];
            match &checksum {
                None => batch.request(ClientMethod::Put, key, &query, &[length]),
                Some((name, value)) => {
                    batch.request(ClientMethod::Put, key, &query, &[length, (name, value)])
                }
            }
        };
        parts.iter().map(sign).collect()
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

    fn batch(&self, valid: Validity) -> Result<Batch<'_>, StoreError> {
        let key = self.keys.at(valid.now).map_err(unsignable)?;
        let presigner = Presigner::new(&self.endpoint, &key, valid.now, valid.seconds);
        let lifetime = SignedDuration::from_secs(i64::from(valid.seconds));
        // A signature carries whole seconds: what storage counts from is what is promised.
        let expires_at = Timestamp::from_second(valid.now.as_second())
            .and_then(|signed_at| signed_at.checked_add(lifetime));
        Ok(Batch {
            presigner: presigner.map_err(unsignable)?,
            expires_at: expires_at.map_err(|error| unsignable_because(error.to_string()))?,
        })
    }
}

/// Requests that are signed at one instant for one lifetime.
struct Batch<'a> {
    presigner: Presigner<'a>,
    expires_at: Timestamp,
}

/// Holds most presigned URLs without growing; a session token makes longer ones.
const URL_CAPACITY: usize = 640;

impl Batch<'_> {
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
        let to_send = signed.iter().filter(|(name, _)| *name != CONTENT_LENGTH);
        let headers = to_send.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Ok(PresignedRequest {
            method,
            url: PresignedUrl::new(url),
            headers: BTreeMap::from_iter(headers),
            expires_at: self.expires_at,
        })
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
