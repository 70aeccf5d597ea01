//! Receipts: what the service signs about a file it verified, and the keys to check it with.
//!
//! A receipt is a JWS in its compact form (RFC 7515) with the algorithm EdDSA (RFC 8037). Its claims are only what
//! nobody can change afterwards, so that a file has one receipt for as long as its key is used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::file::{File, Integrity};
use crate::{Checksum, ContentType, FileId, ObjectKey, Subject, Tenant};

/// The only algorithm of receipts.
pub const ALGORITHM: &str = "EdDSA";
/// The `typ` of receipts (RFC 8725 §3.11): no other token can pass as one, nor one as another token.
pub const TYPE: &str = "receipt+jwt";
/// Where the service publishes its keys, below its `public_url`.
pub const JWKS_PATH: &str = "/.well-known/jwks.json";

/// What a receipt claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who says so: the `public_url` of the service.
    pub iss: String,
    /// Whose file it is.
    pub sub: Subject,
    /// In which tenant that is; absent for the default one.
    #[serde(default, skip_serializing_if = "Tenant::is_default")]
    pub tenant: Tenant,
    /// `verified_at` in whole seconds since 1970, for JWT libraries.
    pub iat: i64,
    /// The id of the file.
    pub id: FileId,
    /// Its bucket.
    pub bucket: String,
    /// Its object key in the bucket.
    pub key: ObjectKey,
    /// Its bytes.
    pub size: u64,
    /// Its checksum, if any is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// What was checked.
    pub integrity: Integrity,
    /// The declared media type.
    pub content_type: ContentType,
    /// The media type its first bytes speak of, when they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_type: Option<String>,
    /// The object's `ETag`.
    pub etag: String,
    /// When it became available.
    pub verified_at: Timestamp,
}

impl Receipt {
    /// What `issuer` says of a file that it verified then.
    pub fn of(file: &File, issuer: &str, verified_at: Timestamp) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: file.owner.clone(),
            tenant: file.tenant.clone(),
            iat: verified_at.as_second(),
            id: file.id,
            bucket: file.bucket.clone(),
            key: file.key.clone(),
            size: file.size,
            checksum: file.checksum,
            integrity: file.integrity,
            content_type: file.content_type.clone(),
            detected_type: file.detected_type.clone(),
            etag: file.etag.clone(),
            verified_at,
        }
    }
}

/// The keys receipts are checked with (RFC 7517 §5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Jwks {
    /// The key in use, and others that are published with it.
    pub keys: Vec<Jwk>,
}

/// The public half of an Ed25519 key (RFC 8037 §2). There is no room in it for the other half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Jwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// Base64url of its 32 bytes.
    pub x: String,
    /// Its thumbprint (RFC 7638), by which receipts name it.
    pub kid: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

impl Jwk {
    /// The key with these bytes.
    pub fn ed25519(public_key: &[u8; 32]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        // The members it must have, in their order, without white space (RFC 7638 §3, RFC 8037 §2).
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)),
            x,
            alg: ALGORITHM.to_owned(),
            usage: "sig".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_the_published_example() {
        // RFC 8037, appendix A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let bytes = URL_SAFE_NO_PAD.decode(x).unwrap();
        let jwk = Jwk::ed25519(&bytes.try_into().unwrap());
        assert_eq!(jwk.x, x);
        assert_eq!(jwk.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(serde_json::to_value(&jwk).unwrap().get("d").is_none());
    }
}
