//! What S3 refuses and `s3s` lets through. Runs before the signature is verified, on the request as it came.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, Method, header};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// How long a presigned URL may live.
const MAX_EXPIRES: i64 = 7 * 24 * 3600;
/// How far a signature's date may lie ahead.
pub(crate) const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Checks everything about a request that does not need its body or the secret.
pub(crate) fn check(parts: &Parts, has_body: bool, region: &str, now: Timestamp) -> S3Result<()> {
    let query = Query::read(parts.uri.query().unwrap_or_default())?;
    match Mechanism::of(&parts.headers, &query)? {
        Mechanism::Header(authorization) => check_header(parts, authorization, region)?,
        Mechanism::Presigned => check_presigned(parts, &query, region, now)?,
    }
    check_length(parts, has_body)
}

/// How a request proves who sent it.
enum Mechanism<'a> {
    Header(&'a str),
    Presigned,
}

impl<'a> Mechanism<'a> {
    fn of(headers: &'a HeaderMap, query: &Query<'_>) -> S3Result<Self> {
        let authorization = match headers.get(header::AUTHORIZATION) {
            Some(value) => Some(value.to_str().map_err(|_| unsupported())?),
            None => None,
        };
        let presigned = query.has("X-Amz-Signature") || query.has("X-Amz-Algorithm");
        if query.has("Signature") || query.has("AWSAccessKeyId") {
            return Err(old_signature());
        }
        match (authorization, presigned) {
            (Some(_), true) => Err(s3_error!(
                InvalidArgument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
            )),
            (None, true) => Ok(Self::Presigned),
            (Some(value), false) if value.starts_with("AWS4-HMAC-SHA256") => {
                Ok(Self::Header(value))
            }
            (Some(value), false) if value.starts_with("AWS ") => Err(old_signature()),
            (Some(_), false) => Err(unsupported()),
            (None, false) => Err(s3_error!(AccessDenied, "Access Denied")),
        }
    }
}

fn check_header(parts: &Parts, authorization: &str, region: &str) -> S3Result<()> {
    let field = |name: &str| {
        authorization
            .trim_start_matches("AWS4-HMAC-SHA256")
            .split(',')
            .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| {
                s3_error!(
                    AuthorizationHeaderMalformed,
                    "The authorization header is malformed; the authorization component \"{name}=...\" is missing."
                )
            })
    };
    let malformed = |what: String| {
        S3Error::with_message(
            S3ErrorCode::AuthorizationHeaderMalformed,
            format!("The authorization header is malformed; {what}"),
        )
    };
    check_scope(field("Credential")?, region).map_err(malformed)?;
    check_signed_headers(&parts.headers, field("SignedHeaders")?)
}

fn check_presigned(parts: &Parts, query: &Query<'_>, region: &str, now: Timestamp) -> S3Result<()> {
    let field = |name: &str| {
        query.get(name).ok_or_else(|| {
            s3_error!(
                AuthorizationQueryParametersError,
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            )
        })
    };
    let malformed = |what: String| {
        S3Error::with_message(
            S3ErrorCode::AuthorizationQueryParametersError,
            format!("Error parsing the X-Amz-Credential parameter; {what}"),
        )
    };
    if field("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""
        ));
    }
    field("X-Amz-Signature")?;
    check_scope(field("X-Amz-Credential")?, region).map_err(malformed)?;
    check_lifetime(field("X-Amz-Date")?, field("X-Amz-Expires")?, now)?;
    check_signed_headers(&parts.headers, field("X-Amz-SignedHeaders")?)
}

/// `<key id>/<date>/<region>/s3/aws4_request`
pub(crate) fn check_scope(credential: &str, region: &str) -> Result<(), String> {
    let mut parts = credential.rsplit('/');
    let (terminal, service, named) = (parts.next(), parts.next(), parts.next());
    if terminal != Some("aws4_request") {
        return Err("the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".".to_owned());
    }
    if service != Some("s3") {
        return Err(format!(
            "incorrect service \"{}\". This endpoint belongs to \"s3\".",
            service.unwrap_or_default()
        ));
    }
    if named != Some(region) {
        return Err(format!(
            "the region '{}' is wrong; expecting '{region}'",
            named.unwrap_or_default()
        ));
    }
    Ok(())
}

fn check_lifetime(date: &str, expires: &str, now: Timestamp) -> S3Result<()> {
    let wrong = |message: &'static str| {
        S3Error::with_message(S3ErrorCode::AuthorizationQueryParametersError, message)
    };
    let signed = read_amz_date(date).ok_or_else(|| {
        wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    })?;
    let expires: i64 = expires
        .parse()
        .map_err(|_| wrong("X-Amz-Expires should be a number"))?;
    if expires < 0 {
        return Err(wrong("X-Amz-Expires must be non-negative"));
    }
    if expires > MAX_EXPIRES {
        return Err(wrong(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ));
    }
    let age = now.duration_since(signed);
    if age < -MAX_SKEW {
        return Err(s3_error!(AccessDenied, "Request is not valid yet"));
    }
    if age > SignedDuration::from_secs(expires) {
        return Err(s3_error!(AccessDenied, "Request has expired"));
    }
    Ok(())
}

/// `20261231T235959Z`
pub(crate) fn read_amz_date(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let date = Offset::UTC.to_timestamp(civil).ok()?;
    (text.len() == 16).then_some(date)
}

/// The host is always signed, every signed header is there, and every `x-amz-*` header is signed: otherwise
/// whoever holds a URL could add an ACL or metadata to it.
fn check_signed_headers(headers: &HeaderMap, signed: &str) -> S3Result<()> {
    let signed: Vec<&str> = signed.split(';').collect();
    let unsigned = headers
        .keys()
        .map(header::HeaderName::as_str)
        .find(|name| name.starts_with("x-amz-") && !signed.contains(name));
    if unsigned.is_some() || !signed.contains(&"host") {
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed: {}",
            unsigned.unwrap_or("host")
        ));
    }
    if let Some(missing) = signed.iter().find(|name| !headers.contains_key(**name)) {
        return Err(s3_error!(
            SignatureDoesNotMatch,
            "The signed header {missing} is not in the request"
        ));
    }
    Ok(())
}

/// A PUT of bytes says how many. A copy has none.
fn check_length(parts: &Parts, has_body: bool) -> S3Result<()> {
    let headers = &parts.headers;
    let known = headers.contains_key(header::CONTENT_LENGTH)
        || headers.contains_key("x-amz-decoded-content-length")
        || (headers.contains_key("x-amz-copy-source") && !has_body);
    if parts.method == Method::PUT && !known {
        return Err(s3_error!(
            MissingContentLength,
            "You must provide the Content-Length HTTP header."
        ));
    }
    Ok(())
}

/// A query string, decoded, in which no name occurs twice.
struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    fn read(raw: &'a str) -> S3Result<Self> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &'a str| {
                percent_decode_str(text)
                    .decode_utf8()
                    .map_err(|_| s3_error!(InvalidURI, "Couldn't parse the specified URI."))
            };
            let name = decode(name)?;
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(s3_error!(
                    InvalidArgument,
                    "The query parameter {name} was given more than once"
                ));
            }
            pairs.push((name, decode(value)?));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

fn unsupported() -> S3Error {
    s3_error!(InvalidArgument, "Unsupported Authorization Type")
}

fn old_signature() -> S3Error {
    s3_error!(
        InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )
}
