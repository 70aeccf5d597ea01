//! Every stage against the examples and the suite that AWS publishes.

use serde::Deserialize;

use super::*;
use crate::digest::sha256;
use crate::encode::{hex, push_ascii};
use crate::instant::compact;
use crate::{AddressingStyle, Credentials, Endpoint};

mod examples;
mod suite;

/// The three stages of one request, as published.
#[derive(Deserialize)]
struct Published {
    canonical_request: String,
    string_to_sign: String,
    signature: String,
}

impl Published {
    fn stages(&self) -> Stages {
        Stages {
            canonical_request: self.canonical_request.clone(),
            string_to_sign: self.string_to_sign.clone(),
            signature: self.signature.clone(),
        }
    }
}

fn pairs(owned: &[(String, String)]) -> Vec<(&str, &str)> {
    owned.iter().map(|(n, v)| (&**n, &**v)).collect()
}

fn hash_of(body: &str) -> String {
    let mut text = String::new();
    push_ascii(&hex(&sha256(body.as_bytes())), &mut text);
    text
}
