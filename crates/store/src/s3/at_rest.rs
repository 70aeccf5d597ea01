//! How storage keeps objects: encrypted with whose key, and in which class.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>

use super::settings::wrong;
use crate::StoreError;

const ENCRYPTION: &str = "x-amz-server-side-encryption";
const KMS_KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const STORAGE_CLASS: &str = "x-amz-storage-class";

/// Classes whose objects cannot be read before somebody has them restored: nothing in them could be verified.
const FROZEN: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// How new objects are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtRest {
    /// With whose key they are encrypted.
    pub encryption: Encryption,
    /// The class of final objects; the bucket's own when absent.
    pub storage_class: Option<String>,
}

/// Whose key objects are encrypted with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Nothing is asked for: the bucket's own settings hold.
    #[default]
    Unasked,
    /// A key of the storage service (SSE-S3).
    S3,
    /// A key of a key management service (SSE-KMS): this one or, when absent, that of the account.
    Kms {
        /// Its id, ARN or alias.
        key_id: Option<String>,
    },
}

impl AtRest {
    /// Checks what goes into headers.
    ///
    /// # Errors
    /// The id of a key is none, or the class is none or cannot be read at once.
    pub fn check(&self) -> Result<(), StoreError> {
        if let Encryption::Kms { key_id: Some(id) } = &self.encryption
            && (id.is_empty() || id.len() > 2048 || !id.bytes().all(|b| b.is_ascii_graphic()))
        {
            return Err(wrong("kms_key_id is no id, ARN or alias of a key"));
        }
        let Some(class) = self.storage_class.as_deref() else {
            return Ok(());
        };
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if !(1..=64).contains(&class.len()) || !class.bytes().all(plain) {
            return Err(wrong(format!(
                "storage_class is '{class}': write it like STANDARD_IA"
            )));
        }
        if FROZEN.contains(&class) {
            return Err(wrong(format!(
                "storage_class is {class}, whose objects cannot be read before they are restored: nothing could be verified; \
                 take GLACIER_IR, or have a lifecycle rule move them later"
            )));
        }
        Ok(())
    }

    /// The headers that have an object encrypted, in their order.
    pub(super) fn encryption(&self) -> Vec<(&'static str, &str)> {
        match &self.encryption {
            Encryption::Unasked => Vec::new(),
            Encryption::S3 => vec![(ENCRYPTION, "AES256")],
            Encryption::Kms { key_id } => {
                let key_id = key_id.as_deref().map(|id| (KMS_KEY_ID, id));
                let kms = (ENCRYPTION, "aws:kms");
                [kms].into_iter().chain(key_id).collect()
            }
        }
    }

    /// Those of a final object.
    pub(super) fn headers(&self) -> Vec<(&'static str, &str)> {
        let class = self.storage_class.as_deref();
        let class = class.map(|class| (STORAGE_CLASS, class));
        self.encryption().into_iter().chain(class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_and_no_class_is_refused_with_what_to_do() {
        let class = |text: &str| AtRest {
            storage_class: Some(text.to_owned()),
            ..AtRest::default()
        };
        let key = |id: &str| AtRest {
            encryption: Encryption::Kms {
                key_id: Some(id.to_owned()),
            },
            ..AtRest::default()
        };
        for good in [
            AtRest::default(),
            class("STANDARD_IA"),
            class("GLACIER_IR"),
            key("alias/files"),
            key("arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ] {
            good.check().unwrap();
        }
        for (bad, word) in [
            (class(""), "storage_class"),
            (class("standard"), "STANDARD_IA"),
            (class("A\r\nB"), "storage_class"),
            (class("GLACIER"), "GLACIER_IR"),
            (class("DEEP_ARCHIVE"), "lifecycle rule"),
            (key(""), "kms_key_id"),
            (key("a b"), "kms_key_id"),
            (key("é"), "kms_key_id"),
        ] {
            let why = bad.check().unwrap_err().to_string();
            assert!(why.contains(word), "{why}");
        }
    }
}
