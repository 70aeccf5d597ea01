//! One request to sign, as a line of JSON.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Map, Value};

use super::PresignError;
use super::unique::Unique;

/// A request for one of the providers.
pub(super) enum Line {
    S3(S3Line),
    Gcs(GcsLine),
    Azure(Box<AzureLine>),
    CloudFront(CloudFrontLine),
}

/// Names and values, in order.
pub(super) type Pairs = Vec<(String, String)>;

/// What is asked of a bucket of S3 or Google.
#[derive(Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    pub(super) method: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) style: Option<Style>,
    pub(super) at: Option<String>,
    pub(super) expires_in: u32,
    #[serde(default)]
    pub(super) headers: Pairs,
    #[serde(default)]
    pub(super) query: Pairs,
    #[serde(default)]
    pub(super) allow_dot_segments: bool,
    /// Sign a form instead of a URL.
    pub(super) form: Option<FormLine>,
}

/// How the address names the bucket.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum Style {
    Virtual,
    Path,
    Bound,
}

/// A form, as a page posts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormLine {
    #[serde(default)]
    pub(super) fields: Pairs,
    pub(super) content_length: Option<(u64, u64)>,
}

/// A request to S3.
pub(super) struct S3Line {
    pub(super) ask: Ask,
    pub(super) signer: S3Signer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct S3Signer {
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: Option<String>,
}

/// A request to Google Cloud Storage.
pub(super) struct GcsLine {
    pub(super) ask: Ask,
    pub(super) signer: GcsSigner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GcsSigner {
    pub(super) client_email: Option<String>,
    pub(super) private_key: Option<String>,
    pub(super) hmac_access_id: Option<String>,
    pub(super) hmac_secret: Option<String>,
}

/// A grant for Azure.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AzureLine {
    pub(super) account: String,
    pub(super) account_key: Option<String>,
    pub(super) user_delegation_key: Option<DelegationKey>,
    pub(super) container: String,
    /// One blob; without it, all of the container or directory.
    pub(super) blob: Option<String>,
    pub(super) directory: Option<String>,
    pub(super) permissions: String,
    pub(super) start: Option<String>,
    pub(super) expiry: String,
    pub(super) ip: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) version: Option<String>,
    pub(super) endpoint: Option<String>,
    #[serde(default)]
    pub(super) overrides: OverridesLine,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegationKey {
    pub(super) signed_oid: String,
    pub(super) signed_tid: String,
    pub(super) signed_start: String,
    pub(super) signed_expiry: String,
    pub(super) signed_service: String,
    pub(super) signed_version: String,
    pub(super) signed_delegated_user_tid: Option<String>,
    pub(super) value: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OverridesLine {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
}

/// A URL, or cookies, for CloudFront.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloudFrontLine {
    /// Cookies with a policy name no URL.
    pub(super) url: Option<String>,
    pub(super) key_pair_id: String,
    pub(super) private_key: String,
    pub(super) hash: Option<HashName>,
    /// Seconds since the epoch.
    pub(super) expires: Option<i64>,
    /// The exact JSON text.
    pub(super) policy: Option<String>,
    #[serde(default)]
    pub(super) cookies: bool,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum HashName {
    Sha1,
    Sha256,
}

impl Line {
    /// Reads a line. Absent and null mean the same; what is not known or there twice is refused, for it may be a slip.
    pub(super) fn read(text: &[u8]) -> Result<Self, PresignError> {
        let Unique(value) = serde_json::from_slice(text).map_err(PresignError::Line)?;
        let Value::Object(mut object) = value else {
            return Err(PresignError::Line(serde_json::Error::custom(
                "it is no object",
            )));
        };
        drop_nulls(&mut object);
        let provider = object.remove("provider");
        match provider.as_ref().and_then(Value::as_str) {
            Some("s3") => {
                let (ask, signer) = split(object)?;
                Ok(Self::S3(S3Line { ask, signer }))
            }
            Some("gcs") => {
                let (ask, signer) = split(object)?;
                Ok(Self::Gcs(GcsLine { ask, signer }))
            }
            Some("azure") => from(object).map(Box::new).map(Self::Azure),
            Some("cloudfront") => from(object).map(Self::CloudFront),
            _ => Err(PresignError::Provider),
        }
    }
}

/// What [`Ask`] knows, and the rest, which is the signer's.
fn split<T: DeserializeOwned>(mut object: Map<String, Value>) -> Result<(Ask, T), PresignError> {
    const ASKED: [&str; 11] = [
        "method",
        "endpoint",
        "bucket",
        "key",
        "style",
        "at",
        "expires_in",
        "headers",
        "query",
        "allow_dot_segments",
        "form",
    ];
    let mut asked = Map::new();
    for name in ASKED {
        if let Some(value) = object.remove(name) {
            asked.insert(name.to_owned(), value);
        }
    }
    Ok((from(asked)?, from(object)?))
}

fn from<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, PresignError> {
    serde_json::from_value(Value::Object(object)).map_err(PresignError::Line)
}

fn drop_nulls(object: &mut Map<String, Value>) {
    object.retain(|_, value| !value.is_null());
    for value in object.values_mut() {
        if let Value::Object(inner) = value {
            drop_nulls(inner);
        }
    }
}
