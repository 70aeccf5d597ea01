//! Whatever arrives, the verifier answers: it neither panics nor accepts what nobody signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use valetkey_sign::Credentials;
use valetkey_sign::s3::{Claim, Received, Submitted, verify_form};

fuzz_target!(|input: &str| {
    let mut lines = input.split('\n');
    let method = lines.next().unwrap_or_default();
    let target = lines.next().unwrap_or_default();
    let pairs: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    // Nobody knows this secret, so nothing may pass.
    let credentials = Credentials::new("AKIDEXAMPLE", "a secret that no input holds");
    let now = jiff::Timestamp::from_second(1_767_323_045).expect("an instant");
    let received = Received { method, target, headers: &pairs };
    if let Ok(claim) = Claim::read(received) {
        assert!(claim.verify(&credentials, now).is_err());
        let named = Credentials::new(claim.access_key_id(), "a secret that no input holds");
        assert!(claim.verify(&named, now).is_err());
    }
    let form = Submitted { bucket: "photos", fields: &pairs, size: 1 };
    assert!(verify_form(&form, &credentials, now).is_err());
});
