//! `/v1/sweep`: find and repair what is due or drifted; for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::sweep::{Sweep, Swept};

use super::{Answer, Shared};
use crate::json::{JsonBody, reply};
use crate::parts::Caller;

/// Find what is due or does not add up, and see to it, step by step: send `next_cursor` back until there is none.
#[utoipa::path(
    post, path = "/v1/sweep", tag = "administration", request_body = Sweep,
    responses((status = 200, body = Swept, description = "What this step found and did"))
)]
pub(crate) async fn sweep(
    State(engine): State<Shared>,
    Caller(who): Caller,
    JsonBody(sweep): JsonBody<Sweep>,
) -> Answer {
    reply(StatusCode::OK, &engine.sweep(&who, sweep).await?)
}
