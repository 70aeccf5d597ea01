//! The whole error surface: one table of codes, and the problem document (RFC 9457) that carries one.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident $code:literal $status:literal $title:literal;)+) => {
        /// What went wrong, as a word that never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status it goes with.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What it means, for a person.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// Not JSON, bad UTF-8, duplicate keys, a bad cursor or query.
    MalformedRequest "malformed_request" 400 "The request cannot be read";
    /// No token, or one that does not hold.
    Unauthenticated "unauthenticated" 401 "A valid token is needed";
    /// The token was good once.
    TokenExpired "token_expired" 401 "The token has expired";
    /// You may see it, but not do this.
    Forbidden "forbidden" 403 "This is not allowed";
    /// Absent, malformed id, or not yours to see: one answer for all three.
    NotFound "not_found" 404 "There is nothing here";
    /// The path exists, but not with this method.
    MethodNotAllowed "method_not_allowed" 405 "This method is not offered here";
    /// The upload or file is in another state.
    Conflict "conflict" 409 "The state does not allow this";
    /// Bytes are still missing in the store.
    UploadIncomplete "upload_incomplete" 409 "The upload is not complete";
    /// The stored bytes are more or fewer than declared.
    SizeMismatch "size_mismatch" 409 "The size is not the declared one";
    /// The stored bytes are not the declared ones.
    ChecksumMismatch "checksum_mismatch" 409 "The checksum is not the declared one";
    /// The stored bytes are not of the declared type.
    TypeMismatch "type_mismatch" 409 "The type is not the declared one";
    /// The session is over.
    UploadExpired "upload_expired" 409 "The upload has expired";
    /// The same request is being served at this moment.
    RequestInProgress "request_in_progress" 409 "The same request is in progress";
    /// What came after this place is not remembered any more.
    EventsForgotten "events_forgotten" 410 "The events were forgotten";
    /// A link was good once.
    LinkOver "link_over" 410 "The link is over";
    /// The request itself has too many bytes.
    BodyTooLarge "body_too_large" 413 "The request body is too large";
    /// The declared file is larger than its bucket takes.
    FileTooLarge "file_too_large" 413 "The file is too large";
    /// There is no quota left for so many bytes.
    QuotaExceeded "quota_exceeded" 413 "The quota is used up";
    /// More items, or presigned requests, than one answer may hold.
    BatchTooLarge "batch_too_large" 413 "The batch is too large";
    /// The request's own content type is not JSON.
    ContentTypeUnsupported "content_type_unsupported" 415 "The request's content type is not supported";
    /// A field's value; `field` names it.
    InvalidRequest "invalid_request" 422 "A field is not valid";
    /// A field this API does not have.
    UnknownField "unknown_field" 422 "A field is not known";
    /// The bucket does not take files of this type.
    ContentTypeNotAllowed "content_type_not_allowed" 422 "This type of file is not allowed";
    /// An idempotency key came again with another request.
    IdempotencyMismatch "idempotency_mismatch" 422 "The idempotency key belongs to another request";
    /// Too many requests.
    RateLimited "rate_limited" 429 "Too many requests";
    /// Too many uploads are open.
    TooManyUploads "too_many_uploads" 429 "Too many open uploads";
    /// A fault of ours; the log has it under the request id.
    Internal "internal" 500 "Something went wrong here";
    /// Too much to do.
    Overloaded "overloaded" 503 "The service is overloaded";
    /// The bucket does not answer as it should.
    StorageUnavailable "storage_unavailable" 503 "Storage is not available";
    /// The keys that tokens are checked with cannot be had.
    AuthUnavailable "auth_unavailable" 503 "Tokens cannot be checked";
    /// How often somebody asks cannot be counted.
    LimitsUnavailable "limits_unavailable" 503 "Requests cannot be counted";
    /// The clocks of the service and of storage are too far apart to sign anything.
    ClockSkew "clock_skew" 503 "The clocks of service and storage differ";
    /// The catalog does not answer as it should.
    CatalogUnavailable "catalog_unavailable" 503 "The catalog is not available";
    /// No room is left.
    StorageFull "storage_full" 507 "Storage is full";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem document: what is wrong, what to do, and the facts to do it with.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// What to do about it, for a person.
    pub detail: String,
    /// Further members such as `field`, `limit` or `retry_after`.
    pub facts: BTreeMap<String, Value>,
    /// The id under which the server's log has this request.
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem that says what to do.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            facts: BTreeMap::new(),
            request_id: None,
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Seconds to wait before trying again, if the problem says so.
    pub fn retry_after(&self) -> Option<u64> {
        self.facts.get("retry_after").and_then(Value::as_u64)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)?;
        match &self.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("/problems/{}", self.code))?;
        map.serialize_entry("title", self.code.title())?;
        map.serialize_entry("status", &self.code.status())?;
        map.serialize_entry("detail", &self.detail)?;
        map.serialize_entry("code", self.code.as_str())?;
        if let Some(id) = &self.request_id {
            map.serialize_entry("request_id", id)?;
        }
        for (name, value) in &self.facts {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Reads any server's problem: a code from a newer server becomes `internal` or, below 500, `conflict`.
impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            code: String,
            status: u16,
            #[serde(default)]
            detail: String,
            request_id: Option<String>,
            #[serde(flatten)]
            facts: BTreeMap<String, Value>,
        }
        let mut wire = Wire::deserialize(deserializer)?;
        wire.facts
            .retain(|name, _| name != "type" && name != "title");
        let known = Code::ALL.iter().find(|code| code.as_str() == wire.code);
        let fallback = if wire.status < 500 {
            Code::Conflict
        } else {
            Code::Internal
        };
        Ok(Self {
            code: known.copied().unwrap_or(fallback),
            detail: wire.detail,
            facts: wire.facts,
            request_id: wire.request_id,
        })
    }
}

/// The wire form of a problem, for the schema.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemSchema {
    /// `/problems/` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do.
    pub detail: String,
    /// The word that never changes its meaning.
    pub code: String,
    /// The id under which the server's log has this request.
    pub request_id: Option<String>,
    /// The field a value was wrong in.
    pub field: Option<String>,
    /// The limit that was passed.
    pub limit: Option<u64>,
    /// Seconds to wait before trying again.
    pub retry_after: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_round_trips_with_its_facts() {
        let problem = Problem::new(Code::FileTooLarge, "send at most 5 bytes").with("limit", 5);
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            json,
            r#"{"type":"/problems/file_too_large","title":"The file is too large","status":413,"detail":"send at most 5 bytes","code":"file_too_large","limit":5}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
    }

    #[test]
    fn every_code_is_a_word_of_its_own_with_an_error_status() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert!((400..600).contains(&code.status()));
            assert!(
                code.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
            );
            assert!(
                Code::ALL[..index]
                    .iter()
                    .all(|other| other.as_str() != code.as_str())
            );
        }
    }
}
