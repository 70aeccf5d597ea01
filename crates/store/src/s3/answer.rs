//! What storage answered, and what its refusals mean.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::xml::{self, Document, ErrorDocument};
use crate::StoreError;

/// A whole answer with a status that means success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// A header's value, when it is there and readable.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads the body, which may be an error although the status is not.
    pub(super) fn document<T: DeserializeOwned>(&self, root: &str) -> Result<T, StoreError> {
        match xml::read(&self.body, root) {
            Some(Document::Result(result)) => Ok(result),
            Some(Document::Error(error)) => Err(refusal(self.status, Some(error), "")),
            None => Err(unavailable(format!("the answer is no whole <{root}>"))),
        }
    }
}

/// What a refusal means to us. The code decides where S3 and its relatives agree, else the status.
pub(super) fn refusal(
    status: StatusCode,
    document: Option<ErrorDocument>,
    bucket: &str,
) -> StoreError {
    let ErrorDocument { code, message } = document.unwrap_or_default();
    let kind = kind_of_code(&code).unwrap_or_else(|| kind_of_status(status));
    let (code, message) = (printable(&code), printable(&message));
    match kind {
        Kind::NotFound => StoreError::NotFound,
        Kind::Precondition => StoreError::PreconditionFailed,
        Kind::Full => StoreError::Full,
        Kind::Unavailable => {
            unavailable(format!("{} {code} {message}", status.as_u16()).trim_end())
        }
        Kind::NoBucket => no_bucket(bucket),
        Kind::Refused => StoreError::Refused {
            status: status.as_u16(),
            message: or_else(message, || remedy(status).to_owned()),
            code: or_else(code, || {
                status.canonical_reason().unwrap_or_default().to_owned()
            }),
        },
    }
}

/// The bucket itself is not there.
pub(super) fn no_bucket(bucket: &str) -> StoreError {
    StoreError::Refused {
        status: StatusCode::NOT_FOUND.as_u16(),
        code: NO_SUCH_BUCKET.to_owned(),
        message: format!(
            "bucket {bucket:?} does not exist there; create it, or correct `bucket`, `endpoint` or `addressing`"
        ),
    }
}

pub(super) fn unavailable(what: impl Into<String>) -> StoreError {
    StoreError::Unavailable { what: what.into() }
}

/// Makes text from outside fit for a log line: short, on one line, and without anything that was signed.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let lower = text.to_ascii_lowercase();
    let secret_at = SECRETS.iter().filter_map(|mark| lower.find(mark)).min();
    let open = text.get(..secret_at.unwrap_or(text.len()));
    let line = open.unwrap_or_default().chars().take(LONGEST);
    let mut line: String = line.map(|c| if c.is_control() { ' ' } else { c }).collect();
    if secret_at.is_some() {
        line.push_str("[redacted]");
    }
    line
}

/// What stands before a signature or a token, in a query, a header or a canonical request.
const SECRETS: [&str; 4] = [
    "x-amz-security-token",
    "signature=",
    "authorization:",
    "aws4-hmac-sha256",
];

const NO_SUCH_BUCKET: &str = "NoSuchBucket";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NotFound,
    NoBucket,
    Precondition,
    Full,
    Unavailable,
    Refused,
}

fn kind_of_code(code: &str) -> Option<Kind> {
    Some(match code {
        "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion" => Kind::NotFound,
        NO_SUCH_BUCKET => Kind::NoBucket,
        "PreconditionFailed" => Kind::Precondition,
        "InsufficientStorage"
        | "StorageFull"
        | "QuotaExceeded"
        | "XMinioStorageFull"
        | "XMinioAdminBucketQuotaExceeded" => Kind::Full,
        "ConditionalRequestConflict"
        | "InternalError"
        | "OperationAborted"
        | "RequestTimeout"
        | "ServiceUnavailable"
        | "SlowDown"
        | "TooManyRequests" => Kind::Unavailable,
        // These come with `200 OK` too, where the status says nothing.
        "AccessDenied" | "EntityTooLarge" | "EntityTooSmall" | "InvalidArgument"
        | "InvalidObjectState" | "InvalidPart" | "InvalidPartOrder" | "InvalidRequest"
        | "MalformedXML" | "BadDigest" => Kind::Refused,
        _ => return None,
    })
}

