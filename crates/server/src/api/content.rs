//! Redirects to a file's bytes: `/v1/files/{id}/content` with a token, `/c/{token}` without one.

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use valetkey_engine::Reading;
use valetkey_protocol::PresignedUrl;

use super::{Answer, Shared};
use crate::failure::Failure;
use crate::parts::{Caller, IdInPath, TokenInPath};

/// Go to a file's bytes, for `curl -L`.
#[utoipa::path(
    get, path = "/v1/files/{id}/content", tag = "downloads",
    params(("id" = String, Path, format = "uuid", description = "The id of the file")),
    responses((
        status = 307, description = "The bytes are there",
        headers(("location" = String, description = "A presigned URL"))
    ))
)]
pub(crate) async fn get_content(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
    method: Method,
) -> Answer {
    redirect(&engine.get_content(&who, id, reading(&method)).await?)
}

/// Go to a file's bytes with a `content_url`, which is its own permission: for `<img>` and `<video>`.
#[utoipa::path(
    get, path = "/c/{token}", tag = "downloads", security(()),
    params(("token" = String, Path, description = "The end of a `content_url`")),
    responses((
        status = 307, description = "The bytes are there",
        headers(("location" = String, description = "A presigned URL"))
    ))
)]
pub(crate) async fn open_content(
    State(engine): State<Shared>,
    TokenInPath(token): TokenInPath,
    method: Method,
) -> Answer {
    redirect(&engine.open_content(&token, reading(&method)).await?)
}

/// A HEAD is sent to the route of GET, and sent on as what it is.
pub(super) fn reading(method: &Method) -> Reading {
    match *method {
        Method::HEAD => Reading::Headers,
        _ => Reading::Bytes,
    }
}

pub(super) fn redirect(url: &PresignedUrl) -> Answer {
    let mut location = HeaderValue::from_str(url.expose())
        .map_err(|_| Failure::internal("a presigned URL is no header value"))?;
    location.set_sensitive(true);
    let mut response = Response::default();
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
