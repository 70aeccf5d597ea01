//! Buckets: named places with rules of their own.

mod keeping;
mod key_template;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use valetkey_catalog::{Limits, Owner};
use valetkey_protocol::bucket::Bucket as BucketView;
use valetkey_protocol::part::{MAX_PART_SIZE, MIB, MIN_PART_SIZE};
use valetkey_protocol::{Algorithm, ContentType, FileId, Filename, ObjectKey, key};
use valetkey_store::ObjectStore;

use crate::policy::BucketFacts;
use crate::{Attributes, Error};
use key_template::KeyOf;
pub use key_template::KeyTemplate;

/// The longest prefix of keys.
const MAX_PREFIX_BYTES: usize = 100;

/// The longest any provider lets a signature live, in seconds: seven days.
pub(crate) const MAX_SIGNATURE_SECONDS: u64 = 604_800;

/// The largest quota: as many bytes as a database can count.
const LARGEST_QUOTA: u64 = i64::MAX.unsigned_abs();

/// A named place for files.
pub struct Bucket {
    /// Its name in requests.
    pub name: String,
    /// What it takes.
    pub rules: BucketRules,
    /// Where it keeps it.
    pub store: Arc<dyn ObjectStore>,
}

/// What a bucket takes, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BucketRules {
    /// The media types it takes, such as `image/png`, `image/*` or `*/*`.
    pub content_types: Vec<String>,
    /// The endings of names it takes, in small letters and without the dot; all when empty.
    pub extensions: Vec<String>,
    /// The fewest bytes of a file.
    pub min_size: u64,
    /// The most bytes of a file.
    pub max_size: u64,
    /// The most bytes of a file whose size nobody declares, if `max_size` is not less: so many are reserved for it.
    pub undeclared_limit: u64,
    /// Files with more bytes go in parts.
    pub single_limit: u64,
    /// The bytes of a part, as long as 10,000 of them are enough.
    pub part_size: u64,
    /// The algorithm clients are told to use.
    pub checksum_algorithm: Algorithm,
    /// Whether a checksum must be declared, at the latest at complete.
    pub checksum_required: bool,
    /// How long a presigned request lives when nobody asks otherwise, in seconds.
    pub request_ttl_seconds: u64,
    /// How long it may live at most, in seconds.
    pub max_expires_in: u64,
    /// For how many seconds everybody gets the same download URL, which then lives so much longer; 0 is not at all.
    pub stable_window: u64,
    /// Whether every issued download is an event.
    pub announce_downloads: bool,
    /// How long an upload session lives, in seconds.
    pub session_ttl_seconds: u64,
    /// The first segments of every object key.
    pub key_prefix: String,
    /// How keys are made behind it.
    pub key_template: KeyTemplate,
    /// What `key_prefix` was before: the survey looks there too.
    pub former_key_prefixes: Vec<String>,
    /// The media types browsers may show instead of save.
    pub inline_types: Vec<String>,
    /// Whether a file whose first bytes contradict its type is refused, and not only recorded.
    pub refuse_type_mismatch: bool,
    /// Up to how many bytes are read back when storage has no checksum of its own to compare.
    pub rehash_limit: u64,
    /// Whether everybody may read its files, without a token: by `/public/{bucket}/…`.
    pub public_read: bool,
    /// How carefully it is to be treated, for policies; they alone give it a meaning.
    pub security_level: i64,
    /// What else policies are to know of it.
    pub attributes: Attributes,
    /// For how many days after it is complete nobody can delete a file; not at all when 0.
    pub retain_days: u64,
    /// After how many days a file is deleted by itself, if its owner does not want it sooner; never when 0.
    pub delete_after_days: u64,
    /// How many uploads each principal may have open at a time.
    pub max_open_uploads: u64,
    /// How many bytes each principal may have here, reserved and stored; no limit when 0.
    pub principal_quota: u64,
    /// How many bytes all together may have here, reserved and stored; no limit when 0.
    pub quota: u64,
}

