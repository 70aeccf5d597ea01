//! Receipts: what was verified, signed so that others can hold it against the service's keys without asking it.

use valetkey_catalog::Record;
use valetkey_protocol::file::File;
use valetkey_protocol::{Jwks, Receipt};

use crate::{Engine, Error, file};

/// Whoever has the key that receipts are signed with.
pub trait ReceiptSigner: Send + Sync + 'static {
    /// A JWS over these claims; the same for the same claims.
    ///
    /// # Errors
    /// Why there is none, for the log.
    fn sign(&self, receipt: &Receipt) -> Result<String, String>;

    /// The public keys to check receipts with: that of [`Self::sign`], and others whose receipts hold as well.
    fn keys(&self) -> &Jwks;
}

impl Engine {
    /// The keys that receipts are checked with.
    pub fn receipt_keys(&self) -> &Jwks {
        self.receipts.keys()
    }

    /// A file with its receipt, for answers that are about this file alone.
    pub(crate) fn receipted(&self, record: Record) -> Result<File, Error> {
        let verified_at = record.verified_at;
        let mut file = file::view(record)?;
        if let Some(verified_at) = verified_at {
            let receipt = Receipt::of(&file, &self.public_url, verified_at);
            let signed = self.receipts.sign(&receipt);
            file.receipt = Some(signed.map_err(Error::Internal)?);
        }
        Ok(file)
    }
}
