//! The parts of one multipart upload.

use std::fmt;

use super::draft::Draft;
use super::template::{HeaderGaps, query_text};
use super::url::{push_origin, push_path};
use crate::SignError;
use crate::digest::{Midstate, PrefixedHmac, Sha256};
use crate::encode::{encode_component, push_ascii};

/// The highest part number S3 and Google Cloud Storage take.
pub const MAX_PART_NUMBER: u32 = 10_000;

/// Presigns the parts of one multipart upload; made by [`Presigner::parts`](super::Presigner::parts).
///
/// The signer's own parameters sort before `partNumber`, so that everything up to the number is the same
/// for all parts: path, credential and session token are hashed once, not once for each part.
#[derive(Clone)]
pub struct Parts {
    signer: PrefixedHmac,
    /// `https://host/path?X-Amz-…&partNumber=`, and `&uploadId=…&X-Amz-Signature=`.
    url: (String, String),
    /// The canonical request up to the part number.
    head: Midstate,
    /// The rest; before the first header's value stands the upload id.
    headers: HeaderGaps,
    host: String,
}

impl Parts {
    pub(super) fn new(
        draft: &Draft,
        signer: &PrefixedHmac,
        key: &[u8],
        upload_id: &str,
        header_names: &[&str],
    ) -> Result<Self, SignError> {
        draft.check_key(key)?;
        if upload_id.is_empty() {
            return Err(SignError::EmptyUploadId);
        }
        let mut path = String::new();
        push_path(&draft.endpoint, key, &mut path);
        let query = format!("{}&partNumber=", query_text(draft, &[], header_names)?);
        let mut upload = "&uploadId=".to_owned();
        encode_component(upload_id.as_bytes(), &mut upload);

        let mut url = String::new();
        push_origin(&draft.endpoint, &mut url);
        url.push_str(&format!("{path}?{query}"));
        let mut url_tail = upload.clone();
        draft.push_signature_name(&mut url_tail);

        let mut head = Sha256::new();
        head.update(format!("PUT\n{path}\n{query}").as_bytes());
        Ok(Self {
            signer: signer.clone(),
            url: (url, url_tail),
            head: head.midstate(),
            headers: HeaderGaps::new(draft, format!("{upload}\n"), header_names)?,
            host: draft.endpoint.authority().to_owned(),
        })
    }

    /// Appends the URL of one part to `out`, or nothing when it is refused.
    ///
    /// `values` are those of the headers, in the order of the names [`Parts`] was made with.
    ///
    /// # Errors
    /// [`SignError::PartNumber`] unless it is 1 to 10,000, [`SignError::HeaderValue`] and
    /// [`SignError::HeaderCount`].
    pub fn presign(&self, number: u32, values: &[&str], out: &mut String) -> Result<(), SignError> {
        if !(1..=MAX_PART_NUMBER).contains(&number) {
            return Err(SignError::PartNumber { number });
        }
        self.headers.check_count(values)?;
        let (buffer, len) = decimal(number);
        let digits = &buffer[buffer.len() - len..];

        let mut hasher = self.head.resume();
        hasher.update(digits);
        self.headers.write(values, &mut hasher)?;

        let (head, tail) = &self.url;
        out.reserve(head.len() + len + tail.len() + 64);
        out.push_str(head);
        push_ascii(digits, out);
        out.push_str(tail);
        push_ascii(&self.signer.sign(&hasher.finish()), out);
        Ok(())
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// The digits at the end of a buffer, and how many there are.
fn decimal(mut number: u32) -> ([u8; 10], usize) {
    let mut digits = [b'0'; 10];
    let mut len = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        len += 1;
        if number == 0 {
            break;
        }
    }
    (digits, len)
}
