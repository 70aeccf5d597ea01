//! `/v1/usage`: what uploads and files take, and may.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::usage::Usage;

use super::{Answer, Shared};
use crate::json::reply;
use crate::parts::Caller;

/// See what you take in each bucket, and how much you may; administrators also see what all together take.
#[utoipa::path(
    get, path = "/v1/usage", tag = "buckets",
    responses((status = 200, body = Usage, description = "What you take in each bucket"))
)]
pub(crate) async fn get_usage(State(engine): State<Shared>, Caller(who): Caller) -> Answer {
    reply(StatusCode::OK, &engine.get_usage(&who).await?)
}
