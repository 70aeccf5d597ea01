//! What was signed is accepted; what was changed since, is late, early or somebody else's is not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use valetkey_sign::s3::{
    Claim, Form, Method, Payload, Presigner, Received, Request, SigningKey, Submitted, VerifyError,
    authorize, post_policy, verify_form,
};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

const AT: &str = "2026-11-23T20:36:01Z";

fn at(seconds: i64) -> Timestamp {
    let at: Timestamp = AT.parse().unwrap();
    at + SignedDuration::from_secs(seconds)
}

fn endpoint() -> Endpoint {
    Endpoint::parse("http://[::1]:9000/base", "photos", AddressingStyle::Path).unwrap()
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret").with_session_token("to/ken+==")
}

fn key_of_the_day() -> SigningKey {
    SigningKey::derive(&credentials(), at(0), "eu-west-1", "s3").unwrap()
}

fn presign(key_bytes: &[u8], query: &[(&str, &str)], headers: &[(&str, &str)]) -> String {
    let mut url = String::new();
    Presigner::new(&endpoint(), &key_of_the_day(), at(0), 900)
        .unwrap()
        .presign(Method::Put, key_bytes, query, headers, &mut url)
        .unwrap();
    url
}

/// Sends a request to the verifier, as a server would see it.
fn verify(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let target = url.strip_prefix("http://[::1]:9000").unwrap();
    let mut all = vec![("Host", "[::1]:9000")];
    all.extend(headers);
    let received = Received {
        method,
        target,
        headers: &all,
    };
    Claim::read(received)?.verify(&credentials(), now)
}

