//! The key of the embedded store: made once, kept in its folder.

use std::path::Path;

use serde::{Deserialize, Serialize};
use valetkey_protocol::Secret;

use crate::{ServeError, files, random};

/// Who may sign requests to the embedded store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreKey {
    pub(crate) access_key: String,
    pub(crate) secret_key: Secret,
}

impl StoreKey {
    /// Reads `store-key.json` in a folder, or makes it.
    ///
    /// # Errors
    /// It cannot be read or made, or holds something else.
    pub(crate) fn read_or_make(folder: &Path) -> Result<Self, ServeError> {
        Self::read_or_make_file(&folder.join("store-key.json"))
    }

    /// Reads a file, or makes it.
    ///
    /// # Errors
    /// It cannot be read or made, or holds something else.
    pub(crate) fn read_or_make_file(path: &Path) -> Result<Self, ServeError> {
        let damaged = |error: serde_json::Error| ServeError::Damaged {
            path: path.to_owned(),
            // Without the position: it is the kind of mistake that helps, and no byte of the key is told.
            why: format!("{:?} error in its JSON", error.classify()).to_lowercase(),
        };
        let text = files::read_or_make(path, || {
            let key = Self {
                access_key: random::access_key_id()?,
                secret_key: random::secret()?,
            };
            serde_json::to_string(&key).map_err(damaged)
        })?;
        serde_json::from_str(&text).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let one = StoreKey::read_or_make(folder.path()).unwrap();
        let other = StoreKey::read_or_make(folder.path()).unwrap();
        assert_eq!(one.secret_key, other.secret_key);
        assert!(!format!("{one:?}").contains(one.secret_key.expose()));
    }

    #[test]
    fn a_damaged_key_says_what_to_do_and_not_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("store-key.json"), "{\"hunter2\":1}").unwrap();
        let message = StoreKey::read_or_make(folder.path())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("remove it") && !message.contains("hunter2"),
            "{message}"
        );
    }
}
