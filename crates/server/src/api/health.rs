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
use crate::limits::Reach;

/// How the service is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// Where servers that share limits count at this moment: `shared`, or `local` while what they share does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<&'static str>,
    /// `stale` while policy files say what cannot hold, and the policies from before do; the log says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<&'static str>,
}

const OK: Health = Health {
    status: "ok",
    limits: None,
    policies: None,
};

/// Ask whether the service is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "service", security(()),
    responses((status = 200, body = Health, description = "It is"))
)]
pub(crate) async fn healthz() -> Answer {
    reply(StatusCode::OK, &OK)
}

/// Ask whether the service can work: its catalog and every bucket answer, there are keys to check tokens with, and
/// requests can be counted.
#[utoipa::path(
    get, path = "/readyz", tag = "service", security(()),
    responses((status = 200, body = Health, description = "It can"))
)]
pub(crate) async fn readyz(
    State(engine): State<Shared>,
    Extension(door): Extension<Arc<Door>>,
) -> Answer {
    door.verifier.ready()?;
    door.limits.ready()?;
    engine.ready().await?;
    let limits = door.limits.reach().map(Reach::as_str);
    let policies = door.policies.is_stale().then_some("stale");
    let health = Health {
        limits,
        policies,
        ..OK
    };
    reply(StatusCode::OK, &health)
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
