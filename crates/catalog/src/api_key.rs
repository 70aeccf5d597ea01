//! API keys: what is remembered of each. No secret is, only its SHA-256.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::Subject;
use valetkey_protocol::api_key::{ApiKeyId, Scope};

use crate::CatalogError;
use crate::delivery::{join, split};

/// SHA-256 of a secret. A secret has 256 random bits, which nobody guesses, however fast the hash.
pub type SecretHash = [u8; 32];

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for, in words.
    pub name: String,
    /// Who its holder is.
    pub subject: Subject,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Of its secret.
    pub hash: SecretHash,
    /// Of the secret before the last rotation, and until when that holds.
    pub old: Option<(SecretHash, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, as far as somebody wrote it down.
    pub last_used_at: Option<Timestamp>,
}

/// Another secret for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Of which key.
    pub id: ApiKeyId,
    /// The hash it must still have.
    pub from: SecretHash,
    /// The hash it then has.
    pub to: SecretHash,
    /// Until when the one so far holds.
    pub old_until: Timestamp,
}

/// What is remembered of API keys.
#[async_trait]
pub trait ApiKeys: Send + Sync + 'static {
    /// Remembers a new key, unless there is one with its id or there are `most` of them; says whether it did.
    async fn insert_api_key(&self, key: ApiKey, most: u32) -> Result<bool, CatalogError>;

    /// Gives every key, the oldest first.
    async fn api_keys(&self) -> Result<Vec<ApiKey>, CatalogError>;

    /// Finds a key.
    async fn find_api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, CatalogError>;

    /// Gives a key another secret, if nobody did since; says whether it did.
    async fn rotate_api_key(&self, rotation: Rotation) -> Result<bool, CatalogError>;

    /// Removes a key; says whether there was one.
    async fn remove_api_key(&self, id: ApiKeyId) -> Result<bool, CatalogError>;

    /// Writes down that a key was used at that time, if that is later than what is written.
    async fn use_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<(), CatalogError>;
}

/// Scopes with commas between.
pub(crate) fn join_scopes(scopes: &[Scope]) -> String {
    join(
        &scopes
            .iter()
            .map(|scope| scope.as_str())
            .collect::<Vec<_>>(),
    )
}

/// What [`join_scopes`] joined. A scope that only a newer program knows allows nothing here.
pub(crate) fn split_scopes(text: &str) -> Vec<Scope> {
    let known = |name: String| {
        let mut all = Scope::ALL.iter().copied();
        all.find(|scope| scope.as_str() == name)
    };
    split(text).into_iter().filter_map(known).collect()
}
