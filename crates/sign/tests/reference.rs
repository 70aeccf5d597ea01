//! Random requests sign the same here and in a second signer, written from the specification in the
//! plainest way: everything in lists, everything sorted at the end, nothing shared between requests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use valetkey_sign::s3::{Method, Payload, Presigner, Request, SigningKey, authorize, url_for};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

const REGION: &str = "eu-central-1";
const AT: &str = "2026-11-23T20:36:01Z";
const AMZ_DATE: &str = "20261123T203601Z";
const SCOPE: &str = "20261123/eu-central-1/s3/aws4_request";

type Pairs = Vec<(String, String)>;

proptest! {
    #[test]
    fn presigned_urls_equal_the_plain_signers(
        credentials in credentials(), key in key(), query in query(), headers in headers(),
        style in style(), expires in 1..=604_800u32,
    ) {
        let endpoint = endpoint(style);
        let at = AT.parse().unwrap();
        let signing_key = SigningKey::derive(&credentials, at, REGION, "s3").unwrap();
        let presigner = Presigner::new(&endpoint, &signing_key, at, expires).unwrap();
        let mut ours = String::from("kept:");
        presigner
            .presign(Method::Put, &key, &borrowed(&query), &borrowed(&headers), &mut ours)
            .unwrap();

        let mut query = query;
        let mut add = |name: &str, value: &str| query.push((name.into(), value.into()));
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add("X-Amz-Credential", &format!("{}/{SCOPE}", credentials.access_key_id));
        add("X-Amz-Date", AMZ_DATE);
        add("X-Amz-Expires", &expires.to_string());
        add("X-Amz-SignedHeaders", &plain::names(&plain::with_host(&headers, &endpoint)));
        if let Some(token) = &credentials.session_token {
            add("X-Amz-Security-Token", token.expose());
        }
        let headers = plain::with_host(&headers, &endpoint);
        let path = plain::path(&endpoint, &key);
        let query = plain::query(&query);
        let signature = plain::sign(&credentials, "PUT", &path, &query, &headers, "UNSIGNED-PAYLOAD");
        let origin = format!("{}://{}", endpoint.scheme(), endpoint.authority());
        prop_assert_eq!(ours, format!("kept:{origin}{path}?{query}&X-Amz-Signature={signature}"));
    }

    #[test]
    fn authorization_headers_equal_the_plain_signers(
        credentials in credentials(), key in prop_oneof![key(), Just(Vec::new())], query in query(),
        headers in headers(), style in style(), body in any::<Option<Vec<u8>>>(),
    ) {
        let endpoint = endpoint(style);
        let at = AT.parse().unwrap();
        let signing_key = SigningKey::derive(&credentials, at, REGION, "s3").unwrap();
        let payload = body.as_deref().map_or(Payload::Unsigned, Payload::of);
        let request = Request {
            method: Method::Post, endpoint: &endpoint, key: &key, payload,
            query: &borrowed(&query), headers: &borrowed(&headers),
        };
        let ours = authorize(&signing_key, &request, at).unwrap();
        prop_assert_eq!(&ours.url, &url_for(&endpoint, &key, &borrowed(&query)).unwrap());

        let payload = body.map_or("UNSIGNED-PAYLOAD".to_owned(), |body| plain::hex(&Sha256::digest(body)));
        let mut own: Pairs = vec![
            ("x-amz-date".into(), AMZ_DATE.into()),
            ("x-amz-content-sha256".into(), payload.clone()),
        ];
        if let Some(token) = &credentials.session_token {
            own.push(("x-amz-security-token".into(), token.expose().into()));
        }
        let mut signed = plain::with_host(&headers, &endpoint);
        signed.extend(own.clone());
        let (path, query) = (plain::path(&endpoint, &key), plain::query(&query));
        let signature = plain::sign(&credentials, "POST", &path, &query, &signed, &payload);
        own.insert(0, ("authorization".into(), format!(
            "AWS4-HMAC-SHA256 Credential={}/{SCOPE}, SignedHeaders={}, Signature={signature}",
            credentials.access_key_id, plain::names(&signed),
        )));
        let ours: Pairs = ours.headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        prop_assert_eq!(ours, own);
    }
}

#[test]
fn hostile_keys_are_kept_and_encoded_once() {
    let endpoint = endpoint(AddressingStyle::Path);
    for (key, encoded) in [
        ("/", "/"),
        ("a//b/", "a//b/"),
        (
            "~ + % = ( ) ' * ! : @ [ ] \\",
            "~%20%2B%20%25%20%3D%20%28%20%29%20%27%20%2A%20%21%20%3A%20%40%20%5B%20%5D%20%5C",
        ),
        ("a%20b%2Fc%2e%2e", "a%2520b%252Fc%252e%252e"),
        ("e\u{301} \u{e9}", "e%CC%81%20%C3%A9"),
        ("a/.../.b/..c?d#e&f;g", "a/.../.b/..c%3Fd%23e%26f%3Bg"),
        ("\0\n\"<>^`{|}", "%00%0A%22%3C%3E%5E%60%7B%7C%7D"),
    ] {
        let url = url_for(&endpoint, key.as_bytes(), &[]).unwrap();
        assert_eq!(
            url,
            format!("http://store.example:9000/base/photos/{encoded}")
        );
    }
    let bytes = url_for(&endpoint, b"\xff\xfe", &[]).unwrap();
    assert_eq!(bytes, "http://store.example:9000/base/photos/%FF%FE");
}

