//! Makes an upload ticket with the crate `jsonwebtoken`:
//! `cargo run --release --example mint_ticket -- SECRET_FILE ISSUER AUDIENCE SUBJECT ID`

use std::error::Error;

use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;

/// Makes a ticket for one image of at most 10 MB, good for a quarter of an hour. `id` is what no other ticket has.
///
/// # Errors
/// It cannot be signed.
pub fn mint(
    secret: &str,
    [issuer, audience, subject]: [&str; 3],
    id: &str,
) -> Result<String, Box<dyn Error>> {
    let now = get_current_timestamp();
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + 900, "jti": id,
        "valetkey": {"content_types": ["image/*"], "max_size": 10_000_000, "max_count": 1, "path": "inbox"},
    });
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(encode(&Header::default(), &claims, &key)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, secret_file, issuer, audience, subject, id] = arguments.as_slice() else {
        return Err("usage: mint_ticket SECRET_FILE ISSUER AUDIENCE SUBJECT ID".into());
    };
    let secret = std::fs::read_to_string(secret_file)?;
    println!("{}", mint(secret.trim(), [issuer, audience, subject], id)?);
    Ok(())
}
