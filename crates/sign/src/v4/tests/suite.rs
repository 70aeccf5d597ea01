//! The signing test suite that AWS's own clients share, all 38 cases of it, in headers and in the query.

use std::collections::BTreeMap;

use super::*;
use crate::SignError;

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
    normalize: bool,
    region: String,
    service: String,
    sign_body: bool,
    timestamp: jiff::Timestamp,
    #[serde(default)]
    omit_session_token: bool,
}

#[derive(Deserialize)]
struct SuiteCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

type Pairs = Vec<(String, String)>;

/// The request of a case, taken apart.
struct Parsed {
    method: String,
    path: String,
    query: Pairs,
    headers: Pairs,
    payload: String,
}

#[test]
fn all_38_cases_match_at_every_stage() {
    let cases = load().cases;
    assert_eq!(cases.len(), 38);
    for (name, case) in cases {
        let in_headers = Stages {
            canonical_request: case.header_canonical_request.clone(),
            string_to_sign: case.header_string_to_sign.clone(),
            signature: case.header_signature.clone(),
        };
        let in_query = Stages {
            canonical_request: case.query_canonical_request.clone(),
            string_to_sign: case.query_string_to_sign.clone(),
            signature: case.query_signature.clone(),
        };
        assert_eq!(case.signed_in_headers(), in_headers, "{name}");
        assert_eq!(case.signed_in_query(), in_query, "{name}");
    }
}

#[test]
fn a_request_without_a_host_or_with_a_broken_path_is_refused() {
    let case = load().cases.remove("get-vanilla").unwrap();
    let sign = |path, headers: &[(&str, &str)]| {
        let request = WireRequest {
            method: "GET",
            path,
            query: &[],
            headers,
            payload: "UNSIGNED-PAYLOAD",
        };
        let at = case.context.timestamp;
        sign_general(&case.key(), PathRules::OBJECT_STORAGE, &request, at).err()
    };
    assert_eq!(sign("/", &[]), Some(SignError::NoHost));
    assert_eq!(sign("/%4", &[("host", "a")]), Some(SignError::Path));
}

impl Case {
    fn key(&self) -> SigningKey {
        let Context {
            credentials: given,
            region,
            service,
            timestamp,
            ..
        } = &self.context;
        let mut credentials = Credentials::new(&given.access_key_id, &given.secret_access_key);
        if let Some(token) = &given.token {
            credentials = credentials.with_session_token(token);
        }
        SigningKey::derive(&credentials, *timestamp, region, service).unwrap()
    }

    /// The session token, unless this service wants it added after signing.
    fn signed_token(&self) -> Option<String> {
        let token = self.context.credentials.token.clone();
        token.filter(|_| !self.context.omit_session_token)
    }

    fn signed_in_headers(&self) -> Stages {
        let mut parsed = parse(self);
        let mut add = |name: &str, value: String| parsed.headers.push((name.to_owned(), value));
        add("x-amz-date", compact(self.context.timestamp));
        if let Some(token) = self.signed_token() {
            add("x-amz-security-token", token);
        }
        if self.context.sign_body {
            add("x-amz-content-sha256", parsed.payload.clone());
        }
        self.sign(&parsed)
    }

    fn signed_in_query(&self) -> Stages {
        let mut parsed = parse(self);
        let mut names: Vec<&str> = parsed.headers.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        let names = names.join(";");
        let credential = self.key().scope().credential.clone();
        let mut add = |name: &str, value: String| parsed.query.push((name.to_owned(), value));
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned());
        add("X-Amz-Credential", credential);
        add("X-Amz-Date", compact(self.context.timestamp));
        add(
            "X-Amz-Expires",
            self.context.expiration_in_seconds.to_string(),
        );
        add("X-Amz-SignedHeaders", names);
        if let Some(token) = self.signed_token() {
            add("X-Amz-Security-Token", token);
        }
        self.sign(&parsed)
    }

    fn sign(&self, parsed: &Parsed) -> Stages {
        let rules = PathRules {
            normalize: self.context.normalize,
            ..PathRules::GENERAL
        };
        let request = WireRequest {
            method: &parsed.method,
            path: &parsed.path,
            query: &pairs(&parsed.query),
            headers: &pairs(&parsed.headers),
            payload: &parsed.payload,
        };
        sign_general(&self.key(), rules, &request, self.context.timestamp).unwrap()
    }
}

fn load() -> Suite {
    serde_json::from_str(include_str!("../../../tests/vectors/aws_sigv4_suite.json")).unwrap()
}

fn parse(case: &Case) -> Parsed {
    let request = &case.request;
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (line, fields) = head.split_once('\n').unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let target = target.strip_suffix(" HTTP/1.1").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Parsed {
        method: method.to_owned(),
        path: path.to_owned(),
        query: parse_query(query),
        headers: parse_fields(fields),
        payload: hash_of(if case.context.sign_body { body } else { "" }),
    }
}

fn parse_query(query: &str) -> Pairs {
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
fn parse_fields(fields: &str) -> Pairs {
    let mut headers = Pairs::new();
    for line in fields.lines() {
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
            None => headers.last_mut().unwrap().1.push_str(&format!("\n{line}")),
        }
    }
    headers
}
