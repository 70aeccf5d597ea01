//! One upload, as the service issues it, and one download.

use rusty_s3::S3Action as _;
use std::time::Duration;
use valetkey_sign::s3::{Method, Presigner, SigningKey};
use valetkey_sign::v4::{PathRules, WireRequest, sign_general};
use valetkey_sign::{AddressingStyle, AwsHost, Credentials, Endpoint};

use crate::measure::{BARE, Contender, Goal, Mode, Row};
use crate::others::{
    AT, Aws, BUCKET, EXPIRES_IN, HOST, ID, KEY, REGION, Rusty, SECRET, bare, blocks_of, signature,
};

const HEADERS: [(&str, &str); 3] = [
    ("content-length", "1048576"),
    ("content-type", "image/jpeg"),
    ("if-none-match", "*"),
];

pub(crate) fn signing_key(token: Option<&str>) -> SigningKey {
    let mut credentials = Credentials::new(ID, SECRET);
    if let Some(token) = token {
        credentials = credentials.with_session_token(token);
    }
    SigningKey::derive(&credentials, AT.parse().unwrap(), REGION, "s3").unwrap()
}

pub(crate) fn presigner(token: Option<&str>) -> Presigner {
    let style = AddressingStyle::VirtualHost;
    let endpoint = Endpoint::aws(REGION, BUCKET, style, AwsHost::Regional).unwrap();
    Presigner::new(
        &endpoint,
        &signing_key(token),
        AT.parse().unwrap(),
        EXPIRES_IN,
    )
    .unwrap()
}

pub(crate) fn rows(mode: &Mode) -> Vec<Row> {
    vec![put(mode)]
}

fn put(mode: &Mode) -> Row {
    let (ours, rusty, aws) = (presigner(None), Rusty::new(None), Aws::new(None));
    let names = HEADERS.map(|(name, _)| name);
    let values = HEADERS.map(|(_, value)| value);
    let template = ours.template(Method::Put, &[], &names).unwrap();
    let uri = format!("https://{HOST}/{KEY}");
    let expires = Duration::from_secs(u64::from(EXPIRES_IN));
    let of_rusty = || {
        let mut action = rusty.bucket.put_object(Some(&rusty.credentials), KEY);
        for (name, value) in HEADERS {
            action.headers_mut().insert(name, value);
        }
        String::from(action.sign_with_time(expires, &rusty.at))
    };
    let (mut plain, mut fast) = (String::new(), String::new());
    ours.presign(Method::Put, KEY.as_bytes(), &[], &HEADERS, &mut plain)
        .unwrap();
    template
        .presign(KEY.as_bytes(), &values, &mut fast)
        .unwrap();
    assert_eq!(fast, plain);
    assert_eq!(signature(&of_rusty()), signature(&plain));
    assert_eq!(signature(&aws.url(&uri, &HEADERS)), signature(&plain));

    let blocks = blocks_of(canonical_len(&plain));
    let contenders = vec![
        Contender::new("valetkey-sign, template", |_| {
            fast.clear();
            template
                .presign(KEY.as_bytes(), &values, &mut fast)
                .unwrap();
            fast.len()
        }),
        Contender::new("valetkey-sign, any request", |_| {
            plain.clear();
            ours.presign(Method::Put, KEY.as_bytes(), &[], &HEADERS, &mut plain)
                .unwrap();
            plain.len()
        }),
        Contender::new("rusty-s3", |_| of_rusty().len()),
        Contender::new("aws-sigv4", |_| aws.url(&uri, &HEADERS).len()),
        Contender::new(BARE, |_| bare(&blocks)),
    ];
    mode.row(
        "A PUT with three signed headers",
        contenders,
        vec![
            Goal::Faster("rusty-s3", 8.0),
            Goal::AtMost(BARE, 1.5),
            Goal::NoAllocations,
        ],
    )
}

/// How long the canonical request of the upload is.
fn canonical_len(url: &str) -> usize {
    let (_, query) = url.split_once('?').unwrap();
    let (query, _) = query.rsplit_once("&X-Amz-Signature=").unwrap();
    let query: Vec<(String, String)> = query
        .split('&')
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap();
            (
                name.to_owned(),
                value.replace("%2F", "/").replace("%3B", ";"),
            )
        })
        .collect();
    let query: Vec<(&str, &str)> = query.iter().map(|(n, v)| (&**n, &**v)).collect();
    let mut headers = vec![("host", HOST)];
    headers.extend(HEADERS);
    let request = WireRequest {
        method: "PUT",
        path: &format!("/{KEY}"),
        query: &query,
        headers: &headers,
        payload: "UNSIGNED-PAYLOAD",
    };
    let rules = PathRules::OBJECT_STORAGE;
    let stages = sign_general(&signing_key(None), rules, &request, AT.parse().unwrap()).unwrap();
    assert_eq!(stages.signature, signature(url));
    stages.canonical_request.len()
}
