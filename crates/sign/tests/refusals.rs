//! What must not be signed is refused with a reason, and what is secret is never shown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use valetkey_sign::s3::{
    Form, Method, Payload, Presigner, Request, SigningKey, authorize, copy_source, post_policy,
    url_for,
};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint, SignError};

const AT: &str = "2026-11-23T20:36:01Z";

fn endpoint() -> Endpoint {
    Endpoint::parse("http://127.0.0.1:9000", "photos", AddressingStyle::Path).unwrap()
}

fn key_for(credentials: &Credentials) -> Result<SigningKey, SignError> {
    SigningKey::derive(credentials, AT.parse().unwrap(), "us-east-1", "s3")
}

fn key() -> SigningKey {
    key_for(&Credentials::new("AKIDEXAMPLE", "top-secret")).unwrap()
}

fn presign(
    key_bytes: &[u8],
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Result<String, SignError> {
    let (endpoint, key, mut url) = (endpoint(), key(), String::new());
    let presigner = Presigner::new(&endpoint, &key, AT.parse().unwrap(), 900)?;
    let refused = presigner.presign(Method::Put, key_bytes, query, headers, &mut url);
    assert_eq!(
        refused.is_err(),
        url.is_empty(),
        "a refusal must leave the output alone"
    );
    refused.map(|()| url)
}

fn authorize_with(headers: &[(&str, &str)]) -> Result<(), SignError> {
    let request = Request {
        method: Method::Get,
        endpoint: &endpoint(),
        key: b"",
        query: &[],
        headers,
        payload: Payload::Empty,
    };
    authorize(&key(), &request, AT.parse().unwrap()).map(drop)
}

#[test]
fn a10_keys_that_others_would_resolve_are_refused() {
    assert_eq!(presign(b"", &[], &[]), Err(SignError::EmptyKey));
    assert_eq!(copy_source(&endpoint(), b""), Err(SignError::EmptyKey));
    for key in [".", "..", "a/..", "../a", "a/./b", "./", "a//../b", "/."] {
        let key = key.as_bytes();
        assert_eq!(presign(key, &[], &[]), Err(SignError::DotSegment));
        assert_eq!(url_for(&endpoint(), key, &[]), Err(SignError::DotSegment));
        assert_eq!(copy_source(&endpoint(), key), Err(SignError::DotSegment));
    }
    for key in ["...", "a/.b", "..a", "a./b", "a.."] {
        assert!(presign(key.as_bytes(), &[], &[]).is_ok(), "{key}");
    }
}

#[test]
fn lifetimes_beyond_seven_days_are_refused() {
    let (endpoint, key, at) = (endpoint(), key(), AT.parse().unwrap());
    for seconds in [0, 604_801, u32::MAX] {
        let refused = Presigner::new(&endpoint, &key, at, seconds).err();
        assert_eq!(refused, Some(SignError::ExpiryOutOfRange { seconds }));
    }
    for seconds in [1, 604_800] {
        assert!(Presigner::new(&endpoint, &key, at, seconds).is_ok());
    }
}

#[test]
fn query_parameters_of_the_signer_are_refused() {
    for name in [
        "",
        "X-Amz-Expires",
        "x-amz-expires",
        "X-AMZ-SIGNATURE",
        "X-Amz-Other",
        "x-amz-security-token",
    ] {
        let expected = SignError::ReservedQuery { name: name.into() };
        assert_eq!(
            presign(b"a", &[("ok", ""), (name, "1")], &[]),
            Err(expected.clone())
        );
        assert_eq!(url_for(&endpoint(), b"a", &[(name, "1")]), Err(expected));
    }
    assert!(presign(b"a", &[("x-amz-checksum-mode", "ENABLED")], &[]).is_ok());
}

#[test]
fn headers_that_could_not_be_verified_are_refused() {
    for name in ["", "Content-Type", "a b", "a:b", "a\n", "é", "a;b"] {
        let expected = SignError::HeaderName { name: name.into() };
        assert_eq!(presign(b"a", &[], &[(name, "1")]), Err(expected.clone()));
        assert_eq!(authorize_with(&[(name, "1")]), Err(expected));
    }
    for name in [
        "host",
        "authorization",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-security-token",
    ] {
        let expected = SignError::ReservedHeader { name: name.into() };
        assert_eq!(authorize_with(&[(name, "1")]), Err(expected.clone()));
        // In a URL nothing else says what the body is.
        let presigned = presign(b"a", &[], &[(name, "1")]);
        if name == "x-amz-content-sha256" {
            assert!(presigned.is_ok());
        } else {
            assert_eq!(presigned, Err(expected));
        }
    }
    for value in ["a\nhost:evil", "a\r", "a\tb", "\0", "\u{85}"] {
        let expected = SignError::HeaderValue {
            name: "range".into(),
        };
        assert_eq!(
            presign(b"a", &[], &[("range", value)]),
            Err(expected.clone())
        );
        assert_eq!(authorize_with(&[("range", value)]), Err(expected));
    }
}

#[test]
fn a_key_signs_only_on_its_own_day() {
    let (endpoint, key) = (endpoint(), key());
    for (instant, covered) in [
        ("2026-11-22T23:59:59Z", false),
        ("2026-11-23T00:00:00Z", true),
        ("2026-11-23T23:59:59Z", true),
        ("2026-11-24T00:00:00Z", false),
        ("2026-11-24T00:30:00+01:00", true),
    ] {
        let at = instant.parse().unwrap();
        assert_eq!(key.covers(at), covered, "{instant}");
        let refused = Presigner::new(&endpoint, &key, at, 900).err();
        let other_day = matches!(refused, Some(SignError::KeyOfAnotherDay { .. }));
        assert_eq!(other_day, !covered, "{instant}");
    }
}

#[test]
fn credentials_and_scopes_that_would_break_the_text_are_refused() {
    let long = Credentials::new("AKID", "s");
    for region in ["", "us/east", "us east", "us\neast", &"x".repeat(65)] {
        let refused = SigningKey::derive(&long, AT.parse().unwrap(), region, "s3").err();
        assert!(
            matches!(refused, Some(SignError::Scope { part: "region", .. })),
            "{region}"
        );
    }
    for (credentials, part) in [
        (Credentials::new("", "s"), "access key id"),
        (Credentials::new("AK/ID", "s"), "access key id"),
        (Credentials::new("AK,ID", "s"), "access key id"),
        (Credentials::new("AK\nID", "s"), "access key id"),
        (Credentials::new("AKID", ""), "secret access key"),
        (
            Credentials::new("AKID", "s").with_session_token(""),
            "session token",
        ),
        (
            Credentials::new("AKID", "s").with_session_token("a\r\nb"),
            "session token",
        ),
    ] {
        assert_eq!(
            key_for(&credentials).err(),
            Some(SignError::Credential { part })
        );
    }
}

#[test]
fn copy_sources_name_the_bucket_and_are_encoded_once() {
    let source = copy_source(&endpoint(), "quarantine/é+1".as_bytes()).unwrap();
    assert_eq!(source, "/photos/quarantine/%C3%A9%2B1");
}

#[test]
fn no_debug_output_shows_a_secret() {
    let credentials = Credentials::new("AKIDEXAMPLE", "top-secret").with_session_token("top-token");
    let (endpoint, at) = (endpoint(), AT.parse().unwrap());
    let key = key_for(&credentials).unwrap();
    let presigner = Presigner::new(&endpoint, &key, at, 900).unwrap();
    let request = Request {
        method: Method::Get,
        endpoint: &endpoint,
        key: b"a",
        query: &[("uploadId", "an-upload")],
        headers: &[],
        payload: Payload::Empty,
    };
    let signed = authorize(&key, &request, at).unwrap();
    let shown = [
        format!("{credentials:#?}"),
        format!(
            "{:?} {}",
            credentials.secret_access_key, credentials.secret_access_key
        ),
        format!("{key:#?}"),
        format!("{presigner:#?}"),
        format!("{signed:#?}"),
        format!(
            "{:?}",
            key_for(&credentials.clone().with_session_token("top-token\n"))
        ),
    ]
    .concat();
    let signature = signed.headers[0].1.rsplit('=').next().unwrap();
    for secret in ["top-", "an-upload", signature] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("AKIDEXAMPLE") && shown.contains("***"));
}

