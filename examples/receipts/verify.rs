//! Verifies a receipt with the crate `jsonwebtoken`:
//! `cargo run --release --example verify_receipt -- RECEIPT JWKS_FILE ISSUER`

use std::error::Error;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

/// Gives what the receipt says, if one of the keys signed it for this issuer.
///
/// # Errors
/// It is no receipt, or does not hold.
pub fn verify(receipt: &str, keys: &JwkSet, issuer: &str) -> Result<Value, Box<dyn Error>> {
    let header = decode_header(receipt)?;
    if header.typ.as_deref() != Some("receipt+jwt") {
        return Err("this is no receipt".into());
    }
    let key = keys.find(header.kid.as_deref().unwrap_or_default());
    let key = DecodingKey::from_jwk(key.ok_or("its key is not among the service's")?)?;
    let mut rules = Validation::new(Algorithm::EdDSA); // This algorithm and no other.
    rules.set_required_spec_claims(&["iss", "sub"]);
    rules.set_issuer(&[issuer]);
    rules.validate_exp = false; // A receipt does not expire.
    Ok(decode::<Value>(receipt, &key, &rules)?.claims)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, receipt, jwks_file, issuer] = arguments.as_slice() else {
        return Err("usage: verify_receipt RECEIPT JWKS_FILE ISSUER".into());
    };
    let keys = serde_json::from_slice(&std::fs::read(jwks_file)?)?;
    println!("{}", verify(receipt, &keys, issuer)?);
    Ok(())
}
