//! Every stage against the examples that AWS publishes.

use serde::Deserialize;

use super::canonical_request::CanonicalRequest;
use super::headers::{SignedHeaders, X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};
use super::string_to_sign::{amz_date, date_of, head, scope};
use super::url::{Query, push_path};
use super::*;
use crate::encode::{hex, push_ascii};
use crate::{AddressingStyle, Credentials, Endpoint, SignError};

mod examples;
mod suite;

/// The three stages of one request, as texts.
#[derive(Debug, PartialEq, Deserialize)]
struct Stages {
    canonical_request: String,
    string_to_sign: String,
    signature: String,
}

impl Stages {
    fn of(request: &CanonicalRequest<'_>, key: &SigningKey, at: jiff::Timestamp) -> Self {
        let mut canonical_request = String::new();
        request.write(&mut |text| canonical_request.push_str(text));

        let amz_date = amz_date(at);
        let (_, scope) = key.credential().split_once('/').unwrap();
        let mut string_to_sign = head(&amz_date, scope);
        push_ascii(&hex(&request.sha256()), &mut string_to_sign);

        let mut signature = String::new();
        let signer = key.signer_at(&amz_date).unwrap();
        push_ascii(&signer.sign(&request.sha256()), &mut signature);
        Self {
            canonical_request,
            string_to_sign,
            signature,
        }
    }
}

#[test]
fn dates_are_utc_and_cut_to_the_second() {
    let at: jiff::Timestamp = "2026-01-02T03:04:05.999999999+09:00".parse().unwrap();
    assert_eq!(amz_date(at), "20260101T180405Z");
    assert_eq!(date_of(&amz_date(at)), "20260101");
    assert_eq!(
        scope("20260101", "eu-west-3", "s3"),
        "20260101/eu-west-3/s3/aws4_request"
    );
}

fn pairs(owned: &[(String, String)]) -> Vec<(&str, &str)> {
    owned.iter().map(|(n, v)| (&**n, &**v)).collect()
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "PUT" => Method::Put,
        "POST" => Method::Post,
        other => unreachable!("no example uses {other}"),
    }
}