fn policy(form: &Form<'_>) -> Result<String, SignError> {
    use base64::Engine as _;
    let signed = post_policy(&endpoint(), &key(), AT.parse().unwrap(), 900, form)?;
    let (_, policy) = signed.fields.iter().find(|(n, _)| n == "policy").unwrap();
    let text = base64::engine::general_purpose::STANDARD.decode(policy);
    Ok(String::from_utf8(text.unwrap()).unwrap())
}

#[test]
fn a01_a_form_leaves_nothing_for_its_holder_to_choose() {
    let form = |key, fields| Form {
        key,
        fields,
        content_length: None,
    };
    let variable = |name: &str| SignError::FormVariable { name: name.into() };
    let refused = policy(&form("uploads/${filename}", &[]));
    assert_eq!(refused, Err(variable("key")));
    let fields = [("Content-Disposition", "inline; filename=${filename}")];
    let refused = policy(&form("a", &fields));
    assert_eq!(refused, Err(variable("Content-Disposition")));
    assert_eq!(policy(&form("a/../b", &[])), Err(SignError::DotSegment));
    for name in ["Key", "BUCKET", "policy", "file", "X-Amz-Date", "a b", ""] {
        let expected = SignError::FormField { name: name.into() };
        let form = Form {
            key: "a",
            fields: &[(name, "1")],
            content_length: None,
        };
        assert_eq!(policy(&form), Err(expected));
    }
    let twice = SignError::FormField { name: "ACL".into() };
    assert_eq!(
        policy(&form("a", &[("acl", "1"), ("ACL", "2")])),
        Err(twice)
    );
    assert!(policy(&form("$filename{}", &[])).is_ok());
}

#[test]
fn a_policy_is_ascii_and_says_what_was_given() {
    let fields = [("x-amz-meta-a", "\u{e9}\u{1f980}\\\"\n")];
    let key = "e\u{301}/\u{2028}";
    let text = policy(&Form {
        key,
        fields: &fields,
        content_length: Some((1, 2)),
    });
    let text = text.unwrap();
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("\\u00e9\\ud83e\\udd80"), "{text}");
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    let conditions = read["conditions"].as_array().unwrap();
    assert_eq!(conditions[0], serde_json::json!({ "bucket": "photos" }));
    assert_eq!(conditions[1], serde_json::json!(["eq", "$key", key]));
    let (name, value) = fields[0];
    let name = format!("${name}");
    assert_eq!(conditions[2], serde_json::json!(["eq", name, value]));
}
