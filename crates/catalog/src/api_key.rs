//! API keys: what is remembered of each. No secret is, only its SHA-256.

use async_trait::async_trait;
use jiff::Timestamp;
use valetkey_protocol::api_key::{ApiKeyId, Scope};
use valetkey_protocol::{Subject, Tenant};

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
    /// In which tenant its holder is.
    pub tenant: Tenant,
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
    /// Remembers a new key, unless there is one with its id or there are `most` of its tenant; says whether it did.
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

/// What scopes in a tenant begin with. A program that knows no tenants would take the holder for one of the default tenant,
/// and does not know these.
const IN_TENANT: &str = "tenant.";

/// Scopes of a key of a tenant, with commas between.
pub(crate) fn join_scopes(scopes: &[Scope], tenant: &Tenant) -> String {
    let name = |scope: &Scope| match tenant.is_default() {
        true => scope.as_str().to_owned(),
        false => format!("{IN_TENANT}{}", scope.as_str()),
    };
    join(&scopes.iter().map(name).collect::<Vec<_>>())
}

/// What [`join_scopes`] joined. A scope that only a newer program knows allows nothing here.
pub(crate) fn split_scopes(text: &str, tenant: &Tenant) -> Vec<Scope> {
    let known = |name: String| {
        let name = match tenant.is_default() {
            true => Some(name.as_str()),
            false => name.strip_prefix(IN_TENANT),
        };
        let mut all = Scope::ALL.iter().copied();
        all.find(|scope| Some(scope.as_str()) == name)
    };
    split(text).into_iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_tenants_finds_no_scope_of_a_key_in_one() {
        let default = Tenant::default();
        for tenant in [default.clone(), Tenant::parse("acme").unwrap()] {
            let text = join_scopes(Scope::ALL, &tenant);
            assert_eq!(split_scopes(&text, &tenant), Scope::ALL);
            let known = split_scopes(&text, &default);
            assert_eq!(known.is_empty(), !tenant.is_default(), "{text}");
        }
    }
}