proptest! {
    #[test]
    fn presigned_requests_are_accepted_and_no_byte_may_change(
        key in prop::collection::vec(any::<u8>(), 1..40),
        query in prop::collection::vec(("[a-zé +]{1,5}", "\\PC{0,9}"), 0..4),
        value in " {0,2}[a-z]{0,3} {0,3}[!-~é]{0,9}", at_byte in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!key.split(|b| *b == b'/').any(|part| part == b"." || part == b".."));
        let query: Vec<(&str, &str)> = query.iter().map(|(n, v)| (&**n, &**v)).collect();
        let headers = [("content-type", &*value)];
        let url = presign(&key, &query, &headers);
        prop_assert_eq!(verify("PUT", &url, &headers, at(899)), Ok(()));
        prop_assert!(verify("GET", &url, &headers, at(0)).is_err());
        prop_assert!(verify("PUT", &url, &[("content-type", "other")], at(0)).is_err());

        let origin = "http://[::1]:9000".len();
        let mut bytes = url.clone().into_bytes();
        let changed = origin + at_byte.index(bytes.len() - origin);
        // Another letter, and never only another case: `%2f` and `%2F` are one path.
        bytes[changed] = if bytes[changed] == b'z' { b'y' } else { b'z' };
        let other = String::from_utf8(bytes).unwrap();
        prop_assert!(verify("PUT", &other, &headers, at(0)).is_err(), "{}", other);
    }

    #[test]
    fn header_signed_requests_are_accepted_and_no_header_may_change(
        key in prop::collection::vec(any::<u8>(), 0..40), body in "\\PC{0,40}",
        query in prop::collection::vec(("[a-zé +]{1,5}", "\\PC{0,9}"), 0..4),
    ) {
        prop_assume!(!key.split(|b| *b == b'/').any(|part| part == b"." || part == b".."));
        let query: Vec<(&str, &str)> = query.iter().map(|(n, v)| (&**n, &**v)).collect();
        let endpoint = endpoint();
        let request = Request {
            method: Method::Post, endpoint: &endpoint, key: &key, query: &query,
            headers: &[("x-amz-meta-a", " b  c ")], payload: Payload::of(body.as_bytes()),
        };
        let signed = authorize(&key_of_the_day(), &request, at(0)).unwrap();
        let mut headers: Vec<(&str, &str)> = vec![("X-Amz-Meta-A", "b c")];
        headers.extend(signed.headers.iter().map(|(n, v)| (*n, &**v)));
        prop_assert_eq!(verify("POST", &signed.url, &headers, at(899)), Ok(()));
        prop_assert_eq!(verify("POST", &signed.url, &headers, at(900)), Err(VerifyError::Expired));
        for changed in 0..headers.len() {
            let mut other = headers.clone();
            let value = format!("{}0", other[changed].1);
            other[changed].1 = &value;
            prop_assert!(verify("POST", &signed.url, &other, at(0)).is_err());
            let without: Vec<_> = [&headers[..changed], &headers[changed + 1..]].concat();
            prop_assert!(verify("POST", &signed.url, &without, at(0)).is_err());
        }
    }

    #[test]
    fn a02_forms_are_accepted_and_no_field_may_change(
        key in "[a-z\"\\\\$é/]{1,20}", value in "\\PC{0,20}", size in 0..2_000_u64,
    ) {
        let fields = [("Content-Type", &*value), ("x-amz-meta-a", "b")];
        let form = Form { key: &key, fields: &fields, content_length: Some((1, 1_000)) };
        let policy = post_policy(&endpoint(), &key_of_the_day(), at(0), 900, &form).unwrap();
        let mut fields: Vec<(&str, &str)> =
            policy.fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        let check = |fields: &[(&str, &str)], bucket, size, now| {
            verify_form(&Submitted { bucket, fields, size }, &credentials(), now)
        };
        let fits = (1..=1_000).contains(&size);
        prop_assert_eq!(check(&fields, "photos", size, at(0)).is_ok(), fits);
        prop_assert!(check(&fields, "others", 1, at(0)).is_err());
        prop_assert_eq!(check(&fields, "photos", 1, at(900)), Err(VerifyError::Expired));
        for changed in 0..fields.len() {
            let mut other = fields.clone();
            let value = format!("{}0", other[changed].1);
            other[changed].1 = &value;
            prop_assert!(check(&other, "photos", 1, at(0)).is_err(), "{:?}", other[changed]);
            let without: Vec<_> = [&fields[..changed], &fields[changed + 1..]].concat();
            prop_assert!(check(&without, "photos", 1, at(0)).is_err());
        }
        fields.push(("acl", "public-read"));
        prop_assert!(check(&fields, "photos", 1, at(0)).is_err());
        fields.pop();
        fields.push(("x-ignore-me", ""));
        prop_assert_eq!(check(&fields, "photos", 1, at(0)), Ok(()));
        fields.push(("KEY", &key));
        prop_assert!(check(&fields, "photos", 1, at(0)).is_err());
    }

    #[test]
    fn a01_every_policy_names_one_key_and_one_value_for_each_field(
        key in "\\PC{1,40}", value in "\\PC{0,40}", bounds in (0..9_u64, 9..99_u64),
    ) {
        let fields = [("Content-Type", &*value)];
        let form = Form { key: &key, fields: &fields, content_length: Some(bounds) };
        // What could be filled in or would be resolved by others is not signed at all.
        let Ok(form) = post_policy(&endpoint(), &key_of_the_day(), at(0), 900, &form) else {
            return Ok(());
        };
        let field = |name: &str| form.fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
        let policy = STANDARD.decode(field("policy")).unwrap();
        let policy: Value = serde_json::from_slice(&policy).unwrap();
        prop_assert!(policy["expiration"].is_string());
        let mut covered = BTreeSet::new();
        for condition in policy["conditions"].as_array().unwrap() {
            if let Some(pair) = condition.as_object() {
                let pairs = pair.iter().map(|(name, value)| (name.clone(), value.clone()));
                covered.extend(pairs.map(|(name, value)| (name, value.to_string())));
                continue;
            }
            if condition[0] == "content-length-range" {
                prop_assert_eq!(condition, &json!(["content-length-range", bounds.0, bounds.1]));
                continue;
            }
            prop_assert_eq!(&condition[0], "eq");
            let name = condition[1].as_str().unwrap().strip_prefix('$').unwrap();
            covered.insert((name.to_owned(), condition[2].to_string()));
        }
        prop_assert!(covered.contains(&("key".to_owned(), json!(key).to_string())));
        prop_assert!(covered.contains(&("bucket".to_owned(), json!("photos").to_string())));
        for (name, value) in &form.fields {
            let itself = ["policy", "x-amz-signature"].contains(&&*name.to_lowercase());
            let value = json!(value).to_string();
            let sure = covered
                .iter()
                .any(|(covered, to)| covered.eq_ignore_ascii_case(name) && *to == value);
            prop_assert!(itself || sure, "{name} is open in {policy}");
        }
    }

    #[test]
    fn a03_no_name_writes_into_a_policy(name in "[\\]\\[\"{},:$a-z\\\\/ ]{0,40}") {
        let injected = format!("{name}\"],[\"starts-with\",\"$key\",\"");
        let fields = [("x-amz-meta-name", &*injected)];
        let form = Form { key: "a", fields: &fields, content_length: None };
        let form = post_policy(&endpoint(), &key_of_the_day(), at(0), 900, &form).unwrap();
        let (_, policy) = form.fields.iter().find(|(n, _)| n == "policy").unwrap();
        let policy: Value = serde_json::from_slice(&STANDARD.decode(policy).unwrap()).unwrap();
        let conditions = policy["conditions"].as_array().unwrap();
        let of_key: Vec<_> = conditions.iter().filter(|one| one[1] == "$key").collect();
        prop_assert_eq!(of_key, [&json!(["eq", "$key", "a"])]);
        let of_name = conditions.iter().filter(|one| one[1] == "$x-amz-meta-name");
        prop_assert_eq!(of_name.map(|one| &one[2]).collect::<Vec<_>>(), [&json!(injected)]);
    }
}

