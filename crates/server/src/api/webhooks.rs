//! `/v1/webhooks`: who is told what happens; for administrators.

use std::sync::Arc;

use axum::Extension;
use axum::http::StatusCode;
use valetkey_engine::Webhooks;
use valetkey_protocol::webhook::{
    CreateEndpoint, DeliveryPage, Endpoint, Endpoints, ListDeliveries, PatchEndpoint, Replay,
    Replayed, RotateSecret, Tested,
};

use super::{Answer, no_content};
use crate::json::{JsonBody, reply};
use crate::parts::{Caller, EndpointInPath, StrictQuery};

/// Where handlers find the use cases.
type Shared = Extension<Arc<Webhooks>>;

/// Make a webhook, which is told what happens from now on. Only this answer, and that of a rotation, has its secret.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "webhooks", request_body = CreateEndpoint,
    responses((status = 201, body = Endpoint, description = "The webhook with its secret"))
)]
pub(crate) async fn create_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    JsonBody(create): JsonBody<CreateEndpoint>,
) -> Answer {
    let made = webhooks.create_endpoint(&who, create).await?;
    reply(StatusCode::CREATED, &made)
}

/// List all webhooks.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = Endpoints, description = "All webhooks"))
)]
pub(crate) async fn list_webhooks(Extension(webhooks): Shared, Caller(who): Caller) -> Answer {
    reply(StatusCode::OK, &webhooks.list_endpoints(&who).await?)
}

/// Look at a webhook.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "The id of the webhook")),
    responses((status = 200, body = Endpoint, description = "The webhook"))
)]
pub(crate) async fn get_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
) -> Answer {
    reply(StatusCode::OK, &webhooks.get_endpoint(&who, &id).await?)
}

/// Change where a webhook is, what it is told, or whether it is told anything.
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", tag = "webhooks", request_body = PatchEndpoint,
    params(("id" = String, Path, description = "The id of the webhook")),
    responses((status = 200, body = Endpoint, description = "The webhook as it is now"))
)]
pub(crate) async fn patch_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
    JsonBody(patch): JsonBody<PatchEndpoint>,
) -> Answer {
    let patched = webhooks.patch_endpoint(&who, &id, patch).await?;
    reply(StatusCode::OK, &patched)
}

/// Remove a webhook, and everything it is still to be told.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "The id of the webhook")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
) -> Answer {
    webhooks.delete_endpoint(&who, &id).await?;
    Ok(no_content())
}

/// Give a webhook another secret. The one so far signs as well, for a day or as long as asked.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/rotate", tag = "webhooks", request_body = RotateSecret,
    params(("id" = String, Path, description = "The id of the webhook")),
    responses((status = 200, body = Endpoint, description = "The webhook with its new secret"))
)]
pub(crate) async fn rotate_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
    JsonBody(rotate): JsonBody<RotateSecret>,
) -> Answer {
    let rotated = webhooks.rotate_secret(&who, &id, rotate).await?;
    reply(StatusCode::OK, &rotated)
}

/// Send an event of the type `webhook.test` at once, also to a webhook that is disabled, and say what came of it.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path, description = "The id of the webhook")),
    responses((status = 200, body = Tested, description = "What came of it"))
)]
pub(crate) async fn test_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
) -> Answer {
    reply(StatusCode::OK, &webhooks.test_endpoint(&who, &id).await?)
}

/// Send again what happened since an instant, or what was given up.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/replay", tag = "webhooks", request_body = Replay,
    params(("id" = String, Path, description = "The id of the webhook")),
    responses((status = 202, body = Replayed, description = "It is being sent again"))
)]
pub(crate) async fn replay_webhook(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
    JsonBody(replay): JsonBody<Replay>,
) -> Answer {
    let replayed = webhooks.replay(&who, &id, replay).await?;
    reply(StatusCode::ACCEPTED, &replayed)
}

/// List what a webhook is still to be told and what it was told, the latest event first.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "The id of the webhook"), ListDeliveries),
    responses((status = 200, body = DeliveryPage, description = "A page of deliveries"))
)]
pub(crate) async fn list_deliveries(
    Extension(webhooks): Shared,
    Caller(who): Caller,
    EndpointInPath(id): EndpointInPath,
    StrictQuery(list): StrictQuery<ListDeliveries>,
) -> Answer {
    let page = webhooks.list_deliveries(&who, &id, list).await?;
    reply(StatusCode::OK, &page)
}
