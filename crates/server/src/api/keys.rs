//! `/v1/keys`: API keys of backends; for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::api_key::{ApiKey, ApiKeys, CreateApiKey, RotateApiKey};

use super::{Answer, Shared, no_content};
use crate::failure::Failure;
use crate::json::{JsonBody, reply};
use crate::parts::{Caller, KeyInPath};
use crate::random;

/// Make an API key. Only this answer, and that of a rotation, has its secret.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", request_body = CreateApiKey,
    responses((status = 201, body = ApiKey, description = "The key with its secret"))
)]
pub(crate) async fn create_api_key(
    State(engine): State<Shared>,
    Caller(who): Caller,
    JsonBody(create): JsonBody<CreateApiKey>,
) -> Answer {
    let random = random::api_key().map_err(no_chance)?;
    let made = engine.create_api_key(&who, create, random).await?;
    reply(StatusCode::CREATED, &made)
}

/// List all API keys, the oldest first.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys",
    responses((status = 200, body = ApiKeys, description = "All keys"))
)]
pub(crate) async fn list_api_keys(State(engine): State<Shared>, Caller(who): Caller) -> Answer {
    reply(StatusCode::OK, &engine.list_api_keys(&who).await?)
}

/// Revoke an API key. It holds no more from then on.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "The id of the key")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn revoke_api_key(
    State(engine): State<Shared>,
    Caller(who): Caller,
    KeyInPath(id): KeyInPath,
) -> Answer {
    engine.revoke_api_key(&who, id).await?;
    Ok(no_content())
}

/// Give an API key another secret. The one so far holds as well, for a day or as long as asked.
#[utoipa::path(
    post, path = "/v1/keys/{id}/rotate", tag = "keys", request_body = RotateApiKey,
    params(("id" = String, Path, description = "The id of the key")),
    responses((status = 200, body = ApiKey, description = "The key with its new secret"))
)]
pub(crate) async fn rotate_api_key(
    State(engine): State<Shared>,
    Caller(who): Caller,
    KeyInPath(id): KeyInPath,
    JsonBody(rotate): JsonBody<RotateApiKey>,
) -> Answer {
    let random = random::key().map_err(no_chance)?;
    let rotated = engine.rotate_api_key(&who, id, rotate, random).await?;
    reply(StatusCode::OK, &rotated)
}

fn no_chance(error: getrandom::Error) -> Failure {
    Failure::internal(format!("the machine gives no random bytes: {error}"))
}
