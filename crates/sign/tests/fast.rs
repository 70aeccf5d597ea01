//! The fast ways give the very URLs of the plain one, and refuse what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use valetkey_sign::s3::{MAX_PART_NUMBER, Method, Presigner, SigningKey};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint, SignError};

const AT: &str = "2026-11-23T20:36:01Z";

fn presigner(token: Option<String>, style: AddressingStyle) -> Presigner {
    let endpoint = Endpoint::parse("https://storage.example:9000", "photos", style).unwrap();
    let mut credentials = Credentials::new("AKIDEXAMPLE", "secret");
    if let Some(token) = token {
        credentials = credentials.with_session_token(token);
    }
    let at = AT.parse().unwrap();
    let key = SigningKey::derive(&credentials, at, "eu-west-1", "s3").unwrap();
    Presigner::new(&endpoint, &key, at, 900).unwrap()
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        Just("content-length".to_owned()),
        Just("content-type".to_owned()),
        Just("if-none-match".to_owned()),
        Just("x-amz-checksum-sha256".to_owned()),
        Just("x-amz-content-sha256".to_owned()),
        "[g-i][a-z-]{0,4}",
    ];
    prop::collection::hash_set(name, 0..5)
        .prop_map(|names| names.into_iter().filter(|name| name != "host").collect())
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9/é ]{0,12}", "[!-~]{1,100}"]
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop_oneof![any::<u8>(), Just(b'/'), Just(b'a'), Just(b'.')],
        1..90,
    )
    .prop_filter("dot segments are refused", |key| {
        !key.split(|b| *b == b'/')
            .any(|segment| segment == b"." || segment == b"..")
    })
}

fn style() -> impl Strategy<Value = AddressingStyle> {
    prop_oneof![
        Just(AddressingStyle::Path),
        Just(AddressingStyle::VirtualHost)
    ]
}

proptest! {
    #[test]
    fn templates_give_the_same_urls(
        token in prop::option::of("[A-Za-z0-9+/=]{1,800}"), style in style(), key in key(),
        names in names(), values in prop::collection::vec(value(), 5),
    ) {
        let presigner = presigner(token, style);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let values: Vec<&str> = values.iter().map(|value| &**value).take(names.len()).collect();
        let headers: Vec<(&str, &str)> = names.iter().copied().zip(values.iter().copied()).collect();
        let query = [("uploads", ""), ("A first", "1")];
        let (mut plain, mut fast) = (String::new(), String::from("kept:"));
        presigner.presign(Method::Put, &key, &query, &headers, &mut plain).unwrap();
        let template = presigner.template(Method::Put, &query, &names).unwrap();
        template.presign(&key, &values, &mut fast).unwrap();
        prop_assert_eq!(fast, format!("kept:{plain}"));
    }

    #[test]
    fn parts_are_the_same_urls(
        token in prop::option::of("[A-Za-z0-9+/=]{1,800}"), style in style(), key in key(),
        names in names(), values in prop::collection::vec(value(), 5),
        upload_id in "[!-~]{1,150}", number in 1..=MAX_PART_NUMBER,
    ) {
        let presigner = presigner(token, style);
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let values: Vec<&str> = values.iter().map(|value| &**value).take(names.len()).collect();
        let headers: Vec<(&str, &str)> = names.iter().copied().zip(values.iter().copied()).collect();
        let digits = number.to_string();
        let query = [("partNumber", &*digits), ("uploadId", &*upload_id)];
        let (mut plain, mut fast) = (String::new(), String::from("kept:"));
        presigner.presign(Method::Put, &key, &query, &headers, &mut plain).unwrap();
        let parts = presigner.parts(&key, &upload_id, &names).unwrap();
        parts.presign(number, &values, &mut fast).unwrap();
        prop_assert_eq!(fast, format!("kept:{plain}"));
    }
}

#[test]
fn what_cannot_be_signed_leaves_the_buffer_alone() {
    let presigner = presigner(None, AddressingStyle::Path);
    let mut out = String::from("kept");
    let template = presigner.template(Method::Put, &[], &["range"]).unwrap();
    let count = |given| SignError::HeaderCount { expected: 1, given };
    assert_eq!(template.presign(b"a", &[], &mut out), Err(count(0)));
    assert_eq!(template.presign(b"a", &["1", "2"], &mut out), Err(count(2)));
    assert_eq!(
        template.presign(b"", &["1"], &mut out),
        Err(SignError::EmptyKey)
    );
    let dots = template.presign(b"a/../b", &["1"], &mut out);
    assert_eq!(dots, Err(SignError::DotSegment));
    let control = SignError::HeaderValue {
        name: "range".into(),
    };
    assert_eq!(
        template.presign(b"a", &["a\nb"], &mut out),
        Err(control.clone())
    );
    let parts = presigner.parts(b"a", "id", &["range"]).unwrap();
    for number in [0, MAX_PART_NUMBER + 1] {
        let refused = parts.presign(number, &["1"], &mut out);
        assert_eq!(refused, Err(SignError::PartNumber { number }));
    }
    assert_eq!(parts.presign(1, &["a\nb"], &mut out), Err(control));
    assert_eq!(out, "kept");
}

#[test]
fn what_is_wrong_for_every_request_is_told_when_it_is_prepared() {
    let presigner = presigner(None, AddressingStyle::Path);
    let refused = presigner.template(Method::Put, &[], &["Range"]).err();
    assert_eq!(
        refused,
        Some(SignError::HeaderName {
            name: "Range".into()
        })
    );
    let refused = presigner
        .template(Method::Put, &[("X-Amz-Date", "")], &[])
        .err();
    assert_eq!(
        refused,
        Some(SignError::ReservedQuery {
            name: "X-Amz-Date".into()
        })
    );
    assert_eq!(
        presigner.parts(b"a", "", &[]).err(),
        Some(SignError::EmptyUploadId)
    );
    assert_eq!(
        presigner.parts(b"..", "id", &[]).err(),
        Some(SignError::DotSegment)
    );
}

#[test]
fn dot_segments_are_signed_as_they_stand_when_asked_for() {
    let presigner = presigner(None, AddressingStyle::Path).allowing_dot_segments();
    let mut url = String::new();
    presigner
        .presign(Method::Get, b"a/../b/./c", &[], &[], &mut url)
        .unwrap();
    assert!(url.starts_with("https://storage.example:9000/photos/a/../b/./c?"));
    assert_eq!(
        presigner.presign(Method::Get, b"", &[], &[], &mut url),
        Err(SignError::EmptyKey)
    );
}
