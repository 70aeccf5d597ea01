//! `/v1/files`: list, look, change, delete.

use axum::extract::State;
use axum::http::StatusCode;
use tokio::sync::Semaphore;
use valetkey_protocol::file::{File, FilePage, ListFiles, PatchFile};

use super::{Answer, Shared, no_content};
use crate::json::{JsonBody, reply, reply_with_room};
use crate::parts::{Caller, IdInPath, StrictQuery};

/// How many pages are held in memory at the same time. The catalog reads two at once; the others wait their
/// turn before they are read, not after it.
static PAGES: Semaphore = Semaphore::const_new(8);

/// About how long the JSON of a file is.
const BYTES_OF_A_FILE: usize = 640;

/// List your files, page by page.
#[utoipa::path(
    get, path = "/v1/files", tag = "files", params(ListFiles),
    responses((status = 200, body = FilePage, description = "A page of files"))
)]
pub(crate) async fn list_files(
    State(engine): State<Shared>,
    Caller(who): Caller,
    StrictQuery(list): StrictQuery<ListFiles>,
) -> Answer {
    let _turn = PAGES.acquire().await;
    let page = engine.list_files(&who, list).await?;
    reply_with_room(
        StatusCode::OK,
        &page,
        1024 + page.files.len() * BYTES_OF_A_FILE,
    )
}

/// Look at a file.
#[utoipa::path(
    get, path = "/v1/files/{id}", tag = "files",
    params(("id" = String, Path, format = "uuid", description = "The id of the file")),
    responses((status = 200, body = File, description = "The file"))
)]
pub(crate) async fn get_file(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    reply(StatusCode::OK, &engine.get_file(&who, id).await?)
}

/// Change a file's name, folder, metadata or retention: a merge patch (RFC 7396).
#[utoipa::path(
    patch, path = "/v1/files/{id}", tag = "files", request_body = PatchFile,
    params(("id" = String, Path, format = "uuid", description = "The id of the file")),
    responses((status = 200, body = File, description = "The file as it is now"))
)]
pub(crate) async fn patch_file(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
    JsonBody(patch): JsonBody<PatchFile>,
) -> Answer {
    reply(StatusCode::OK, &engine.patch_file(&who, id, patch).await?)
}

/// Delete a file, for ever.
#[utoipa::path(
    delete, path = "/v1/files/{id}", tag = "files",
    params(("id" = String, Path, format = "uuid", description = "The id of the file")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete_file(
    State(engine): State<Shared>,
    Caller(who): Caller,
    IdInPath(id): IdInPath,
) -> Answer {
    engine.delete_file(&who, id).await?;
    Ok(no_content())
}
