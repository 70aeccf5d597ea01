//! API keys: how backends that have no identity provider sign in; made by administrators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::text::{hex, text_type};
use crate::words::words;
use crate::{Algorithm, Checksum, Hasher, InvalidValue, Secret, Subject, Tenant};

/// What the secret of a key begins with. Scanners find one by `vk_[0-9a-f]{12}_[0-9a-f]{64}_[0-9a-f]{8}`.
pub const PREFIX: &str = "vk_";

/// The header that names whom a key acts for.
pub const SUBJECT_HEADER: &str = "valetkey-subject";

/// The longest name of a key, in bytes.
pub const MAX_NAME_BYTES: usize = 100;

/// The id of a key: 12 of `0-9` and `a-f`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(SmolStr);

impl ApiKeyId {
    /// Reads an id.
    ///
    /// # Errors
    /// Any other length or character.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if is_hex(text, 12) {
            return Ok(Self(text.into()));
        }
        Err(InvalidValue::new("the id of a key is 12 of 0-9 and a-f"))
    }
}

text_type!(ApiKeyId);

words! {
    /// What a key is good for.
    Scope {
        /// Creating uploads, bringing them to their end, and changing what people may change of files.
        Upload "upload";
        /// Seeing files, events and usage, and fetching bytes.
        Read "read";
        /// Deleting files.
        Delete "delete";
        /// The role `admin`: the other scopes hold for what is anybody's, and everything may be managed; in a tenant, what
        /// is that tenant's.
        Admin "admin";
        /// Acting for anybody in its tenant, whom the header `Valetkey-Subject` names.
        OnBehalf "on_behalf";
    }
}

/// The secret of a key, `vk_ID_RANDOM_CHECK`: 32 random bytes, and a CRC-32C that tells a slip of the pen from a key
/// that is unknown, without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeySecret {
    /// Whose it is.
    pub id: ApiKeyId,
    /// The whole of it.
    pub text: Secret,
}

impl ApiKeySecret {
    /// A secret of a key.
    pub fn new(id: ApiKeyId, random: &[u8; 32]) -> Self {
        let mut text = format!("{PREFIX}{id}_{}", hex(random));
        let check = check(&text);
        text.push('_');
        text.push_str(&check);
        Self {
            id,
            text: Secret::new(text),
        }
    }

    /// Reads one; nothing when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, sum) = text.rsplit_once('_')?;
        let (id, random) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let good = is_hex(random, 64) && check(body) == sum;
        let id = ApiKeyId::parse(id).ok().filter(|_| good)?;
        Some(Self {
            id,
            text: Secret::new(text),
        })
    }
}

impl ApiKeyId {
    /// An id of random bytes.
    pub fn new(random: [u8; 6]) -> Self {
        Self(hex(&random).into())
    }
}

fn check(body: &str) -> String {
    match Hasher::digest(Algorithm::Crc32c, body.as_bytes()) {
        Checksum::Crc32c(sum) => hex(&sum.to_be_bytes()),
        other => other.to_base64(),
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(digit)
}

/// A key, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: ApiKeyId,
    /// What it is for, in words.
    pub name: String,
    /// In which tenant its holder is; absent for the default one.
    #[serde(default, skip_serializing_if = "Tenant::is_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub tenant: Tenant,
    /// Who its holder is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub subject: Subject,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it ends; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the hour; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_used_at: Option<Timestamp>,
    /// Until when the secret before the last rotation holds, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub old_secret_until: Option<Timestamp>,
    /// Its secret: only in the answer that makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub secret: Option<Secret>,
}

/// The body of `POST /v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What it is for, in words: 1 to 100 bytes.
    pub name: String,
    /// In which tenant its holder is: the caller's when absent, which is the only one that an administrator of a tenant
    /// may name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub tenant: Option<Tenant>,
    /// Who its holder is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub subject: Subject,
    /// What it is good for: one at least.
    pub scopes: Vec<Scope>,
    /// For how many seconds; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
}

/// The body of `POST /v1/keys/{id}/rotate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RotateApiKey {
    /// For how many seconds the secret so far holds as well: 0 to 604,800; 86,400 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 604_800))]
    pub overlap: Option<u64>,
}

/// The answer of `GET /v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeys {
    /// The keys, the oldest first.
    pub keys: Vec<ApiKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> ApiKeySecret {
        ApiKeySecret::new(ApiKeyId::new([0xab; 6]), &[7; 32])
    }

    #[test]
    fn a_secret_is_read_as_it_was_made_and_never_printed() {
        let secret = secret();
        let text = secret.text.expose();
        assert!(text.starts_with("vk_abababababab_0707"), "{text}");
        assert_eq!(text.len(), 3 + 12 + 1 + 64 + 1 + 8);
        assert_eq!(ApiKeySecret::parse(text).unwrap(), secret);
        assert!(!format!("{secret:?}").contains("0707"));
    }

    #[test]
    fn a_slip_of_the_pen_is_no_secret() {
        let secret = secret();
        let text = secret.text.expose();
        let changed = text.replacen("07", "17", 1);
        let (short, long) = (&text[..text.len() - 1], format!("{text}0"));
        let upper = text.to_uppercase();
        for wrong in [
            "",
            "vk_",
            "vk___",
            &changed,
            short,
            &long,
            &upper,
            &text[3..],
        ] {
            assert_eq!(ApiKeySecret::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_what_json_says() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::json!(scope), scope.as_str());
        }
    }
}
