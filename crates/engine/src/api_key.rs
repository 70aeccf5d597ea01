//! API keys: what administrators do with them, and who holds one.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use valetkey_catalog::{ApiKey, Rotation, SecretHash};
use valetkey_protocol::api_key::{
    ApiKey as View, ApiKeyId, ApiKeySecret, ApiKeys, CreateApiKey, MAX_NAME_BYTES, RotateApiKey,
    Scope,
};
use valetkey_protocol::{Code, Subject};

use crate::engine::{later, overlap};
use crate::{ADMIN, Engine, Error, Principal, policy};

/// How many keys there may be in a tenant.
const MOST: u32 = 1000;

/// The longest life of a key that has an end, in seconds: ten years.
const LONGEST_LIFE: u64 = 10 * 366 * 24 * 3600;

/// How exactly the last use is written down: not every request is a write.
const USE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// What administrators call what they may not do.
const MANAGE: &str = "manage API keys";

impl Engine {
    /// Makes a key of these random bytes. The answer has its secret.
    ///
    /// # Errors
    /// The caller is no administrator, a field is wrong, there are too many, or the catalog does not answer.
    pub async fn create_api_key(
        &self,
        who: &Principal,
        create: CreateApiKey,
        (id, random): ([u8; 6], [u8; 32]),
    ) -> Result<View, Error> {
        policy::check_tenant_admin(who, MANAGE)?;
        check(&create)?;
        let tenant = create.tenant.unwrap_or_else(|| who.tenant.clone());
        if !policy::is_within_reach(who, &tenant) {
            let detail = "tenant: only administrators of the default tenant make keys for others; leave it out";
            return Err(Error::refused(Code::Forbidden, detail));
        }
        let now = self.clock.now();
        let secret = ApiKeySecret::new(ApiKeyId::new(id), &random);
        let mut scopes = create.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let key = ApiKey {
            id: secret.id.clone(),
            name: create.name,
            tenant,
            subject: create.subject,
            scopes,
            hash: hash(&secret),
            old: None,
            created_at: now,
            expires_at: create.expires_in.map(|seconds| later(now, seconds)),
            last_used_at: None,
        };
        if !self.catalog.insert_api_key(key.clone(), MOST).await? {
            let detail = format!("there are {MOST} API keys, the most there may be; revoke one");
            return Err(Error::refused(Code::Conflict, detail));
        }
        let (by, id) = (&who.subject, &key.id);
        tracing::info!(%by, %id, "an API key was made");
        Ok(view(key, now, Some(secret)))
    }

    /// Lists all keys, or an administrator's of a tenant those of that, without their secrets, which nobody knows.
    ///
    /// # Errors
    /// The caller is no administrator, or the catalog does not answer.
    pub async fn list_api_keys(&self, who: &Principal) -> Result<ApiKeys, Error> {
        policy::check_tenant_admin(who, MANAGE)?;
        let now = self.clock.now();
        let keys = self.catalog.api_keys().await?.into_iter();
        let keys = keys.filter(|key| policy::is_within_reach(who, &key.tenant));
        Ok(ApiKeys {
            keys: keys.map(|key| view(key, now, None)).collect(),
        })
    }

    /// Gives a key another secret, made of these random bytes.
    ///
    /// # Errors
    /// The caller is no administrator, there is no such key, or its last rotation is not over.
    pub async fn rotate_api_key(
        &self,
        who: &Principal,
        id: ApiKeyId,
        rotate: RotateApiKey,
        random: [u8; 32],
    ) -> Result<View, Error> {
        policy::check_tenant_admin(who, MANAGE)?;
        let overlap = overlap(rotate.overlap)?;
        let now = self.clock.now();
        let key = self.managed_key(who, &id).await?;
        // Two at once would end the secret that is in use; whoever wants that says so.
        if overlap > 0 && key.old.is_some_and(|(_, until)| until > now) {
            return Err(busy());
        }
        let secret = ApiKeySecret::new(id, &random);
        let rotation = Rotation {
            id: key.id.clone(),
            from: key.hash,
            to: hash(&secret),
            old_until: later(now, overlap),
        };
        let rotated = ApiKey {
            hash: rotation.to,
            old: Some((key.hash, rotation.old_until)),
            ..key
        };
        if !self.catalog.rotate_api_key(rotation).await? {
            return Err(busy());
        }
        let (by, id) = (&who.subject, &rotated.id);
        tracing::info!(%by, %id, "an API key was rotated");
        Ok(view(rotated, now, Some(secret)))
    }