#[test]
fn a_presigned_request_holds_from_15_minutes_before_its_time_to_its_end() {
    let url = presign(b"a", &[], &[]);
    for (seconds, expected) in [
        (-901, Err(VerifyError::TooEarly)),
        (-900, Ok(())),
        (899, Ok(())),
        (900, Err(VerifyError::Expired)),
    ] {
        assert_eq!(verify("PUT", &url, &[], at(seconds)), expected, "{seconds}");
    }
}

#[test]
fn other_credentials_are_other_credentials() {
    let url = presign(b"a", &[], &[]);
    let target = url.strip_prefix("http://[::1]:9000").unwrap();
    let headers = [("host", "[::1]:9000")];
    let claim = Claim::read(Received {
        method: "PUT",
        target,
        headers: &headers,
    })
    .unwrap();
    assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
    assert_eq!((claim.region(), claim.service()), ("eu-west-1", "s3"));
    assert_eq!(claim.expires_in_seconds(), Some(900));
    for (other, expected) in [
        (
            Credentials::new("AKIDEXAMPLE", "secret"),
            VerifyError::OtherCredentials,
        ),
        (
            Credentials::new("OTHER", "secret").with_session_token("to/ken+=="),
            VerifyError::OtherCredentials,
        ),
        (
            Credentials::new("AKIDEXAMPLE", "guess").with_session_token("to/ken+=="),
            VerifyError::Signature,
        ),
    ] {
        assert_eq!(claim.verify(&other, at(0)), Err(expected));
    }
}

#[test]
fn headers_of_the_provider_may_not_be_added_on_the_way() {
    let url = presign(b"a", &[], &[]);
    let name = "x-amz-meta-a".to_owned();
    let added = verify("PUT", &url, &[("X-Amz-Meta-A", "1")], at(0));
    assert_eq!(added, Err(VerifyError::HeaderNotSigned { name }));
    assert_eq!(verify("PUT", &url, &[("accept", "1")], at(0)), Ok(()));
}

#[test]
fn a_plus_that_was_escaped_may_not_come_as_it_is() {
    let part = "query";
    let url = presign(b"a", &[("response-content-type", "a+b")], &[]);
    assert_eq!(verify("PUT", &url, &[], at(0)), Ok(()));
    let other = url.replace("a%2Bb", "a+b");
    assert_ne!(other, url);
    assert_eq!(
        verify("PUT", &other, &[], at(0)),
        Err(VerifyError::Malformed { part })
    );
}

#[test]
fn a_parameter_that_is_there_twice_is_refused() {
    let url = presign(b"a", &[], &[]);
    let again = format!("{url}&X-Amz-Expires=900");
    let part = "Expires";
    assert_eq!(
        verify("PUT", &again, &[], at(0)),
        Err(VerifyError::Malformed { part })
    );
    let escaped = format!("{url}&%58-Amz-Expires=900");
    assert_eq!(
        verify("PUT", &escaped, &[], at(0)),
        Err(VerifyError::Malformed { part })
    );
    let headers = [("authorization", "AWS4-HMAC-SHA256 Credential=a")];
    assert_eq!(
        verify("PUT", &url, &headers, at(0)),
        Err(VerifyError::SignedTwice)
    );
    let unsigned = Claim::read(Received {
        method: "GET",
        target: "/",
        headers: &[],
    });
    assert!(matches!(unsigned, Err(VerifyError::Unsigned)));
}
