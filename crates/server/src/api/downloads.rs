//! `/v1/files/{id}/download` and `/v1/downloads`: ways to the bytes.

use axum::extract::State;
use axum::http::StatusCode;
use valetkey_protocol::download::{CreateDownload, CreateDownloads, Download, DownloadResult};
use valetkey_protocol::upload::Results;

use super::{Answer, Shared};
use crate::json::{JsonBody, OptionalJsonBody, reply};
use crate::limits::Share;
use crate::parts::{Caller, IdInPath};

/// Get a presigned URL of a file's bytes, and a URL of this service for pages that cannot send a token.
#[utoipa::path(
    post, path = "/v1/files/{id}/download", tag = "downloads", request_body = Option<CreateDownload>,
    params(("id" = String, Path, format = "uuid", description = "The id of the file")),
    responses((status = 200, body = Download, description = "The way to the bytes"))
)]
pub(crate) async fn create_download(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
    OptionalJsonBody(create): OptionalJsonBody<CreateDownload>,
) -> Answer {
    reply(
        StatusCode::OK,
        &engine.create_download(&who, id, create).await?,
    )
}

/// Get the ways to up to 100 files at once: each has a result of its own, in their order.
#[utoipa::path(
    post, path = "/v1/downloads/batch", tag = "downloads", request_body = CreateDownloads,
    responses((status = 200, body = Results<DownloadResult>, description = "One result for each"))
)]
pub(crate) async fn create_downloads(
    State(engine): State<Shared>,
    Caller(who): Caller,
    share: Share,
    JsonBody(batch): JsonBody<CreateDownloads>,
) -> Answer {
    share.take(batch.ids.len()).await?;
    reply(StatusCode::OK, &engine.create_downloads(&who, batch).await?)
}
