//! What machines ask: is it alive, can it work, what does it offer.

use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::{Answer, Shared};
use crate::door::Door;
use crate::json::reply;

/// How the service is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Ask whether the service is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "service", security(()),
    responses((status = 200, body = Health, description = "It is"))
)]
pub(crate) async fn healthz() -> Answer {
    reply(StatusCode::OK, &Health { status: "ok" })
}

/// Ask whether the service can work: its catalog and every bucket answer, and there are keys to check tokens with.
#[utoipa::path(
    get, path = "/readyz", tag = "service", security(()),
    responses((status = 200, body = Health, description = "It can"))
)]
pub(crate) async fn readyz(
    State(engine): State<Shared>,
    Extension(door): Extension<Arc<Door>>,
) -> Answer {
    door.verifier.ready()?;
    engine.ready().await?;
    reply(StatusCode::OK, &Health { status: "ok" })
}

/// Read this document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service", security(()),
    responses((status = 200, body = serde_json::Value, description = "OpenAPI 3.1"))
)]
pub(crate) async fn openapi() -> Response {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| crate::openapi::document().into());
    (
        [(header::CONTENT_TYPE, "application/json")],
        document.clone(),
    )
        .into_response()
}
