//! Why a request could not be signed.

/// A request that must not, or cannot, be signed.
///
/// Every variant is the caller's to mend; nothing here depends on the network or the time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A presigned request needs an object; only header-signed requests may address the bucket.
    #[error("object key is empty")]
    EmptyKey,
    /// A `.` or `..` segment: URL libraries and proxies would resolve it after we signed it.
    #[error("object key contains a `.` or `..` segment")]
    DotSegment,
    /// A method that object storage does not know.
    #[error("method {name:?} is none of GET, HEAD, PUT, POST and DELETE")]
    Method {
        /// The method as it was given.
        name: String,
    },
    /// A path with a `%` that escapes nothing.
    #[error("path contains a malformed escape")]
    Path,
    /// A request without a host cannot be signed.
    #[error("header \"host\" is missing")]
    NoHost,
    /// Without an upload id a request about a part would be about the whole object.
    #[error("upload id is empty")]
    EmptyUploadId,
    /// Part numbers are 1 to 10,000.
    #[error("part number {number} is outside 1..=10000")]
    PartNumber {
        /// The number as it was given.
        number: u32,
    },
    /// A template was given more or fewer header values than it has headers.
    #[error("{given} header values for {expected} headers")]
    HeaderCount {
        /// How many headers there are.
        expected: usize,
        /// How many values were given.
        given: usize,
    },
    /// A form field that the signer sets itself, that is given twice or whose name is malformed.
    #[error("form field {name:?} is set by the signer, given twice or malformed")]
    FormField {
        /// The name as it was given.
        name: String,
    },
    /// `${filename}` in a form: storage puts a name there that the sender chooses.
    #[error(
        "form field {name:?} contains `${{filename}}`, which storage replaces by what the sender likes"
    )]
    FormVariable {
        /// The name of the field.
        name: String,
    },
    /// A window must last at least a second.
    #[error("window of 0 s is no window")]
    Window,
    /// The lifetime is outside the 1 to 604,800 seconds (seven days) that S3 accepts.
    #[error("expiry of {seconds} s is outside 1..=604800")]
    ExpiryOutOfRange {
        /// The lifetime asked for, in seconds.
        seconds: u32,
    },
    /// An empty query parameter name, or one that belongs to the signer (`X-Amz-…`).
    #[error("query parameter {name:?} is empty or reserved for the signature")]
    ReservedQuery {
        /// The name as it was given.
        name: String,
    },
    /// A header name that is empty or not in lower case.
    #[error("header name {name:?} is not made of lower-case letters, digits, `-`, `.` or `_`")]
    HeaderName {
        /// The name as it was given.
        name: String,
    },
    /// A header that the signer sets itself (`host`, `authorization`, `x-amz-date`, …).
    #[error("header {name:?} is set by the signer")]
    ReservedHeader {
        /// The name as it was given.
        name: String,
    },
    /// A header value with a control character: it would not reach the server as it was signed.
    #[error("value of header {name:?} contains a control character")]
    HeaderValue {
        /// The name of the header; its value may be a secret and is not repeated.
        name: String,
    },
    /// A region or service that cannot stand in a credential scope.
    #[error("{part} {value:?} is not made of 1 to 64 letters, digits, `-` or `_`")]
    Scope {
        /// `region` or `service`.
        part: &'static str,
        /// The value as it was given.
        value: String,
    },
    /// An access key id, secret or session token that is empty or not printable ASCII.
    #[error("{part} is empty or contains a character that cannot be signed")]
    Credential {
        /// Which of the three; the value is not repeated.
        part: &'static str,
    },
    /// The signing key was derived for another UTC day than the one of the request.
    #[error("signing key is for {key_date}, the request for {request_date}")]
    KeyOfAnotherDay {
        /// The day of the key, `YYYYMMDD`.
        key_date: String,
        /// The day of the request, `YYYYMMDD`.
        request_date: String,
    },
}