impl Default for BucketRules {
    fn default() -> Self {
        let inline = [
            "image/png",
            "image/jpeg",
            "image/gif",
            "image/webp",
            "image/avif",
            "audio/*",
            "video/*",
            "text/plain",
        ];
        Self {
            content_types: vec!["*/*".to_owned()],
            extensions: Vec::new(),
            min_size: 0,
            max_size: 100 * 1024 * MIB,
            undeclared_limit: MAX_PART_SIZE,
            single_limit: 16 * MIB,
            part_size: 16 * MIB,
            checksum_algorithm: Algorithm::Crc64Nvme,
            checksum_required: false,
            request_ttl_seconds: 900,
            max_expires_in: 3600,
            stable_window: 0,
            announce_downloads: false,
            session_ttl_seconds: 86_400,
            key_prefix: "files".to_owned(),
            key_template: KeyTemplate::default(),
            former_key_prefixes: Vec::new(),
            inline_types: inline.map(str::to_owned).to_vec(),
            refuse_type_mismatch: false,
            rehash_limit: 1024 * MIB,
            public_read: false,
            security_level: 0,
            attributes: Attributes::new(),
            retain_days: 0,
            delete_after_days: 0,
            max_open_uploads: 1000,
            principal_quota: 0,
            quota: 0,
        }
    }
}

impl BucketRules {
    /// Checks that the rules fit together.
    ///
    /// # Errors
    /// Says which rule is wrong and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        let between = |name: &str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(format!(
                    "{name} is {value}; it must be between {low} and {high}"
                ))
            }
        };
        between("part_size", self.part_size, MIN_PART_SIZE, MAX_PART_SIZE)?;
        between("single_limit", self.single_limit, 0, MAX_PART_SIZE)?;
        // They come with one PUT.
        between("undeclared_limit", self.undeclared_limit, 1, MAX_PART_SIZE)?;
        between("max_size", self.max_size, 1, 10_000 * MAX_PART_SIZE)?;
        between("max_open_uploads", self.max_open_uploads, 1, u64::MAX)?;
        between("principal_quota", self.principal_quota, 0, LARGEST_QUOTA)?;
        between("quota", self.quota, 0, LARGEST_QUOTA)?;
        between(
            "max_expires_in",
            self.max_expires_in,
            1,
            MAX_SIGNATURE_SECONDS,
        )?;
        between(
            "request_ttl_seconds",
            self.request_ttl_seconds,
            1,
            self.max_expires_in,
        )?;
        // Window and lifetime are signed together.
        between(
            "stable_window",
            self.stable_window,
            0,
            MAX_SIGNATURE_SECONDS - self.max_expires_in,
        )?;
        between(
            "session_ttl_seconds",
            self.session_ttl_seconds,
            60,
            30 * 86_400,
        )?;
        self.check_keeping()?;
        check_prefix("key_prefix", &self.key_prefix)?;
        for (index, prefix) in self.former_key_prefixes.iter().enumerate() {
            check_prefix("former_key_prefixes", prefix)?;
            if *prefix == self.key_prefix || self.former_key_prefixes[..index].contains(prefix) {
                return Err(format!(
                    "former_key_prefixes has {prefix}, which is a prefix already; remove it there"
                ));
            }
        }
        Ok(())
    }

    /// Every prefix that keys of files have or had.
    pub(crate) fn prefixes(&self) -> Vec<&str> {
        let former = self.former_key_prefixes.iter();
        let all = std::iter::once(&self.key_prefix).chain(former);
        all.map(String::as_str).collect()
    }

    /// What the accounts of a new upload may hold with it.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            open_uploads: Some(self.max_open_uploads),
            owner_bytes: unless_zero(self.principal_quota),
            bucket_bytes: unless_zero(self.quota),
        }
    }

    /// The most bytes of a file whose size nobody declares.
    pub(crate) fn most_undeclared(&self) -> u64 {
        self.undeclared_limit.min(self.max_size)
    }

    /// Whether files of this type are taken.
    pub(crate) fn takes(&self, content_type: &ContentType) -> bool {
        self.content_types
            .iter()
            .any(|pattern| content_type.matches(pattern))
    }

    /// Whether browsers may show this type.
    pub(crate) fn shows(&self, content_type: &ContentType) -> bool {
        self.inline_types
            .iter()
            .any(|pattern| content_type.matches(pattern))
    }

    /// For how many seconds a request is signed when the caller asks for so many.
    pub(crate) fn validity(&self, expires_in: Option<u64>) -> Result<u64, Error> {
        match expires_in {
            None => Ok(self.request_ttl_seconds),
            Some(seconds) if (1..=self.max_expires_in).contains(&seconds) => Ok(seconds),
            Some(_) => Err(Error::invalid(
                "expires_in",
                format!("must be 1 to {} seconds", self.max_expires_in),
            )),
        }
    }

    /// The final key. Of what the client says only the name enters, reduced to what any store takes.
    pub(crate) fn object_key(
        &self,
        owner: &Owner,
        id: FileId,
        filename: &Filename,
        created_at: Timestamp,
    ) -> Result<ObjectKey, Error> {
        let of = KeyOf {
            owner,
            id,
            filename,
            created_at,
        };
        let key = self.key_template.key(&self.key_prefix, &of);
        key.map_err(|error| Error::Internal(format!("made a wrong key: {error}")))
    }
}

