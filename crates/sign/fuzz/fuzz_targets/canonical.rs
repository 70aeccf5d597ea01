//! Whatever is signed is verified, and whichever way it is signed, the URL is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valetkey_sign::s3::{Claim, Method, Presigner, Received, SigningKey};
use valetkey_sign::{AddressingStyle, Credentials, Endpoint};

fuzz_target!(|input: (Vec<u8>, Vec<(String, String)>, String, String)| {
    let (key, query, value, token) = input;
    let endpoint = Endpoint::parse("http://[::1]:9000/base", "photos", AddressingStyle::Path);
    let endpoint = endpoint.expect("an endpoint");
    let at = jiff::Timestamp::from_second(1_767_323_045).expect("an instant");
    let credentials = Credentials::new("AKIDEXAMPLE", "secret").with_session_token(token);
    let Ok(signing) = SigningKey::derive(&credentials, at, "us-east-1", "s3") else {
        return;
    };
    let presigner = Presigner::new(&endpoint, &signing, at, 900).expect("a presigner");
    let query: Vec<(&str, &str)> = query.iter().map(|(n, v)| (&**n, &**v)).collect();
    let headers = [("x-amz-meta-a", &*value)];
    let mut url = String::new();
    if presigner.presign(Method::Put, &key, &query, &headers, &mut url).is_err() {
        assert!(url.is_empty());
        return;
    }
    let template = presigner.template(Method::Put, &query, &["x-amz-meta-a"]).expect("a template");
    let mut again = String::new();
    template.presign(&key, &[&value], &mut again).expect("the same URL");
    assert_eq!(url, again);

    let target = url.strip_prefix("http://[::1]:9000").expect("the origin");
    let headers = [("host", "[::1]:9000"), headers[0]];
    let received = Received { method: "PUT", target, headers: &headers };
    let claim = Claim::read(received).expect("a claim");
    claim.verify(&credentials, at).expect("what was signed is accepted");
});
