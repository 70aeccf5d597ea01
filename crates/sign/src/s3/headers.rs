//! The names of the headers S3 knows.

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