fn check_prefix(name: &str, prefix: &str) -> Result<(), String> {
    if prefix.len() > MAX_PREFIX_BYTES || ObjectKey::parse(prefix).is_err() {
        return Err(format!(
            "{name} must be segments of A-Z, a-z, 0-9, '.', '_', '-' with 100 bytes at most"
        ));
    }
    if prefix.split('/').next() == Some(key::QUARANTINE) {
        return Err(format!(
            "{name} must not begin with {}, where unverified bytes land",
            key::QUARANTINE
        ));
    }
    Ok(())
}

/// A limit, where 0 is none.
pub(crate) fn unless_zero(limit: u64) -> Option<u64> {
    (limit > 0).then_some(limit)
}

impl Bucket {
    /// What policies know of it.
    pub(crate) fn facts(&self) -> BucketFacts<'_> {
        BucketFacts {
            name: &self.name,
            security_level: self.rules.security_level,
            attributes: &self.rules.attributes,
        }
    }

    /// What a caller sees of it.
    pub(crate) fn view(&self, default: bool) -> BucketView {
        BucketView {
            name: self.name.clone(),
            default,
            content_types: self.rules.content_types.clone(),
            extensions: self.rules.extensions.clone(),
            min_size: self.rules.min_size,
            max_size: self.rules.max_size,
            single_limit: self.rules.single_limit,
            checksum_algorithm: self.rules.checksum_algorithm,
            checksum_required: self.rules.checksum_required,
            max_expires_in: self.rules.max_expires_in,
            retain_days: unless_zero(self.rules.retain_days),
            delete_after_days: unless_zero(self.rules.delete_after_days),
            security_level: None,
            attributes: BTreeMap::new(),
        }
    }

    /// What an administrator of the whole service sees of it.
    pub(crate) fn operators_view(&self, default: bool) -> BucketView {
        BucketView {
            security_level: Some(self.rules.security_level),
            attributes: self.rules.attributes.clone(),
            ..self.view(default)
        }
    }
}

#[cfg(test)]
mod tests {
    use valetkey_protocol::Tenant;

    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        BucketRules::default().check().unwrap();
    }

    #[test]
    fn rules_that_contradict_each_other_are_named() {
        type Spoil = fn(&mut BucketRules);
        let wrong: [(&str, Spoil); 8] = [
            ("part_size", |rules| rules.part_size = 1),
            ("max_expires_in", |rules| rules.max_expires_in = 604_801),
            ("stable_window", |rules| rules.stable_window = 601_201),
            ("request_ttl_seconds", |rules| {
                rules.request_ttl_seconds = 7200
            }),
            ("key_prefix", |rules| rules.key_prefix = "../x".to_owned()),
            ("key_prefix", |rules| {
                rules.key_prefix = "quarantine/x".to_owned()
            }),
            ("former_key_prefixes", |rules| {
                rules.former_key_prefixes = vec!["old".to_owned(), "/".to_owned()]
            }),
            ("former_key_prefixes", |rules| {
                rules.former_key_prefixes = vec!["old".to_owned(), "files".to_owned()]
            }),
        ];
        for (name, spoil) in wrong {
            let mut rules = BucketRules::default();
            spoil(&mut rules);
            assert!(rules.check().unwrap_err().starts_with(name));
        }
    }

    #[test]
    fn the_longest_names_still_give_a_key() {
        let owner = Owner {
            tenant: Tenant::default(),
            subject: "|".repeat(255).parse().unwrap(),
        };
        let filename = Filename::parse(&"x".repeat(255)).unwrap();
        let id: FileId = "01936f3e-8b7a-7c3d-9e4f-0123456789ab".parse().unwrap();
        let rules = BucketRules {
            key_prefix: "p".repeat(100),
            ..BucketRules::default()
        };
        rules.check().unwrap();
        let key = rules.object_key(&owner, id, &filename, Timestamp::UNIX_EPOCH);
        assert!(key.is_ok());
    }
}