    /// Removes a key: it holds no more from then on, on any server.
    ///
    /// # Errors
    /// The caller is no administrator, there is no such key, or the catalog does not answer.
    pub async fn revoke_api_key(&self, who: &Principal, id: ApiKeyId) -> Result<(), Error> {
        policy::check_tenant_admin(who, MANAGE)?;
        self.managed_key(who, &id).await?;
        if !self.catalog.remove_api_key(id.clone()).await? {
            return Err(Error::NotFound);
        }
        let by = &who.subject;
        tracing::info!(%by, %id, "an API key was revoked");
        Ok(())
    }

    /// A key that somebody manages.
    async fn managed_key(&self, who: &Principal, id: &ApiKeyId) -> Result<ApiKey, Error> {
        let key = self.catalog.find_api_key(id.clone()).await?;
        let reached = |key: &ApiKey| policy::is_within_reach(who, &key.tenant);
        key.filter(reached).ok_or(Error::NotFound)
    }

    /// Finds out who holds a secret, and when that ends. The catalog is asked each time, so that what is revoked is at
    /// once. Who holds a key with the scope for it may act for somebody else, and is no administrator then.
    ///
    /// # Errors
    /// It is not, or no more, the secret of a key; or it may not act for others.
    pub async fn holder(
        &self,
        secret: &str,
        behalf: Option<Subject>,
    ) -> Result<(Principal, Option<Timestamp>), Error> {
        let unknown = || {
            let detail =
                "the API key does not hold: it is misspelt, revoked or over; ask an administrator";
            Error::refused(Code::Unauthenticated, detail)
        };
        let secret = ApiKeySecret::parse(secret).ok_or_else(unknown)?;
        let key = self.catalog.find_api_key(secret.id.clone()).await?;
        let now = self.clock.now();
        let key = key.filter(|key| opens(key, &hash(&secret), now));
        let key = key.ok_or_else(unknown)?;
        if behalf.is_some() && !key.scopes.contains(&Scope::OnBehalf) {
            let detail =
                "this API key does not have the scope `on_behalf`: leave Valetkey-Subject out";
            return Err(Error::refused(Code::Forbidden, detail));
        }
        self.note_use(&key, now).await;
        let administers = key.scopes.contains(&Scope::Admin) && behalf.is_none();
        let roles = administers.then(|| ADMIN.to_owned());
        let holder = Principal::new(behalf.unwrap_or(key.subject), roles.into_iter().collect());
        let mut holder = holder.of_tenant(key.tenant);
        holder.scopes = Some(key.scopes);
        Ok((holder, key.expires_at))
    }

    /// Writes down that a key was used, once an hour. Nobody is refused because that failed.
    async fn note_use(&self, key: &ApiKey, now: Timestamp) {
        let recent = |at: Timestamp| now.duration_since(at) < USE_EVERY;
        if key.last_used_at.is_some_and(recent) {
            return;
        }
        if let Err(error) = self.catalog.use_api_key(key.id.clone(), now).await {
            tracing::warn!(id = %key.id, %error, "the use of an API key was not written down");
        }
    }
}

fn check(create: &CreateApiKey) -> Result<(), Error> {
    let name = &create.name;
    let plain = !name.chars().any(char::is_control);
    if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !plain {
        let detail = format!("must be 1 to {MAX_NAME_BYTES} bytes without control characters");
        return Err(Error::invalid("name", detail));
    }
    if create.scopes.is_empty() {
        return Err(Error::invalid("scopes", "name at least one"));
    }
    let life = create.expires_in.unwrap_or(LONGEST_LIFE);
    if !(1..=LONGEST_LIFE).contains(&life) {
        let detail = format!("must be 1 to {LONGEST_LIFE} seconds");
        return Err(Error::invalid("expires_in", detail));
    }
    Ok(())
}

fn hash(secret: &ApiKeySecret) -> SecretHash {
    Sha256::digest(secret.text.expose()).into()
}

/// Whether a secret is the key's, or still is. Hashes are compared in the same time whatever they are.
fn opens(key: &ApiKey, hash: &SecretHash, now: Timestamp) -> bool {
    let is = |known: &SecretHash| bool::from(known.ct_eq(hash));
    let old = key.old.as_ref().filter(|(_, until)| *until > now);
    let lives = key.expires_at.is_none_or(|ends| ends > now);
    lives && (is(&key.hash) || old.is_some_and(|(known, _)| is(known)))
}

fn busy() -> Error {
    let detail = "this key is being rotated: the secret before the last one still holds. Wait until it ends, or send \
         `\"overlap\": 0`, which ends all secrets but the new one";
    Error::refused(Code::Conflict, detail)
}

fn view(key: ApiKey, now: Timestamp, secret: Option<ApiKeySecret>) -> View {
    let old = key.old.map(|(_, until)| until);
    View {
        id: key.id,
        name: key.name,
        tenant: key.tenant,
        subject: key.subject,
        scopes: key.scopes,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        old_secret_until: old.filter(|until| *until > now),
        secret: secret.map(|secret| secret.text),
    }
}
