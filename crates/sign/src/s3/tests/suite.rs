//! The signing test suite that AWS's own clients share.
//!
//! It was written for services that normalise paths, so these cases of it are not in our copy:
//! `get-relative-normalized`, `get-relative-relative-normalized`, `get-slash-normalized`,
//! `get-slashes-normalized`, `get-slash-dot-slash-normalized` and
//! `get-slash-pointless-dot-normalized` (S3 keeps paths as they are; their `-unnormalized` twins stay),
//! and `post-sts-header-after` (S3 wants the session token signed). Of those that stay, keys with dot
//! segments and the header value with line breaks must be refused, not signed.

use std::collections::BTreeMap;

use super::*;

#[derive(Deserialize)]
struct Suite {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Case {
    context: Context,
    request: String,
    header_canonical_request: String,
    header_string_to_sign: String,
    header_signature: String,
    query_canonical_request: String,
    query_string_to_sign: String,
    query_signature: String,
}

#[derive(Deserialize)]
struct Context {
    credentials: SuiteCredentials,
    expiration_in_seconds: u32,
    region: String,
    service: String,
    sign_body: bool,
    timestamp: jiff::Timestamp,
}

#[derive(Deserialize)]
struct SuiteCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

/// The request of a case, taken apart.
struct Parsed {
    method: Method,
    key: Vec<u8>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    payload: String,
}

#[test]
fn the_suite_matches_at_every_stage() {
    let (mut signed, mut refused) = (0, Vec::new());
    for (name, case) in load().cases {
        let parsed = parse(&case);
        let stages = header_stages(&case, &parsed).and_then(|in_headers| {
            let in_query = query_stages(&case, &parsed)?;
            Ok((in_headers, in_query))
        });
        match stages {
            Ok((in_headers, in_query)) => {
                assert_eq!(in_headers, case.expected_in_headers(), "{name}");
                assert_eq!(in_query, case.expected_in_query(), "{name}");
                signed += 1;
            }
            Err(error) => refused.push((name, error)),
        }
    }
    let dots = |name: &str| (name.to_owned(), SignError::DotSegment);
    let multiline = SignError::HeaderValue {
        name: "my-header1".to_owned(),
    };
    assert_eq!(
        refused,
        [
            ("get-header-value-multiline".to_owned(), multiline),
            dots("get-relative-relative-unnormalized"),
            dots("get-relative-unnormalized"),
            dots("get-slash-dot-slash-unnormalized"),
            dots("get-slash-pointless-dot-unnormalized"),
        ]
    );
    assert_eq!(signed, 26);
}

impl Case {
    fn key(&self) -> SigningKey {
        let Context {
            credentials:
                SuiteCredentials {
                    access_key_id,
                    secret_access_key,
                    token,
                },
            region,
            service,
            timestamp,
            ..
        } = &self.context;
        let mut credentials = Credentials::new(access_key_id, secret_access_key);
        if let Some(token) = token {
            credentials = credentials.with_session_token(token);
        }
        SigningKey::derive(&credentials, *timestamp, region, service).unwrap()
    }

    fn expected_in_headers(&self) -> Stages {
        Stages {
            canonical_request: self.header_canonical_request.clone(),
            string_to_sign: self.header_string_to_sign.clone(),
            signature: self.header_signature.clone(),
        }
    }

    fn expected_in_query(&self) -> Stages {
        Stages {
            canonical_request: self.query_canonical_request.clone(),
            string_to_sign: self.query_string_to_sign.clone(),
            signature: self.query_signature.clone(),
        }
    }
}

fn load() -> Suite {
    serde_json::from_str(include_str!("../../../tests/vectors/aws_sigv4_suite.json")).unwrap()
}

fn header_stages(case: &Case, parsed: &Parsed) -> Result<Stages, SignError> {
    let (endpoint, key, at) = (endpoint(), case.key(), case.context.timestamp);
    let date = amz_date(at);
    let (query, headers) = (pairs(&parsed.query), pairs(&parsed.headers));
    let url = url_for(&endpoint, &parsed.key, &query)?;
    let target = url.strip_prefix("https://example.amazonaws.com").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = case.context.sign_body;
    let signed = SignedHeaders::new(endpoint.authority(), &headers)?
        .and([(X_AMZ_DATE, &*date)])
        .and(body.then_some((X_AMZ_CONTENT_SHA256, &*parsed.payload)))
        .and(
            key.session_token()
                .map(|token| (X_AMZ_SECURITY_TOKEN, token)),
        );
    let request = CanonicalRequest {
        method: parsed.method,
        path,
        query,
        headers: &signed,
        payload: &parsed.payload,
    };
    Ok(Stages::of(&request, &key, at))
}

fn query_stages(case: &Case, parsed: &Parsed) -> Result<Stages, SignError> {
    let (endpoint, key, at) = (endpoint(), case.key(), case.context.timestamp);
    let (query, headers) = (pairs(&parsed.query), pairs(&parsed.headers));
    let signed = SignedHeaders::new(endpoint.authority(), &headers)?;
    let expires = case.context.expiration_in_seconds;
    let mut canonical_query = String::new();
    Presigner::new(&endpoint, &key, at, expires)?.push_query(
        &Query::new(&query)?,
        &signed,
        &mut canonical_query,
    );
    let mut path = String::new();
    push_path(&endpoint, &parsed.key, &mut path);
    let request = CanonicalRequest {
        method: parsed.method,
        path: &path,
        query: &canonical_query,
        headers: &signed,
        payload: &parsed.payload,
    };
    Ok(Stages::of(&request, &key, at))
}

fn endpoint() -> Endpoint {
    let style = AddressingStyle::VirtualHost;
    Endpoint::parse("https://amazonaws.com", "example", style).unwrap()
}

fn parse(case: &Case) -> Parsed {
    let (head, body) = case
        .request
        .split_once("\n\n")
        .unwrap_or((&case.request, ""));
    let (line, fields) = head.split_once('\n').unwrap();
    let (verb, target) = line.split_once(' ').unwrap();
    let target = target.strip_suffix(" HTTP/1.1").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = if case.context.sign_body { body } else { "" };
    let mut payload = String::new();
    push_ascii(
        &hex(&<sha2::Sha256 as sha2::Digest>::digest(body).into()),
        &mut payload,
    );
    Parsed {
        method: method(verb),
        key: path.strip_prefix('/').unwrap().as_bytes().to_vec(),
        query: parse_query(query),
        headers: parse_fields(fields),
        payload,
    }
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let decoded = parameters.map(|parameter| parameter.replace("%E1%88%B4", "ሴ"));
    decoded
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// A line that starts with white space continues the value of the one before.
fn parse_fields(fields: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in fields.lines() {
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
            None => headers.last_mut().unwrap().1.push_str(&format!("\n{line}")),
        }
    }
    headers.retain(|(name, _)| name != "host");
    headers
}
