//! First stage: the request in the one form that both ends can derive from it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::str::FromStr;

use super::headers::{SignedHeaders, write_trimmed};
use crate::SignError;
use crate::digest::Sha256;

/// What stands for the hash of a body that is not signed.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The methods object storage knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read an object, or list.
    Get,
    /// Read an object's metadata.
    Head,
    /// Store an object or a part, or copy.
    Put,
    /// Create or complete a multipart upload, or delete many objects.
    Post,
    /// Delete an object, or abort a multipart upload.
    Delete,
}

impl Method {
    /// The method as it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl FromStr for Method {
    type Err = SignError;

    /// Reads it in capitals, as it stands in a request line.
    fn from_str(name: &str) -> Result<Self, SignError> {
        [Self::Get, Self::Head, Self::Put, Self::Post, Self::Delete]
            .into_iter()
            .find(|method| method.as_str() == name)
            .ok_or_else(|| SignError::Method {
                name: name.to_owned(),
            })
    }
}

/// What a canonical request is made of; path and query are already encoded and sorted.
pub(super) struct CanonicalRequest<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a SignedHeaders<'a>,
    pub(super) payload: &'a str,
}

impl CanonicalRequest<'_> {
    /// Writes the text piece by piece, so that it can be hashed without ever being put together.
    pub(super) fn write(&self, put: &mut impl FnMut(&str)) {
        put(self.method);
        put("\n");
        put(self.path);
        put("\n");
        put(self.query);
        put("\n");
        self.headers.write_canonical(put);
        put("\n");
        self.headers.write_names(";", put);
        put("\n");
        write_trimmed(self.payload, put);
    }

    /// The hash that the string to sign carries.
    pub(super) fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.write(&mut |text| hasher.update(text.as_bytes()));
        hasher.finish()
    }
}
