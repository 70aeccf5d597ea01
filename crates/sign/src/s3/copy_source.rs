//! What a server-side copy is made from.

use crate::encode::encode_path;
use crate::v4::check_object_key;
use crate::{Endpoint, SignError};

/// The value of `x-amz-copy-source` for an object of this bucket: `/bucket/key`, encoded once.
///
/// # Errors
/// [`SignError::EmptyKey`] and [`SignError::DotSegment`].
pub fn copy_source(endpoint: &Endpoint, key: &[u8]) -> Result<String, SignError> {
    check_object_key(key)?;
    let mut source = format!("/{}/", endpoint.bucket());
    encode_path(key, &mut source);
    Ok(source)
}
