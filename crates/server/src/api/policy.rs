//! `/v1/policy/explain`: why somebody may do something, or may not; for administrators.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::policy::{ExplainPolicy, PolicyExplanation};

use super::{Answer, Shared};
use crate::json::{JsonBody, reply};
use crate::parts::Caller;

/// Ask whether somebody may do something, and which policies say so. Nothing is done.
#[utoipa::path(
    post, path = "/v1/policy/explain", tag = "policy", request_body = ExplainPolicy,
    responses((status = 200, body = PolicyExplanation, description = "Whether they may, and why"))
)]
pub(crate) async fn explain_policy(
    State(engine): State<Shared>,
    Caller(who): Caller,
    JsonBody(asked): JsonBody<ExplainPolicy>,
) -> Answer {
    reply(StatusCode::OK, &engine.explain_policy(&who, asked).await?)
}
