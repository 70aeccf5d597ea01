//! Keys of pairs: Google's two steps, and CloudFront.

#![cfg(feature = "key-pairs")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use valetkey_sign::cloudfront::{CloudFrontError, Hash, Policy, PolicyError, PrivateKey, Signer};
use valetkey_sign::gcs::{
    DeferredPresigner, Form, Method, RsaPresigner, ServiceAccount, ServiceAccountError, endpoint,
};
use valetkey_sign::{AddressingStyle, SignError};

const AT: &str = "2026-11-23T20:36:01Z";
const EMAIL: &str = "signer@project.iam.gserviceaccount.com";
const RSA: &str = include_str!("keys/rsa.pem");
const ECDSA: &str = include_str!("keys/ecdsa.pem");

fn instant() -> jiff::Timestamp {
    AT.parse().unwrap()
}

#[test]
fn two_steps_with_a_key_elsewhere_make_what_one_step_makes() {
    let endpoint = endpoint("photos", AddressingStyle::Path).unwrap();
    let account = ServiceAccount::new(EMAIL, RSA).unwrap();
    let elsewhere = PrivateKey::from_pem(RSA).unwrap();
    let sign = |text: &str| elsewhere.sign(Hash::Sha256, text.as_bytes()).unwrap();

    let here = RsaPresigner::new(&endpoint, &account, instant(), 900).unwrap();
    let deferred = DeferredPresigner::new(&endpoint, EMAIL, instant(), 900).unwrap();
    // The XML API's multipart uploads are requests like any other.
    let query = [("partNumber", "2"), ("uploadId", "u+/=")];
    let headers = [("content-length", "5")];
    let unsigned = deferred.url(Method::Put, b"a//b", &query, &headers);
    let unsigned = unsigned.unwrap();
    let text = unsigned.string_to_sign();
    assert!(
        text.starts_with(
            "GOOG4-RSA-SHA256\n20261123T203601Z\n20261123/auto/storage/goog4_request\n"
        )
    );
    let signature = sign(text);
    let url = here.presign(Method::Put, b"a//b", &query, &headers);
    assert_eq!(unsigned.finish(&signature), url.unwrap());

    let form = Form {
        key: "a",
        fields: &[("Content-Type", "x/y")],
        content_length: Some((0, 5)),
    };
    let unsigned = deferred.form(&form).unwrap();
    let signature = sign(unsigned.string_to_sign());
    assert_eq!(unsigned.finish(&signature), here.form(&form).unwrap());
}

#[test]
fn a_service_account_is_read_from_its_file_and_must_have_an_rsa_key() {
    let file = |email: &str, pem: &str| {
        let text = serde_json::json!({ "client_email": email, "private_key": pem });
        ServiceAccount::from_json(&text.to_string())
    };
    assert_eq!(file(EMAIL, RSA).unwrap().client_email(), EMAIL);
    let refused = file(EMAIL, ECDSA).err();
    assert_eq!(refused, Some(ServiceAccountError::NotRsa));
    let refused = ServiceAccount::from_json("{}").err();
    assert_eq!(refused, Some(ServiceAccountError::File));
    let endpoint = endpoint("photos", AddressingStyle::Path).unwrap();
    for email in ["", "a/b", "a,b", "a\nb"] {
        let refused = DeferredPresigner::new(&endpoint, email, instant(), 900).err();
        let part = "access key id";
        assert_eq!(refused, Some(SignError::Credential { part }), "{email:?}");
    }
}

fn policy(resource: &str) -> Policy<'_> {
    Policy {
        resource,
        expires: jiff::Timestamp::from_second(1_357_034_400).unwrap(),
        starts: None,
        ip: None,
    }
}

#[test]
fn policies_have_cloudfronts_own_order_and_no_white_space() {
    let full = Policy {
        starts: Some(jiff::Timestamp::from_second(1_357_000_000).unwrap()),
        ip: Some("192.0.2.0/24"),
        ..policy("https://*/training/*?")
    };
    assert_eq!(
        full.to_json().unwrap(),
        "{\"Statement\":[{\"Resource\":\"https://*/training/*?\",\"Condition\":{\
         \"DateLessThan\":{\"AWS:EpochTime\":1357034400},\
         \"IpAddress\":{\"AWS:SourceIp\":\"192.0.2.0/24\"},\
         \"DateGreaterThan\":{\"AWS:EpochTime\":1357000000}}}]}"
    );
    let one = Policy {
        ip: Some("192.0.2.1"),
        ..policy("https://a/b")
    };
    assert!(one.to_json().unwrap().contains("\"192.0.2.1/32\""));
    for ip in [
        "",
        "192.0.2",
        "192.0.2.0/33",
        "192.0.2.0/x",
        "2001:db8::/32",
        "*",
    ] {
        let wrong = Policy {
            ip: Some(ip),
            ..policy("https://a/b")
        };
        let given = ip.to_owned();
        assert_eq!(wrong.to_json(), Err(PolicyError::Ip { given }));
    }
}

#[test]
fn urls_that_would_not_arrive_as_they_were_signed_are_refused() {
    let key = PrivateKey::from_pem(ECDSA).unwrap();
    let signer = Signer::new("K2JCJMDEHXQW5F", &key, Hash::Sha256).unwrap();
    for url in [
        "",
        "https://a/b c",
        "https://a/\u{e9}",
        "https://a/\"",
        "https://a/b#c",
    ] {
        let wrong = Err(CloudFrontError::Policy(PolicyError::Url));
        assert_eq!(signer.url(url, instant()), wrong, "{url}");
        assert_eq!(signer.url_with_policy(url, "{}"), wrong, "{url}");
    }
    for name in [
        "Expires",
        "Policy",
        "Signature",
        "Key-Pair-Id",
        "Hash-Algorithm",
    ] {
        let url = format!("https://a/b?x=1&{name}=2");
        let name = name.to_owned();
        let wrong = Err(CloudFrontError::ReservedQuery { name });
        assert_eq!(signer.url(&url, instant()), wrong);
    }
    for id in ["", "K/1", "K 1", "K&Expires=1"] {
        assert!(Signer::new(id, &key, Hash::Sha1).is_err(), "{id}");
    }
    assert_eq!(
        format!("{signer:?}"),
        "Signer { key_pair_id: \"K2JCJMDEHXQW5F\", .. }"
    );
}
