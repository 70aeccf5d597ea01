//! `/.well-known/jwks.json`: the keys receipts are checked with.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use valetkey_protocol::Jwks;

use super::{Answer, Shared};
use crate::json::reply;

/// For how long others may keep the keys: a new one is published before it is used, and is known by then.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Get the keys that receipts are checked with (RFC 7517, RFC 8037).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "service", security(()),
    responses((status = 200, body = Jwks, description = "The public keys"))
)]
pub(crate) async fn get_receipt_keys(State(engine): State<Shared>) -> Answer {
    let mut answer = reply(StatusCode::OK, engine.receipt_keys())?;
    answer.headers_mut().insert(header::CACHE_CONTROL, CACHED);
    Ok(answer)
}
