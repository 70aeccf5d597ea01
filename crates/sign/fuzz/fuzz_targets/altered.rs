//! A signed request is altered on its way: whatever the verifier still accepts means what was signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valetkey_sign::s3::{Claim, Method, Presigner, Received, SigningKey};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

const ORIGIN: &str = "http://[::1]:9000";
const HEADERS: [(&str, &str); 3] = [
    ("host", "[::1]:9000"),
    ("content-type", "text/plain; a=b"),
    ("x-amz-meta-a", "b c"),
];

/// Where, what and with which byte.
type Edit = (u16, u8, u8);

fuzz_target!(|input: (Vec<Edit>, Vec<Edit>)| {
    let (target_edits, header_edits) = input;
    let credentials = Credentials::new("AKIDEXAMPLE", "secret").with_session_token("a/b+c==");
    let at = jiff::Timestamp::from_second(1_767_323_045).expect("an instant");
    let url = signed(&credentials, at);
    let target = url.strip_prefix(ORIGIN).expect("the origin");

    let Some(altered) = edited(target, &target_edits) else { return };
    let values: Option<Vec<String>> = HEADERS
        .iter()
        .enumerate()
        .map(|(index, (_, value))| {
            let own = header_edits.iter().filter(|(at, ..)| usize::from(*at) % 3 == index);
            edited(value, &own.copied().collect::<Vec<_>>())
        })
        .collect();
    let Some(values) = values else { return };
    let headers: Vec<(&str, &str)> =
        HEADERS.iter().zip(&values).map(|((name, _), value)| (*name, &**value)).collect();
    let received = Received { method: "PUT", target: &altered, headers: &headers };
    let Ok(claim) = Claim::read(received) else { return };
    if claim.verify(&credentials, at).is_ok() {
        assert_eq!(meaning(&altered), meaning(target), "{altered}");
        for ((name, before), (_, after)) in HEADERS.iter().zip(&headers) {
            assert!(words(before).eq(words(after)), "{name}: {after}");
        }
    }
});

fn signed(credentials: &Credentials, at: jiff::Timestamp) -> String {
    let endpoint = Endpoint::parse(&format!("{ORIGIN}/base"), "photos", AddressingStyle::Path);
    let key = SigningKey::derive(credentials, at, "us-east-1", "s3").expect("a key");
    let presigner = Presigner::new(&endpoint.expect("an endpoint"), &key, at, 900);
    let query = [("response-content-type", "x/y; a=b+c"), ("versionId", "1"), ("versionId", "2"), ("é", "")];
    let mut url = String::new();
    let key = "a b//ç+%2e/~x;=".as_bytes();
    let presigner = presigner.expect("a presigner");
    presigner.presign(Method::Put, key, &query, &HEADERS[1..], &mut url).expect("a URL");
    url
}

fn edited(text: &str, edits: &[Edit]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, what, byte) in edits {
        let at = usize::from(*at) % (bytes.len() + 1);
        match what % 5 {
            0 => bytes.insert(at, *byte),
            1 => drop(bytes.get(at).is_some().then(|| bytes.remove(at))),
            2 => bytes.get_mut(at).into_iter().for_each(|old| *old = *byte),
            3 => {
                // The same, escaped.
                let old = bytes.splice(at..(at + 1).min(bytes.len()), []).next();
                let escaped = old.map(|old| format!("%{old:02x}")).unwrap_or_default();
                bytes.splice(at..at, escaped.into_bytes());
            }
            _ => {
                let again = bytes[at..(at + usize::from(*byte)).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The path, and the parameters in no order, with all escapes undone.
fn meaning(target: &str) -> (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parameters: Vec<_> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            (decoded(name), decoded(value))
        })
        .collect();
    parameters.sort();
    (decoded(path), parameters)
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let pair = [*high, *low];
                let digits = str::from_utf8(&pair).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                tail
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    bytes
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split_ascii_whitespace()
}
