//! Which key receipts are signed with.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, invalid};

/// Which key receipts are signed with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptsConfig {
    /// An Ed25519 key (PKCS#8, PEM); one is made beside the catalog when empty.
    pub key_file: PathBuf,
    /// Keys that are published for verification and sign nothing: private or public ones, PEM.
    pub retired_key_files: Vec<PathBuf>,
}

impl ReceiptsConfig {
    /// `has_place`: whether this machine alone has the catalog, so that a key can be made beside it.
    pub(super) fn check(&self, has_place: bool) -> Result<(), ConfigError> {
        if self.key_file.as_os_str().is_empty() && !has_place {
            let problem = "is empty, and all servers of one catalog must sign with the same key: make one with \
                 `valetkey receipt key new > receipt-key.pem`, give every server that file, and name it here";
            return Err(invalid("receipts.key_file", problem));
        }
        if self
            .retired_key_files
            .iter()
            .any(|path| path.as_os_str().is_empty())
        {
            let problem = "has an empty name: name files, or leave the list empty";
            return Err(invalid("receipts.retired_key_files", problem));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_share_a_catalog_must_be_given_the_key() {
        let unset = ReceiptsConfig::default();
        unset.check(true).unwrap();
        let message = unset.check(false).unwrap_err().to_string();
        assert!(
            message.contains("`receipts.key_file`") && message.contains("receipt key new"),
            "{message}"
        );
        let set = ReceiptsConfig {
            key_file: PathBuf::from("key.pem"),
            ..unset
        };
        set.check(false).unwrap();
        let empty = ReceiptsConfig {
            retired_key_files: vec![PathBuf::new()],
            ..set
        };
        assert!(empty.check(true).is_err());
    }
}
