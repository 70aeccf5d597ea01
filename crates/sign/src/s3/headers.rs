//! The headers that are signed, and the names of those S3 knows.

use std::borrow::Cow;

use crate::SignError;

/// Carries the signature of a header-signed request.
pub const AUTHORIZATION: &str = "authorization";
/// The host and, unless it is the default one, the port.
pub const HOST: &str = "host";
/// Size of the body in bytes.
pub const CONTENT_LENGTH: &str = "content-length";
/// Media type of the body.
pub const CONTENT_TYPE: &str = "content-type";
/// `*`: store only if there is no object yet.
pub const IF_NONE_MATCH: &str = "if-none-match";
/// The bytes asked for.
pub const RANGE: &str = "range";
/// SHA-256 of the body, or `UNSIGNED-PAYLOAD`.
pub const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";
/// The instant of signing, `YYYYMMDDTHHMMSSZ`.
pub const X_AMZ_DATE: &str = "x-amz-date";
/// The token of temporary credentials.
pub const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";
/// Source of a server-side copy; see [`copy_source`](super::copy_source).
pub const X_AMZ_COPY_SOURCE: &str = "x-amz-copy-source";
/// The ETag the source of a copy must have.
pub const X_AMZ_COPY_SOURCE_IF_MATCH: &str = "x-amz-copy-source-if-match";
/// Base64 of the whole object's CRC-64/NVME.
pub const X_AMZ_CHECKSUM_CRC64NVME: &str = "x-amz-checksum-crc64nvme";
/// Base64 of the whole object's CRC-32C.
pub const X_AMZ_CHECKSUM_CRC32C: &str = "x-amz-checksum-crc32c";
/// Base64 of the whole object's SHA-256.
pub const X_AMZ_CHECKSUM_SHA256: &str = "x-amz-checksum-sha256";

const SET_BY_SIGNER: [&str; 5] = [
    AUTHORIZATION,
    HOST,
    X_AMZ_CONTENT_SHA256,
    X_AMZ_DATE,
    X_AMZ_SECURITY_TOKEN,
];

/// A header's name in lower case, and its value.
pub(super) type Header<'a> = (&'a str, &'a str);

/// Checked and sorted headers, `host` always among them.
pub(super) struct SignedHeaders<'a> {
    host: &'a str,
    others: Cow<'a, [Header<'a>]>,
}

impl<'a> SignedHeaders<'a> {
    /// Checks and sorts the caller's headers; nothing is allocated when they are sorted already.
    pub(super) fn new(host: &'a str, headers: &'a [Header<'a>]) -> Result<Self, SignError> {
        for header in headers {
            check(header)?;
        }
        let others = Cow::Borrowed(headers);
        Ok(Self { host, others }.sorted())
    }

    /// Adds the signer's own headers.
    pub(super) fn and(mut self, own: impl IntoIterator<Item = Header<'a>>) -> Self {
        self.others.to_mut().extend(own);
        self.sorted()
    }

    /// The names, each once, joined by `separator` (`;`, or `%3B` inside a query).
    pub(super) fn write_names(&self, separator: &str, put: &mut impl FnMut(&str)) {
        let mut previous = "";
        for (name, _) in self.iter() {
            if name == previous {
                continue;
            }
            if !previous.is_empty() {
                put(separator);
            }
            put(name);
            previous = name;
        }
    }

    /// `name:value\n` for each name; the values of a repeated header are joined by commas.
    pub(super) fn write_canonical(&self, put: &mut impl FnMut(&str)) {
        let mut previous = "";
        for (name, value) in self.iter() {
            if name == previous {
                put(",");
            } else {
                if !previous.is_empty() {
                    put("\n");
                }
                put(name);
                put(":");
            }
            write_trimmed(value, put);
            previous = name;
        }
        put("\n");
    }

    fn sorted(mut self) -> Self {
        if !self.others.is_sorted_by_key(|(name, _)| *name) {
            // Stable: values of a repeated header keep their order.
            self.others.to_mut().sort_by_key(|(name, _)| *name);
        }
        self
    }

    fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        let host_at = self.others.partition_point(|(name, _)| *name < HOST);
        let (before, after) = self.others.split_at(host_at);
        let host = std::iter::once((HOST, self.host));
        before
            .iter()
            .copied()
            .chain(host)
            .chain(after.iter().copied())
    }
}

/// Names are narrower than HTTP's tokens, so that they stand in a query without encoding.
fn check(header: &Header<'_>) -> Result<(), SignError> {
    let (name, value) = *header;
    let name_of = || name.to_owned();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(SignError::HeaderName { name: name_of() });
    }
    if SET_BY_SIGNER.contains(&name) {
        return Err(SignError::ReservedHeader { name: name_of() });
    }
    // Signers disagree about tabs, and a line break would end the canonical line.
    if value.chars().any(char::is_control) {
        return Err(SignError::HeaderValue { name: name_of() });
    }
    Ok(())
}

/// Drops spaces at both ends and makes one of each run inside.
fn write_trimmed(value: &str, put: &mut impl FnMut(&str)) {
    let value = value.trim_matches(' ');
    if !value.contains("  ") {
        return put(value);
    }
    let mut separator = "";
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        put(separator);
        put(word);
        separator = " ";
    }
}