fn kind_of_status(status: StatusCode) -> Kind {
    match status.as_u16() {
        404 => Kind::NotFound,
        412 => Kind::Precondition,
        507 => Kind::Full,
        501 => Kind::Refused,
        // An error in a `200`, or `304` to a question that cannot have that answer.
        200..300 | 304 | 408 | 429 | 500.. => Kind::Unavailable,
        _ => Kind::Refused,
    }
}

/// What to do about a refusal without words, such as every one to a HEAD.
fn remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..400 => "the bucket is elsewhere; correct `endpoint` or `region`",
        400 => "storage gives no reason; check `region`, `addressing` and the credentials",
        401 | 403 => {
            "check the credentials, the clock, the bucket's owner, and that reading, writing, deleting and \
             s3:ListBucket (without it a missing object looks forbidden) are allowed"
        }
        _ => "storage gives no reason",
    }
}

fn or_else(text: String, other: impl FnOnce() -> String) -> String {
    if text.is_empty() { other() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, code: &str) -> StoreError {
        let document = ErrorDocument {
            code: code.to_owned(),
            message: "words".to_owned(),
        };
        refusal(StatusCode::from_u16(status).unwrap(), Some(document), "b")
    }

    #[test]
    fn every_refusal_has_its_meaning() {
        use StoreError as E;
        for (status, code) in [(404, "NoSuchKey"), (200, "NoSuchUpload"), (404, "")] {
            assert!(matches!(kind(status, code), E::NotFound), "{status} {code}");
        }
        for (status, code) in [
            (412, "PreconditionFailed"),
            (412, ""),
            (200, "PreconditionFailed"),
        ] {
            let error = kind(status, code);
            assert!(matches!(error, E::PreconditionFailed), "{status} {code}");
        }
        for (status, code) in [
            (507, ""),
            (507, "XMinioStorageFull"),
            (403, "QuotaExceeded"),
        ] {
            assert!(matches!(kind(status, code), E::Full), "{status} {code}");
        }
        for status in [304, 408, 429, 500, 502, 503, 504, 200] {
            let error = kind(status, "");
            assert!(matches!(error, E::Unavailable { .. }), "{status}");
        }
        for (status, code) in [
            (400, "RequestTimeout"),
            (409, "ConditionalRequestConflict"),
            (409, "OperationAborted"),
            (200, "InternalError"),
            (200, "SomethingNew"),
        ] {
            let error = kind(status, code);
            assert!(matches!(error, E::Unavailable { .. }), "{status} {code}");
        }
        for (status, code) in [
            (301, "PermanentRedirect"),
            (400, "InvalidRequest"),
            (403, "AccessDenied"),
            (403, "SignatureDoesNotMatch"),
            (405, ""),
            (409, "BucketNotEmpty"),
            (501, "NotImplemented"),
            (200, "AccessDenied"),
            (200, "InvalidPart"),
        ] {
            let error = kind(status, code);
            assert!(matches!(error, E::Refused { .. }), "{status} {code}");
        }
    }

    #[test]
    fn a_missing_bucket_is_named_with_its_remedy() {
        let text = kind(404, "NoSuchBucket").to_string();
        assert!(
            text.contains("\"b\"") && text.contains("create it"),
            "{text}"
        );
    }

    #[test]
    fn a_refusal_without_words_says_what_to_do() {
        let text = refusal(StatusCode::FORBIDDEN, None, "b").to_string();
        assert!(
            text.contains("403 Forbidden") && text.contains("s3:ListBucket"),
            "{text}"
        );
    }

    #[test]
    fn nothing_signed_is_repeated() {
        for text in [
            "GET /k?X-Amz-Security-Token=0123abcd",
            "GET /k?X-Amz-Signature=0123abcd",
            "Signature=0123abcd is wrong",
            "you sent Authorization: AWS4 0123abcd",
            "AWS4-HMAC-SHA256\n0123abcd",
        ] {
            let printed = printable(text);
            assert!(!printed.contains("0123abcd"), "{printed}");
            assert!(printed.ends_with("[redacted]"), "{printed}");
        }
        let harmless = "value of x-amz-checksum-sha256 is invalid";
        assert_eq!(printable(harmless), harmless);
        assert_eq!(printable("two\r\nlines"), "two  lines");
        assert_eq!(printable(&"é".repeat(1000)).chars().count(), 300);
    }
}
