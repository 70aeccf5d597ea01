//! `/public/{bucket}/{name}`: files that everybody may read, because their bucket says so.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, header};
use valetkey_engine::Error;

use super::content::{reading, redirect};
use super::{Answer, Shared};
use crate::failure::Failure;

/// Go to the bytes of a file that everybody may read.
#[utoipa::path(
    get, path = "/public/{bucket}/{*name}", tag = "downloads", security(()),
    params(
        ("bucket" = String, Path, description = "A bucket with `public_read`"),
        ("name" = String, Path, description = "The file's public name, or its key")
    ),
    responses((
        status = 307, description = "The bytes are there",
        headers(
            ("location" = String, description = "A presigned URL"),
            ("cache-control" = String, description = "How long everybody may keep this answer")
        )
    ))
)]
pub(crate) async fn open_public(
    State(engine): State<Shared>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    method: Method,
) -> Answer {
    let Ok(Path((bucket, name))) = path else {
        return Err(Error::NotFound.into());
    };
    let read = engine.open_public(&bucket, &name, reading(&method)).await?;
    let mut response = redirect(&read.url)?;
    let kept = HeaderValue::try_from(format!("public, max-age={}", read.max_age))
        .map_err(|_| Failure::internal("a number is no header value"))?;
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    Ok(response)
}
