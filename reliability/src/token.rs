//! Tokens, as an application would make them.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use crate::clock;
use crate::error::Outcome;

/// The secret of every service that is started here.
pub const SECRET: &str = "b1946ac92492d2347c6235b4d2611184";
/// Its issuer.
pub const ISSUER: &str = "reliability";
/// Its audience.
pub const AUDIENCE: &str = "valetkey";

/// A token for somebody, good for a day.
///
/// # Errors
/// It cannot be signed.
pub fn make(subject: &str) -> Outcome<String> {
    let now = clock::now().as_second();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now - 3600, "exp": now + 72_000,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    Ok(jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &key,
    )?)
}