/// The second signer; it shares nothing with the crate but the types of its arguments.
mod plain {
    use super::*;

    pub(super) fn with_host(headers: &Pairs, endpoint: &Endpoint) -> Pairs {
        let mut all = headers.clone();
        all.push(("host".into(), endpoint.authority().into()));
        all
    }

    pub(super) fn path(endpoint: &Endpoint, key: &[u8]) -> String {
        let mut path = endpoint.path_prefix().to_owned();
        if !key.is_empty() {
            path.push('/');
        }
        path.push_str(&encode(key).replace("%2F", "/"));
        if path.is_empty() { "/".into() } else { path }
    }

    pub(super) fn query(query: &Pairs) -> String {
        let mut encoded: Pairs = query
            .iter()
            .map(|(n, v)| (encode(n.as_bytes()), encode(v.as_bytes())))
            .collect();
        encoded.sort();
        let joined: Vec<String> = encoded.iter().map(|(n, v)| format!("{n}={v}")).collect();
        joined.join("&")
    }

    pub(super) fn names(headers: &Pairs) -> String {
        let mut names: Vec<&str> = headers.iter().map(|(n, _)| n.as_str()).collect();
        names.sort();
        names.dedup();
        names.join(";")
    }

    pub(super) fn sign(
        credentials: &Credentials,
        method: &str,
        path: &str,
        query: &str,
        headers: &Pairs,
        payload: &str,
    ) -> String {
        let names = names(headers);
        let lines: Vec<String> = names
            .split(';')
            .map(|name| {
                let of_name = headers.iter().filter(|(n, _)| n == name);
                let values: Vec<String> = of_name
                    .map(|(_, v)| v.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
                    .collect();
                format!("{name}:{}\n", values.join(","))
            })
            .collect();
        let canonical = format!(
            "{method}\n{path}\n{query}\n{}\n{names}\n{payload}",
            lines.concat()
        );
        let hash = hex(&Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{AMZ_DATE}\n{SCOPE}\n{hash}");
        let mut key = format!("AWS4{}", credentials.secret_access_key.expose()).into_bytes();
        for part in SCOPE.split('/') {
            key = hmac(&key, part);
        }
        hex(&hmac(&key, &text))
    }

    pub(super) fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn hmac(key: &[u8], text: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn encode(bytes: &[u8]) -> String {
        bytes
            .iter()
            .map(|byte| match char::from(*byte) {
                c if c.is_ascii_alphanumeric() || "-._~".contains(c) => c.to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    }
}

fn endpoint(style: AddressingStyle) -> Endpoint {
    let url = match style {
        AddressingStyle::Path => "http://store.example:9000/base",
        AddressingStyle::VirtualHost | AddressingStyle::Bound => "https://store.example",
    };
    Endpoint::parse(url, "photos", style).unwrap()
}

fn borrowed(pairs: &Pairs) -> Vec<(&str, &str)> {
    pairs.iter().map(|(n, v)| (&**n, &**v)).collect()
}

fn style() -> impl Strategy<Value = AddressingStyle> {
    prop_oneof![
        Just(AddressingStyle::Path),
        Just(AddressingStyle::VirtualHost),
        Just(AddressingStyle::Bound)
    ]
}

/// Secrets beyond 60 characters exceed HMAC's block and are hashed first.
fn credentials() -> impl Strategy<Value = Credentials> {
    let token = proptest::option::of("[A-Za-z0-9+/=]{1,80}");
    ("[A-Z0-9]{3,20}", "[!-~]{1,120}", token).prop_map(|(id, secret, token)| {
        let credentials = Credentials::new(id, secret);
        match token {
            Some(token) => credentials.with_session_token(token),
            None => credentials,
        }
    })
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof!["[a-z/ +%~!*'().é-]{1,40}", "\\PC{1,40}"].prop_map(String::into_bytes);
    let bytes = prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![3 => text, 1 => bytes].prop_filter("dot segments are refused", |key| {
        !key.split(|b| *b == b'/')
            .any(|segment| segment == b"." || segment == b"..")
    })
}

/// Few letters, so that equal names, prefixes of `X-Amz-` and odd orders come up often.
fn query() -> impl Strategy<Value = Pairs> {
    let name = prop_oneof![
        "[XYWx:0é-]{1,3}",
        "X-Am[a-z]?",
        "partNumber|uploadId|response-content-disposition"
    ];
    let value = prop_oneof!["[ab:0é /+=&]{0,3}", "\\PC{0,20}"];
    prop::collection::vec((name, value), 0..6)
}

fn headers() -> impl Strategy<Value = Pairs> {
    let name = prop_oneof![
        "[gi][a-z0-9-]{0,3}",
        "content-length|content-type|if-none-match|hos|host-|x-amz-meta-a|x-amz-e"
    ];
    let value = " {0,2}[a-z=é/]{0,4} {0,3}[a-z\"]{0,4} {0,2}";
    prop::collection::vec((name, value), 0..6)
}
