//! `/v1/buckets`: what a caller may do where.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::bucket::Buckets;

use super::{Answer, Shared};
use crate::json::reply;
use crate::parts::Caller;

/// See what you may upload where, to check a file before any request.
#[utoipa::path(
    get, path = "/v1/buckets", tag = "buckets",
    responses((status = 200, body = Buckets, description = "The buckets"))
)]
pub(crate) async fn list_buckets(State(engine): State<Shared>, Caller(who): Caller) -> Answer {
    reply(StatusCode::OK, &engine.list_buckets(&who))
}
