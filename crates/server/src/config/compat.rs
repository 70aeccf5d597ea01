//! Doors for clients that were written for other services.

use std::collections::BTreeMap;

use serde::Deserialize;
use valetkey_protocol::Subject;

use super::{BucketConfig, ConfigError, invalid};

/// Doors for clients that were written for other services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompatConfig {
    /// The classic routes.
    pub classic: ClassicConfig,
}

/// The classic routes: those of well-known guides to presigned URLs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassicConfig {
    /// Whether they are there.
    pub enabled: bool,
    /// Where files go; the default bucket when empty.
    pub bucket: String,
    /// Where images go, a bucket that everybody may read; nowhere when empty.
    pub images_bucket: String,
    /// Whom requests without a token act as; nobody when empty.
    pub anonymous: String,
}

impl ClassicConfig {
    pub(super) fn check(
        &self,
        buckets: &BTreeMap<String, BucketConfig>,
        default_bucket: &str,
    ) -> Result<(), ConfigError> {
        let key = |part: &str| format!("compat.classic.{part}");
        if !self.enabled {
            let set = [&self.bucket, &self.images_bucket, &self.anonymous];
            let names = ["bucket", "images_bucket", "anonymous"];
            let left = names
                .into_iter()
                .zip(set)
                .find(|(_, value)| !value.is_empty());
            return match left {
                None => Ok(()),
                Some((part, _)) => Err(invalid(
                    key(part),
                    "has no meaning while compat.classic.enabled is false: set that to true, or remove this",
                )),
            };
        }
        let files = self.bucket(default_bucket);
        check_bucket(&key("bucket"), files, buckets)?;
        if !self.images_bucket.is_empty() {
            let bucket = check_bucket(&key("images_bucket"), &self.images_bucket, buckets)?;
            if !bucket.rules.public_read {
                let problem = format!(
                    "names a bucket that nobody may read without a token: set buckets.{}.rules.public_read to true, or \
                     name another",
                    self.images_bucket
                );
                return Err(invalid(key("images_bucket"), problem));
            }
        }
        self.anonymous()?;
        Ok(())
    }

    /// Where files go.
    pub(crate) fn bucket<'a>(&'a self, default_bucket: &'a str) -> &'a str {
        match self.bucket.as_str() {
            "" => default_bucket,
            name => name,
        }
    }

    /// Whom requests without a token act as.
    pub(crate) fn anonymous(&self) -> Result<Option<Subject>, ConfigError> {
        if self.anonymous.is_empty() {
            return Ok(None);
        }
        let subject = Subject::parse(&self.anonymous);
        let wrong = |error| {
            let problem =
                format!("{error}: it is whom requests without a token act as, such as guest");
            invalid("compat.classic.anonymous", problem)
        };
        subject.map(Some).map_err(wrong)
    }
}

fn check_bucket<'b>(
    key: &str,
    name: &str,
    buckets: &'b BTreeMap<String, BucketConfig>,
) -> Result<&'b BucketConfig, ConfigError> {
    let missing = "names no bucket of this file: add it under [buckets], or name another";
    let bucket = buckets.get(name).ok_or_else(|| invalid(key, missing))?;
    if bucket.rules.checksum_required {
        let problem = format!(
            "leads to a bucket that requires checksums, which clients of these routes do not declare: set \
             buckets.{name}.rules.checksum_required to false, or name another"
        );
        return Err(invalid(key, problem));
    }
    Ok(bucket)
}
